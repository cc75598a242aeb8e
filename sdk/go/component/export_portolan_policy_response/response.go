//go:build wasip1

// Package export_portolan_policy_response answers the hook response for the policy that was exported.
package export_portolan_policy_response

import (
	"time"

	"portolan"
	"wit_component/crossing"
	"wit_component/portolan_policy_response"
	"wit_component/portolan_policy_types"
)

// Response tells the policy of an answer.
func Response(raw portolan_policy_types.Request, outcome portolan_policy_response.Outcome, fields, answered []byte) portolan_policy_response.Reaction {
	defer portolan.Reporting()
	request := crossing.Request(raw, fields)
	answer := &portolan.Answer{
		Region:   outcome.Region,
		Status:   outcome.Status,
		Attempt:  outcome.Attempt,
		TTFB:     time.Duration(outcome.TtfbUs) * time.Microsecond,
		MayRetry: outcome.MayRetry,
		Fields:   portolan.FieldsOf(portolan.Exported().Manifest.ResponseFields, 0, answered),
	}
	if region := request.Regions.ByID(outcome.Region); region != nil {
		answer.RegionName = region.Name
	}
	reaction := portolan.Hook[portolan.Listener]().Response(request, answer)
	if reaction == portolan.Next {
		return portolan_policy_response.MakeReactionNext()
	}
	if said, ok := reaction.(*portolan.Amendment); ok && said != nil {
		return portolan_policy_response.MakeReactionAmend(portolan_policy_response.Amendment{
			Edits: crossing.Edits(said.Edits),
			Pin:   crossing.PinAction(said.Pin),
		})
	}
	return portolan_policy_response.MakeReactionPass()
}
