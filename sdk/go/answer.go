package portolan

import "time"

// Answer is how an origin answered, for the hook response. Its fields are those of the manifest's ResponseFields.
type Answer struct {
	// Region that answered.
	Region     uint32
	RegionName string
	Status     uint16
	// Attempt counts from 1.
	Attempt uint32
	// TTFB is from the begin of the attempt to the head of the answer.
	TTFB time.Duration
	// MayRetry says whether Next can be heeded.
	MayRetry bool
	Fields
}

// Reaction is Next or an *Amendment.
type Reaction interface{ reaction() }

// Next has the plan's next region asked in place of this one: a retry like any other. Where that cannot be, or no other region
// answers, the client has this answer after all.
var Next Reaction = next{}

type next struct{}

func (next) reaction() {}

// Amendment is how the answer is changed.
type Amendment struct {
	Edits []Edit
	// Pin is what becomes of the session's pin: the zero value is what the plan says, Bind pins it to the region that answered.
	Pin PinAction
}

func (*Amendment) reaction() {}
