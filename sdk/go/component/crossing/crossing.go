//go:build wasip1

// Package crossing turns what the bindings have into what policies see, and back. In the component only.
package crossing

import (
	"math"
	"time"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	"wit_component/portolan_policy_types"
)

// Behind the declared fields of a request: what was stored with the pin, and the name of the pin's region when that is no more.
const (
	payload = iota
	formerRegion
	behind
)

// Request is a request without candidates.
func Request(raw portolan_policy_types.Request, fields []byte) *portolan.Request {
	component := portolan.Exported()
	names := component.Manifest.Fields
	request := &portolan.Request{
		NowMs:   raw.NowMs,
		Entropy: raw.Entropy,
		Regions: component.Regions,
		Fields:  portolan.FieldsOf(names, behind, fields),
	}
	if region := component.Regions.ByID(raw.Service); region != nil {
		request.Service = region.Service
	}
	if raw.Client.Tag() == wit.OptionSome {
		client := portolan.Location(raw.Client.Some())
		request.Client = &client
	}
	if raw.Pin.Tag() == wit.OptionSome {
		request.Pin = pin(raw.Pin.Some(), request, len(names))
	}
	return request
}

func pin(raw portolan_policy_types.Pin, request *portolan.Request, declared int) *portolan.Pin {
	pin := &portolan.Pin{
		IsConfigured: raw.Region.Tag() == wit.OptionSome,
		Region:       raw.Region.Some(),
		SessionAgeS:  raw.SessionAgeS,
		AgeS:         raw.PinAgeS,
	}
	pin.Payload, _ = request.FieldAt(declared + payload)
	if region := request.Regions.ByID(pin.Region); pin.IsConfigured && region != nil {
		pin.RegionName = region.Name
	} else {
		name, _ := request.FieldAt(declared + formerRegion)
		pin.RegionName = string(name)
	}
	return pin
}

// Candidates are the regions of a table. A later router may append columns; one with fewer is not of this version and shows
// none.
func Candidates(table portolan_policy_types.Candidates, regions *portolan.Regions) []portolan.Candidate {
	width := int(table.Width)
	if width <= int(portolan_policy_types.ColumnWeight) {
		return nil
	}
	candidates := make([]portolan.Candidate, 0, len(table.Cells)/width)
	for row := table.Cells; len(row) >= width; row = row[width:] {
		region := regions.ByID(row[portolan_policy_types.ColumnRegion])
		if region == nil {
			continue // the router told of all regions in init
		}
		health := portolan.Health(row[portolan_policy_types.ColumnHealth])
		if health > portolan.Down {
			health = portolan.Unknown
		}
		candidates = append(candidates, portolan.Candidate{
			Region:     region,
			Health:     health,
			HealthAgeS: row[portolan_policy_types.ColumnHealthAgeS],
			DistanceKm: row[portolan_policy_types.ColumnDistanceKm],
			RTTUs:      row[portolan_policy_types.ColumnRttUs],
			LatencyUs:  row[portolan_policy_types.ColumnLatencyUs],
			InFlight:   row[portolan_policy_types.ColumnInFlight],
			Weight:     row[portolan_policy_types.ColumnWeight],
		})
	}
	return candidates
}

// Edits are these edits, as the contract has them.
func Edits(edits []portolan.Edit) []portolan_policy_types.Edit {
	raw := make([]portolan_policy_types.Edit, len(edits))
	for place, edit := range edits {
		raw[place] = portolan_policy_types.Edit{Op: uint8(edit.Op), Name: edit.Name, Value: edit.Value}
	}
	return raw
}

// PinAction is this action, as the contract has it.
func PinAction(action portolan.PinAction) portolan_policy_types.PinAction {
	switch action.Kind {
	case portolan.HoldPin:
		return portolan_policy_types.MakePinActionHold()
	case portolan.ClearPin:
		return portolan_policy_types.MakePinActionClear()
	case portolan.BindPin:
		bind := portolan_policy_types.Binding{Payload: action.Payload, TtlS: Seconds(action.TTL)}
		return portolan_policy_types.MakePinActionBind(bind)
	default:
		return portolan_policy_types.MakePinActionKeep()
	}
}

// Seconds is a time as the contract counts it, rounded up.
func Seconds(span time.Duration) uint32 { return counted(span, time.Second) }

// Millis is the same in milliseconds.
func Millis(span time.Duration) uint32 { return counted(span, time.Millisecond) }

func counted(span, unit time.Duration) uint32 {
	return uint32(min(max((span+unit-1)/unit, 0), math.MaxUint32))
}
