// Package view is what a policy looks up of the request in progress, instead of having it passed with every call: the headers,
// cookies and query parameters of its manifest's Lookups. A policy that imports it has imports = ["view"] in its policy.toml.
//
// Natively a look-up finds what FieldsWith has under the field's name with lazy: before it; what a test gives no value is absent.
package view

import (
	"unicode/utf8"

	"portolan"
)

// Error says why there is no answer.
type Error uint8

// The errors of the contract, in its order.
const (
	// NoField: the manifest has no such field to look up.
	NoField Error = iota
	// TooMuch: a call may look up 256 times and 256 KiB; this would be more.
	TooMuch
	// Unavailable: there is no request, as while the policy is described and loaded.
	Unavailable
)

// Error is its name in the contract.
func (err Error) Error() string {
	names := [...]string{"no-field", "too-much", "unavailable"}
	if int(err) < len(names) {
		return names[err]
	}
	return "failed"
}

// Lookup is a field of Lookups, such as "header:authorization"; nil without an error where the request has none.
func Lookup(request *portolan.Request, name string) ([]byte, error) {
	return LookupAt(request, request.LazyPlace(name))
}

// LookupAt is the same by its place in the manifest: those of Lookups stand behind Fields.
func LookupAt(request *portolan.Request, place int) ([]byte, error) { return field(request, place) }

// Text is the same as text; false also when it cannot be had or is not UTF-8.
func Text(request *portolan.Request, name string) (string, bool) {
	value, err := Lookup(request, name)
	if err != nil || value == nil || !utf8.Valid(value) {
		return "", false
	}
	return string(value), true
}
