//go:build !wasip1

package telemetry

// Line is a line of the log.
type Line struct {
	Level   Level
	Message string
}

// Value is one that was written to a metric.
type Value struct {
	Metric, Label uint32
	Value         float64
}

var (
	lines  []Line
	values []Value
)

// Logged are the lines since it was asked last, for tests.
func Logged() []Line {
	said := lines
	lines = nil
	return said
}

// Measured are the values since it was asked last, for tests.
func Measured() []Value {
	said := values
	values = nil
	return said
}

func log(level Level, message string) { lines = append(lines, Line{level, message}) }

func count(metric, label uint32, by uint64) { set(metric, label, float64(by)) }

func set(metric, label uint32, value float64) { values = append(values, Value{metric, label, value}) }

func observe(metric, label uint32, value float64) { set(metric, label, value) }
