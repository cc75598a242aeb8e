package http

import (
	"math"
	"time"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	host "wit_component/portolan_policy_http"
)

func fetch(request Request) (*Response, error) { return came(host.Fetch(raw(request))) }

func fetchAll(requests []Request) []Answer {
	asks := make([]host.Request, len(requests))
	for place, request := range requests {
		asks[place] = raw(request)
	}
	answers := make([]Answer, len(requests))
	for place, result := range host.FetchAll(asks) {
		answers[place].Response, answers[place].Err = came(result)
	}
	return answers
}

func raw(request Request) host.Request {
	headers := make([]wit.Tuple2[string, []byte], len(request.Headers))
	for place, header := range request.Headers {
		headers[place] = wit.Tuple2[string, []byte]{F0: header.Name, F1: []byte(header.Value)}
	}
	return host.Request{
		Method:    request.Method,
		Url:       request.URL,
		Headers:   headers,
		Body:      request.Body,
		TimeoutMs: millis(request.Timeout),
	}
}

func came(result wit.Result[host.Response, host.Error]) (*Response, error) {
	if result.Tag() == wit.ResultErr {
		return nil, Error(result.Err())
	}
	answer := result.Ok()
	headers := make([]portolan.Header, len(answer.Headers))
	for place, header := range answer.Headers {
		headers[place] = portolan.Header{Name: header.F0, Value: string(header.F1)}
	}
	return &Response{Status: int(answer.Status), Headers: headers, Body: answer.Body}, nil
}

// millis is a limit as the contract counts it, rounded up; 0 is no opinion.
func millis(limit time.Duration) uint32 {
	return uint32(min(max((limit+time.Millisecond-1)/time.Millisecond, 0), math.MaxUint32))
}
