package portolan

import "time"

// Watcher answers the hook health: hears what became of regions, or that time has passed, apart from any request, and may ask
// servers with the package http. It returns how long it wants to be left alone, 250 ms at least; 0 is until a region changes.
type Watcher interface{ Watch(*Changes) time.Duration }

// Changes are what became of regions since the last call; none when it is only time again.
type Changes struct {
	// NowMs is the time, milliseconds since 1970-01-01 UTC.
	NowMs float64
	// Entropy is uniform in [0, 1), new for each call.
	Entropy float64
	// All has one for each region that changed; in the first call of an instance, one for every region.
	All []Change
	// Regions are all that there are.
	Regions *Regions
}

// Change is what became of one region.
type Change struct {
	// Region is as configured; never nil.
	*Region
	// Before is what was told last; Unknown before anything was.
	Before, Now Health
	// SinceMs is since when, milliseconds since 1970-01-01 UTC.
	SinceMs float64
}
