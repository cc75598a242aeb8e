// Package telemetry is what a policy says to the operator: lines of the log, and the metrics of its manifest. A policy that
// imports it has imports = ["telemetry"] in its policy.toml; a panic that ends one of its calls is then in the log.
//
// Natively, what is said is kept for Logged and Measured.
package telemetry

import "portolan"

// Level is how much a line matters.
type Level uint8

// The levels of the contract, in its order.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Log writes a line to the router's log, beside the policy's name. The router keeps 1024 bytes of it, and 20 lines per second.
func Log(level Level, message string) { log(level, message) }

func init() { portolan.Report = func(words string) { Log(Error, words) } }

// Counter is a counter by its place in the manifest's metrics: it only rises.
type Counter uint32

// Add adds to it; label is the place of the value in the metric's labels, 0 where it has none.
func (counter Counter) Add(label uint32, by uint64) { count(uint32(counter), label, by) }

// Gauge is a gauge by its place in the manifest's metrics: it stands at its last value.
type Gauge uint32

// Set sets it.
func (gauge Gauge) Set(label uint32, value float64) { set(uint32(gauge), label, value) }

// Histogram is a histogram by its place in the manifest's metrics: it counts values by size.
type Histogram uint32

// Observe adds a value.
func (histogram Histogram) Observe(label uint32, value float64) {
	observe(uint32(histogram), label, value)
}
