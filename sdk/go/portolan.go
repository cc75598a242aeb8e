// Package portolan is for routing policies in Go.
//
// A policy is a type with a method for each hook that its policy.toml names, and two functions that Export joins to it. What is
// here works on what the router passed in; nothing is asked of it. The packages telemetry, kv, view and http do that. Everything but
// those is the same natively, so a policy's tests are ordinary tests of Go.
package portolan

import (
	"fmt"
	"slices"
)

// Router answers the hook route: where a request goes. Nil is no opinion.
type Router interface{ Route(*Request) Verdict }

// Keyer answers the hook affinity: the session's key, at most 1024 bytes. Nil is no opinion. The request has no candidates.
type Keyer interface{ Key(*Request) []byte }

// Listener answers the hook response: what becomes of an origin's answer. Nil is no opinion. The request has no candidates.
type Listener interface {
	Response(*Request, *Answer) Reaction
}

// Manifest is what the policy wants to see and to use. Nothing that is not declared is passed.
type Manifest struct {
	// Fields of the request, such as "header:x-tenant"; the contract's manifest lists them.
	Fields []string
	// Lookups are headers, cookies and query parameters to look up with the package view, such as "header:authorization".
	Lookups []string
	// Fields of the response for the hook response: "header:NAME".
	ResponseFields []string
	// Buckets, which kv.At names by their place.
	Buckets []string
	// Metrics, which the package telemetry names by their place.
	Metrics []Metric
}

// Metric is a metric that the policy writes.
type Metric struct {
	Name string
	Kind Kind
	// Labels are the values of its one label, at most 16; none is no label.
	Labels []string
}

// Kind of a metric.
type Kind string

// Counters only rise, gauges stand at their last value, histograms count values by size.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Export makes a policy's component, in an init function of the policy's package. describe reads the configuration and says
// what the policy wants to see; load makes the policy, once for each instance. An error of either reaches the operator in its
// words. C is what the operator's config table is read into, as encoding/json does it; keys that it does not have are refused.
func Export[C, P any](describe func(C) (Manifest, error), load func(C, *Regions) (P, error)) {
	exported = &Component{
		Describe: func(config []byte) (Manifest, error) {
			read, err := read[C](config)
			if err != nil {
				return Manifest{}, err
			}
			manifest, err := describe(read)
			manifest.Fields = withLookups(manifest.Fields, manifest.Lookups)
			return manifest, err
		},
		load: func(config []byte, regions *Regions) (any, error) {
			read, err := read[C](config)
			if err != nil {
				return nil, err
			}
			return load(read, regions)
		},
	}
}

// lazy stands before the name of a field that is looked up.
const lazy = "lazy:"

// withLookups are the fields as the contract has them. What the policy returned stays as it is.
func withLookups(fields, lookups []string) []string {
	all := slices.Clone(fields)
	for _, name := range lookups {
		all = append(all, lazy+name)
	}
	return all
}

// Component is a policy as the hooks of its component call it.
type Component struct {
	// Describe reads a configuration.
	Describe func(config []byte) (Manifest, error)
	load     func(config []byte, regions *Regions) (any, error)

	// Regions and Manifest are those of the instance, after Init.
	Regions  *Regions
	Manifest Manifest
	// Policy is what was loaded, after Init.
	Policy any
}

var exported *Component

// Exported is what the policy's package exported. For the component itself.
func Exported() *Component {
	if exported == nil {
		panic("no init function of the policy's package calls portolan.Export")
	}
	return exported
}

// Init makes the policy ready. For the component itself.
func (component *Component) Init(config []byte, regions []Region) (err error) {
	// describe ran in another instance; it is pure, so asking again gives the order of the fields.
	if component.Manifest, err = component.Describe(config); err != nil {
		return err
	}
	component.Regions = RegionsOf(regions)
	component.Policy, err = component.load(config, component.Regions)
	return err
}

// Hook is the policy as one that answers this hook. For the component itself.
func Hook[H any]() H {
	hook, ok := Exported().Policy.(H)
	if !ok {
		panic(fmt.Sprintf("policy.toml names a hook that %T has no method for", exported.Policy))
	}
	return hook
}

// Report is told why a call ends its instance; the package telemetry sets it.
var Report func(words string)

// Reporting says why a hook ends its instance, to be deferred. The router goes on without the policy's word.
func Reporting() {
	if why := recover(); why != nil {
		if Report != nil {
			Report(fmt.Sprint(why))
		}
		panic(why)
	}
}
