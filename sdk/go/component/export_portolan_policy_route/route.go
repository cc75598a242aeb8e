//go:build wasip1

// Package export_portolan_policy_route answers the hook route for the policy that was exported.
package export_portolan_policy_route

import (
	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	"wit_component/crossing"
	"wit_component/portolan_policy_types"
)

// Route asks the policy where a request should go.
func Route(raw portolan_policy_types.Request, fields []byte, table portolan_policy_types.Candidates) portolan_policy_types.Verdict {
	defer portolan.Reporting()
	request := crossing.Request(raw, fields)
	request.Candidates = crossing.Candidates(table, request.Regions)
	switch said := portolan.Hook[portolan.Router]().Route(request).(type) {
	case *portolan.Plan:
		if said != nil {
			return portolan_policy_types.MakeVerdictRoute(plan(said))
		}
	case *portolan.Reply:
		if said != nil {
			return portolan_policy_types.MakeVerdictRespond(reply(said))
		}
	}
	return portolan_policy_types.MakeVerdictPass()
}

func plan(plan *portolan.Plan) portolan_policy_types.Plan {
	raw := portolan_policy_types.Plan{
		Order:     plan.Order,
		Strict:    plan.Strict,
		Pin:       crossing.PinAction(plan.Pin),
		Cache:     cache(plan.Cache),
		Edits:     crossing.Edits(plan.Edits),
		TimeoutMs: crossing.Millis(plan.Timeout),
	}
	if plan.Fence != nil {
		raw.Fence = wit.Some(plan.Fence)
	}
	return raw
}

func cache(cache portolan.Cache) portolan_policy_types.CacheAction {
	if cache.Bypass {
		return portolan_policy_types.MakeCacheActionBypass()
	}
	var terms portolan_policy_types.CacheTerms
	if cache.Key != "" {
		terms.Key = wit.Some(cache.Key)
	}
	if cache.TTL != nil {
		terms.TtlS = wit.Some(crossing.Seconds(*cache.TTL))
	}
	if cache.Key == "" && cache.TTL == nil {
		return portolan_policy_types.MakeCacheActionKeep()
	}
	return portolan_policy_types.MakeCacheActionTerms(terms)
}

func reply(reply *portolan.Reply) portolan_policy_types.Reply {
	raw := portolan_policy_types.Reply{Status: reply.Status, Body: reply.Body}
	for _, header := range reply.Headers {
		pair := wit.Tuple2[string, []byte]{F0: header.Name, F1: []byte(header.Value)}
		raw.Headers = append(raw.Headers, pair)
	}
	return raw
}
