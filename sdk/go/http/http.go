// Package http asks HTTP servers, in the hook health alone; the operator grants what may be asked. A policy that imports it has
// imports = ["http"] in its policy.toml.
//
// Natively the servers are those of Serve and Fail, and whatever is not there has no connection.
package http

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"portolan"
)

// Error says why nothing came.
type Error uint8

// The errors of the contract, in its order.
const (
	// Invalid: the URL is none, or a header cannot be sent.
	Invalid Error = iota
	// NotGranted: the operator does not grant this place.
	NotGranted
	// TooMany: more requests than the operator allows in a second, or 17 at one time.
	TooMany
	// Unavailable: not in this hook, or the instance is about to end.
	Unavailable
	// NoConnection: the name does not resolve, nobody accepts, or TLS does not verify.
	NoConnection
	// Timeout: not whole in time.
	Timeout
	// TooLarge: the answer is larger than the operator allows.
	TooLarge
	// Broken: what came is no HTTP, or ended in the middle.
	Broken
)

// Error is its name in the contract.
func (err Error) Error() string {
	names := [...]string{
		"invalid", "not-granted", "too-many", "unavailable", "no-connection", "timeout", "too-large", "broken",
	}
	if int(err) < len(names) {
		return names[err]
	}
	return "failed"
}

// Request is what is asked.
type Request struct {
	// Method is GET where it is empty.
	Method, URL string
	Headers     []portolan.Header
	Body        []byte
	// Timeout can only shorten what the operator allows; 0 is no opinion.
	Timeout time.Duration
}

// Response is what a server answered, whatever its status.
type Response struct {
	Status  int
	Headers []portolan.Header
	Body    []byte
}

// Answer is a response, or an error where nothing came.
type Answer struct {
	*Response
	Err error
}

// Get asks for a document and waits for it.
func Get(url string) (*Response, error) { return Fetch(Request{URL: url}) }

// Fetch asks, and waits for the answer.
func Fetch(request Request) (*Response, error) { return fetch(request.filled()) }

// FetchAll asks all of these at the same time, at most 16, and waits for all; answers are in the order of the requests. One
// server that is silent then costs the others nothing.
func FetchAll(requests []Request) []Answer {
	asks := make([]Request, len(requests))
	for place, request := range requests {
		asks[place] = request.filled()
	}
	return fetchAll(asks)
}

func (request Request) filled() Request {
	if request.Method == "" {
		request.Method = "GET"
	}
	return request
}

// IsSuccess says whether the status is one of success (2xx).
func (response *Response) IsSuccess() bool { return response.Status >= 200 && response.Status < 300 }

// Header is the first header of this name, whatever its case, and whether there is one.
func (response *Response) Header(name string) (string, bool) {
	for _, header := range response.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value, true
		}
	}
	return "", false
}

// Text is the body without white space around it; false when it is not UTF-8.
func (response *Response) Text() (string, bool) {
	return string(bytes.TrimSpace(response.Body)), utf8.Valid(response.Body)
}
