// Package tenanthash keeps each tenant in one region: the policy tenant-hash in Go. ../../README.md has the configuration,
// ../../src the same policy in Rust; both are held to ../../cases.toml.
package tenanthash

import (
	"errors"
	"fmt"
	"strings"

	"portolan"
)

// advised is the factor of Mirrokni, Thorup and Zadimoghaddam ("Consistent Hashing with Bounded Loads", 2017).
const advised = 1.25

type config struct {
	By   *string
	Load *float64
}

type tenantHash struct {
	// claim in the field that is the key; empty where the field itself is.
	claim string
	load  float64
}

func init() { portolan.Export(describe, load) }

func describe(config config) (portolan.Manifest, error) {
	field, _, err := read(config)
	return portolan.Manifest{Fields: []string{field}}, err
}

func load(config config, _ *portolan.Regions) (tenantHash, error) {
	_, policy, err := read(config)
	return policy, err
}

// read checks the configuration; the field is what the policy wants to see.
func read(config config) (field string, policy tenantHash, err error) {
	policy.load = advised
	if config.Load != nil {
		policy.load = *config.Load
	}
	if !(policy.load >= 1 && policy.load <= 100) {
		return "", policy, fmt.Errorf("config.load: %v is not between 1 and 100", policy.load)
	}
	if config.By == nil {
		return "", policy, errors.New("config: missing field `by`")
	}
	kind, name, _ := strings.Cut(*config.By, ":")
	switch {
	case name != "" && kind == "jwt":
		policy.claim = name
		return "header:authorization", policy, nil
	case name != "" && (kind == "header" || kind == "cookie" || kind == "query"):
		return *config.By, policy, nil
	}
	return "", policy, fmt.Errorf("config.by: %q is none of `header:NAME`, `cookie:NAME`, `query:NAME` and `jwt:CLAIM`", *config.By)
}

// Route sends a tenant's requests to the tenant's region.
func (policy tenantHash) Route(request *portolan.Request) portolan.Verdict {
	key, ok := request.FieldAt(0)
	if ok && policy.claim != "" {
		key, ok = claimOf(key, policy.claim)
	}
	if !ok {
		return nil
	}
	order := placesOf(key, request.Candidates, policy.load)
	if len(order) == 0 {
		return nil
	}
	plan := &portolan.Plan{Order: order}
	switch {
	case request.Pin.Is(order[0]): // a pin that agrees keeps its endpoint; any other follows the tenant
	case request.Pin != nil:
		plan.Pin = portolan.Bind(request.Pin.Payload)
	default:
		plan.Pin = portolan.Bind(nil)
	}
	return plan
}
