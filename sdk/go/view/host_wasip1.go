package view

import (
	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	host "wit_component/portolan_policy_view"
)

// field takes no request: the router knows which one is in progress.
func field(_ *portolan.Request, place int) ([]byte, error) {
	result := host.Field(uint32(place))
	if result.Tag() == wit.ResultErr {
		return nil, Error(result.Err())
	}
	value := result.Ok()
	if value.Tag() == wit.OptionNone {
		return nil, nil
	}
	if found := value.Some(); found != nil {
		return found, nil
	}
	return []byte{}, nil
}
