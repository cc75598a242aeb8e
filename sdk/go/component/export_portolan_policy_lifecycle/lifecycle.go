//go:build wasip1

// Package export_portolan_policy_lifecycle answers the hook lifecycle for the policy that was exported.
package export_portolan_policy_lifecycle

import (
	wit "go.bytecodealliance.org/pkg/wit/types"
	"portolan"
	"wit_component/portolan_policy_lifecycle"
)

// Describe reads the configuration and says what the policy wants.
func Describe(config []byte) wit.Result[portolan_policy_lifecycle.Manifest, string] {
	manifest, err := portolan.Exported().Describe(config)
	if err != nil {
		return wit.Err[portolan_policy_lifecycle.Manifest](err.Error())
	}
	raw := portolan_policy_lifecycle.Manifest{
		Fields:         manifest.Fields,
		ResponseFields: manifest.ResponseFields,
		Buckets:        manifest.Buckets,
	}
	for _, metric := range manifest.Metrics {
		said := portolan_policy_lifecycle.Metric{Name: metric.Name, Kind: string(metric.Kind), Labels: metric.Labels}
		raw.Metrics = append(raw.Metrics, said)
	}
	return wit.Ok[portolan_policy_lifecycle.Manifest, string](raw)
}

// Init makes the policy ready.
func Init(config []byte, infos []portolan_policy_lifecycle.RegionInfo) wit.Result[wit.Unit, string] {
	regions := make([]portolan.Region, len(infos))
	for place, info := range infos {
		labels := make(map[string]string, len(info.Labels))
		for _, label := range info.Labels {
			labels[label.F0] = label.F1
		}
		regions[place] = portolan.Region{
			ID:       info.Id,
			Service:  info.Service,
			Name:     info.Name,
			Labels:   labels,
			Location: portolan.Location(info.Location),
			Capacity: info.Capacity,
		}
	}
	if err := portolan.Exported().Init(config, regions); err != nil {
		return wit.Err[wit.Unit](err.Error())
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}
