package telemetry

import host "wit_component/portolan_policy_telemetry"

func log(level Level, message string)             { host.Log(uint8(level), message) }
func count(metric, label uint32, by uint64)       { host.Count(metric, label, by) }
func set(metric, label uint32, value float64)     { host.Set(metric, label, value) }
func observe(metric, label uint32, value float64) { host.Observe(metric, label, value) }
