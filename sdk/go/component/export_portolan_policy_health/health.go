//go:build wasip1

// Package export_portolan_policy_health answers the hook health for the policy that was exported.
package export_portolan_policy_health

import (
	"portolan"
	"wit_component/crossing"
	"wit_component/portolan_policy_health"
)

// Watch tells the policy what became of regions; how many milliseconds it wants to be left alone.
func Watch(nowMs, entropy float64, told []portolan_policy_health.Change) uint32 {
	defer portolan.Reporting()
	regions := portolan.Exported().Regions
	changes := &portolan.Changes{NowMs: nowMs, Entropy: entropy, Regions: regions}
	for _, change := range told {
		region := regions.ByID(change.Region)
		if region == nil {
			continue // the router told of all regions in init
		}
		changes.All = append(changes.All, portolan.Change{
			Region:  region,
			Before:  portolan.Health(change.Before),
			Now:     portolan.Health(change.Now),
			SinceMs: change.SinceMs,
		})
	}
	return crossing.Millis(portolan.Hook[portolan.Watcher]().Watch(changes))
}
