//go:build wasip1

// Package export_portolan_policy_affinity answers the hook affinity for the policy that was exported.
package export_portolan_policy_affinity

import (
	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	"wit_component/crossing"
	"wit_component/portolan_policy_types"
)

// Key asks the policy for the session's key.
func Key(raw portolan_policy_types.Request, fields []byte) wit.Option[[]byte] {
	defer portolan.Reporting()
	key := portolan.Hook[portolan.Keyer]().Key(crossing.Request(raw, fields))
	if key == nil {
		return wit.None[[]byte]()
	}
	return wit.Some(key)
}
