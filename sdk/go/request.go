package portolan

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Request is one request as a policy sees it; made for each call.
type Request struct {
	// NowMs is the time, milliseconds since 1970-01-01 UTC.
	NowMs float64
	// Entropy is uniform in [0, 1), new for each request.
	Entropy float64
	// Client is where the client is; nil when unknown.
	Client *Location
	// Pin is the session's; nil for none.
	Pin     *Pin
	Service string
	// Candidates are the regions that may serve, nearest first, also those that are down.
	Candidates []Candidate
	// Regions are all that there are.
	Regions *Regions
	Fields
}

// Pin is a session's pin. The router has checked its signature, service and age.
type Pin struct {
	// IsConfigured says whether Region is a region of today.
	IsConfigured bool
	Region       uint32
	RegionName   string
	// SessionAgeS and AgeS count from when the session was first pinned, and from when it was last pinned anew.
	SessionAgeS, AgeS uint32
	// Payload is what the policy stored with it.
	Payload []byte
}

// Is says whether the session is pinned to this region.
func (pin *Pin) Is(region uint32) bool { return pin != nil && pin.IsConfigured && pin.Region == region }

// Fields are the values of declared fields. They need not be text.
type Fields struct {
	names []string
	ends  []byte
	bytes []byte
}

const (
	// absent marks a field that is not there: the top bit of its number.
	absent = 1 << 31
	// number is the size of each field's number.
	number = 4
)

// FieldsOf are fields as the contract has them: those of these names, and more without names behind them.
func FieldsOf(names []string, behind int, raw []byte) Fields {
	numbers := number * (len(names) + behind)
	if len(raw) < numbers {
		// A router that sends less than it should leaves them all absent.
		return Fields{names: names}
	}
	return Fields{names, raw[:numbers], raw[numbers:]}
}

// FieldsWith are fields with these values, for tests.
func FieldsWith(values map[string]string) Fields {
	var fields Fields
	for name, value := range values {
		fields.names = append(fields.names, name)
		fields.bytes = append(fields.bytes, value...)
		fields.ends = binary.LittleEndian.AppendUint32(fields.ends, uint32(len(fields.bytes)))
	}
	return fields
}

// Field is the value of a declared field, and whether there is one. It panics when the policy did not declare it.
func (fields *Fields) Field(name string) ([]byte, bool) {
	place := slices.Index(fields.names, name)
	if place < 0 {
		panic(fmt.Sprintf("the field %q was not declared; declared are %q", name, fields.names))
	}
	return fields.FieldAt(place)
}

// FieldAt is the value of the field at this place in the manifest: the cheapest way.
func (fields *Fields) FieldAt(place int) ([]byte, bool) {
	at := place * number
	if at+number > len(fields.ends) {
		return nil, false
	}
	begin, end := uint32(0), binary.LittleEndian.Uint32(fields.ends[at:])
	if place > 0 {
		begin = binary.LittleEndian.Uint32(fields.ends[at-number:]) &^ absent
	}
	// A router that counts wrong gets "absent", not a panic. The top bit makes end greater than any length.
	if uint64(end) > uint64(len(fields.bytes)) || begin > end {
		return nil, false
	}
	return fields.bytes[begin:end:end], true
}

// LazyPlace is the place of a field to look up; one that there is not where none was declared so. For the package view.
func (fields *Fields) LazyPlace(name string) int {
	if place := slices.Index(fields.names, lazy+name); place >= 0 {
		return place
	}
	return math.MaxInt32
}

// Text is the value of a declared field as text; false also when it is not UTF-8.
func (fields *Fields) Text(name string) (string, bool) {
	value, ok := fields.Field(name)
	if !ok || !utf8.Valid(value) {
		return "", false
	}
	return string(value), true
}
