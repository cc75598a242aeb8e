// Package ledger uses every form of the SDK beside those of route: ../../README.md says what for.
package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"portolan"
	"portolan/kv"
	"portolan/telemetry"
)

const (
	book  = kv.Bucket(0)
	stray = kv.Bucket(7)
	asked = telemetry.Counter(0)
	last  = telemetry.Gauge(1)
	sizes = telemetry.Histogram(2)

	ttl = time.Minute
)

type ledger struct{}

func init() { portolan.Export(describe, load) }

func describe(struct{}) (portolan.Manifest, error) {
	return portolan.Manifest{
		Fields:         []string{"path", "header:x-key", "header:x-value"},
		ResponseFields: []string{"header:x-node"},
		Buckets:        []string{"book"},
		Metrics: []portolan.Metric{
			{Name: "asked", Kind: portolan.Counter, Labels: []string{"well", "in-vain"}},
			{Name: "last", Kind: portolan.Gauge},
			{Name: "sizes", Kind: portolan.Histogram},
		},
	}, nil
}

func load(struct{}, *portolan.Regions) (ledger, error) { return ledger{}, nil }

func (ledger) Route(request *portolan.Request) portolan.Verdict {
	path, _ := request.Text("path")
	key, _ := request.Field("header:x-key")
	value, _ := request.Field("header:x-value")
	said, err := do(path, key, value)
	var failed kv.Error
	switch {
	case errors.As(err, &failed):
		asked.Add(1, 1)
		return &portolan.Reply{Status: 507, Body: []byte(failed.Error())}
	case said == "":
		return nil
	}
	asked.Add(0, 1)
	last.Set(0, float64(len(value)))
	sizes.Observe(0, float64(len(value)))
	return &portolan.Reply{Status: 200, Body: []byte(said)}
}

func do(path string, key, value []byte) (string, error) {
	switch path {
	case "/get":
		found, err := book.Get(key)
		if found == nil {
			return "none", err
		}
		return "is " + string(found), err
	case "/set":
		return "set", book.Set(key, value, ttl)
	case "/keep":
		return "kept", book.Set(key, value, 0)
	case "/replace":
		had, err := book.Replace(key, []byte("old"), value, ttl)
		return strconv.FormatBool(had), err
	case "/claim":
		had, err := book.Replace(key, nil, value, ttl)
		return strconv.FormatBool(had), err
	case "/add":
		sum, err := book.Add(key, -5, ttl)
		return strconv.FormatInt(sum, 10), err
	case "/delete":
		had, err := book.Delete(key)
		return strconv.FormatBool(had), err
	case "/stray":
		return "", stray.Set(key, value, ttl)
	case "/log":
		telemetry.Log(telemetry.Warn, "the ledger is full")
		return "said", nil
	case "/fail":
		panic("the ledger is torn")
	}
	return "", nil
}

func (ledger) Response(_ *portolan.Request, answer *portolan.Answer) portolan.Reaction {
	switch {
	case answer.Status == 404 && answer.MayRetry:
		return portolan.Next
	case answer.Status >= 500:
		return &portolan.Amendment{Pin: portolan.Clear()}
	}
	heard := fmt.Sprintf("%d %d %d", answer.Status, answer.Attempt, answer.TTFB.Microseconds())
	amendment := &portolan.Amendment{
		Edits: []portolan.Edit{portolan.Set("x-region", answer.RegionName), portolan.Add("x-heard", heard)},
	}
	if node, ok := answer.Field("header:x-node"); ok {
		amendment.Edits = append(amendment.Edits, portolan.Remove("x-node"))
		amendment.Pin = portolan.BindFor(node, ttl)
	}
	return amendment
}
