// Package scout looks fields up, watches regions and asks servers by every form of the SDK: ../../README.md says what for.
package scout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"portolan"
	"portolan/http"
	"portolan/kv"
	"portolan/view"
)

const (
	seen = kv.Bucket(0)
	// often is more than a call may.
	often = 300
)

var (
	fields  = []string{"path", "header:x-key"}
	lookups = []string{"header:x-user", "cookie:id", "query:q"}
)

type config struct {
	URLs    []string `json:"urls"`
	Post    string
	EveryMs int64 `json:"every_ms"`
	Fail    bool
}

type scout struct {
	config
	early string
}

func init() { portolan.Export(describe, load) }

func describe(config) (portolan.Manifest, error) {
	return portolan.Manifest{Fields: fields, Lookups: lookups, Buckets: []string{"seen"}}, nil
}

func load(config config, _ *portolan.Regions) (scout, error) {
	_, err := view.LookupAt(&portolan.Request{}, len(fields))
	return scout{config, word(err)}, nil
}

func (scout scout) Route(request *portolan.Request) portolan.Verdict {
	if said := scout.say(request); said != "" {
		return &portolan.Reply{Status: 200, Body: []byte(said)}
	}
	return nil
}

func (scout scout) say(request *portolan.Request) string {
	path, _ := request.Text("path")
	switch path {
	case "/look":
		said := make([]string, len(lookups))
		for place, name := range lookups {
			said[place] = text(request, name)
		}
		return strings.Join(said, ",")
	case "/size":
		return size(view.Lookup(request, lookups[0]))
	case "/text":
		return text(request, lookups[0])
	case "/place":
		return size(view.LookupAt(request, len(fields)+2))
	case "/passed":
		return size(view.LookupAt(request, 0))
	case "/stray":
		return size(view.Lookup(request, "header:x-secret"))
	case "/stray-text":
		return text(request, "header:x-secret")
	case "/often":
		var err error
		for range often {
			_, err = view.Lookup(request, lookups[0])
		}
		return word(err)
	case "/early":
		return scout.early
	case "/ask":
		_, err := http.Get("http://127.0.0.1:9/")
		return word(err)
	case "/seen":
		key, _ := request.Field("header:x-key")
		if found, _ := seen.Get(key); found != nil {
			return string(found)
		}
		return "none"
	}
	return ""
}

func (scout) Key(request *portolan.Request) []byte {
	key, _ := view.Lookup(request, "header:x-user")
	return key
}

func (scout) Response(request *portolan.Request, _ *portolan.Answer) portolan.Reaction {
	id, _ := view.Lookup(request, "cookie:id")
	if id == nil {
		return nil
	}
	return &portolan.Amendment{Edits: []portolan.Edit{portolan.Set("x-id", string(id))}}
}

func (scout scout) Watch(changes *portolan.Changes) time.Duration {
	states := [...]string{"unknown", "healthy", "degraded", "draining", "down"}
	for _, change := range changes.All {
		keep(change.Name, states[change.Before]+">"+states[change.Now])
	}
	if scout.Fail {
		panic("the glass is broken")
	}
	headers := []portolan.Header{{Name: "x-asked-by", Value: "scout"}}
	asks := make([]http.Request, len(scout.URLs))
	for place, url := range scout.URLs {
		asks[place] = http.Request{URL: url, Headers: headers, Timeout: time.Second / 2}
	}
	for place, answer := range http.FetchAll(asks) {
		keep(fmt.Sprintf("url-%d", place), told(answer.Response, answer.Err))
	}
	if scout.Post != "" {
		headers = append(headers, portolan.Header{Name: "content-type", Value: "text/plain"})
		ask := http.Request{Method: "POST", URL: scout.Post, Headers: headers, Body: []byte("tide: 3 m")}
		keep("post", told(http.Fetch(ask)))
	}
	return time.Duration(scout.EveryMs) * time.Millisecond
}

func keep(key, value string) { _ = seen.Set([]byte(key), []byte(value), 0) }

// word is why there is nothing, if there is a reason.
func word(err error) string {
	if err == nil {
		return "well"
	}
	return err.Error()
}

func size(value []byte, err error) string {
	switch {
	case err != nil:
		return word(err)
	case value == nil:
		return "none"
	}
	return strconv.Itoa(len(value))
}

func text(request *portolan.Request, name string) string {
	if value, ok := view.Text(request, name); ok {
		return value
	}
	return "none"
}

// told is an answer in short: its status, the length of its body, a header, and its first letters; or why there is none.
func told(answer *http.Response, err error) string {
	if err != nil {
		return word(err)
	}
	node := "none"
	text, ok := answer.Text()
	if !ok {
		text = "?"
	}
	if value, ok := answer.Header("X-Node"); ok {
		node = strconv.Itoa(len(value))
	}
	return fmt.Sprintf("%d %t %d %s %s", answer.Status, answer.IsSuccess(), len(answer.Body), node, text[:min(len(text), 32)])
}
