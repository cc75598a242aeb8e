//go:build !wasip1

package http

// mostAsked is how many URLs are kept until a test asks for them.
const mostAsked = 1000

var (
	servers = map[string]Answer{}
	asked   []string
)

// Serve has a server answer with this status and body at this URL, for tests.
func Serve(url string, status int, body string) {
	servers[url] = Answer{Response: &Response{Status: status, Body: []byte(body)}}
}

// Fail has a server fail so at this URL, for tests.
func Fail(url string, err Error) { servers[url] = Answer{Err: err} }

// Asked are the URLs that were asked for since it was asked last, for tests.
func Asked() []string {
	urls := asked
	asked = nil
	return urls
}

func fetch(request Request) (*Response, error) {
	if len(asked) < mostAsked {
		asked = append(asked, request.URL)
	}
	answer, ok := servers[request.URL]
	if !ok {
		return nil, NoConnection
	}
	return answer.Response, answer.Err
}

func fetchAll(requests []Request) []Answer {
	answers := make([]Answer, len(requests))
	for place, request := range requests {
		answers[place].Response, answers[place].Err = fetch(request)
	}
	return answers
}
