package portolan

import "time"

// Verdict is a *Plan or a *Reply. Nothing is checked here: the router checks every verdict.
type Verdict interface{ verdict() }

// Plan is where the request should go.
type Plan struct {
	// Order has regions, best first; empty is no opinion.
	Order []uint32
	// Fence has the regions that the request must not leave; nil is none.
	Fence []uint32
	// Strict says that only the regions in Order may serve.
	Strict bool
	Pin    PinAction
	Cache  Cache
	// Edits change the request to the origin.
	Edits []Edit
	// Timeout shortens the limit for the whole exchange; 0 is no opinion.
	Timeout time.Duration
}

func (*Plan) verdict() {}

// Reply is an answer in place of the application's.
type Reply struct {
	Status  uint16
	Headers []Header
	Body    []byte
}

func (*Reply) verdict() {}

// Header is one header of a reply.
type Header struct{ Name, Value string }

// PinAction is what becomes of the session's pin. The zero value keeps it: what the service's settings say.
type PinAction struct {
	// Kind is the contract's number of the action.
	Kind PinKind
	// Payload and TTL are those of Bind.
	Payload []byte
	TTL     time.Duration
}

// PinKind is a kind of PinAction, in the order of the contract.
type PinKind uint8

// What a PinAction does.
const (
	KeepPin PinKind = iota
	HoldPin
	ClearPin
	BindPin
)

// Hold serves by the order, and leaves the pin as it is.
func Hold() PinAction { return PinAction{Kind: HoldPin} }

// Clear serves by the order, and ends the pin.
func Clear() PinAction { return PinAction{Kind: ClearPin} }

// Bind pins the session to the region that serves, with this payload of at most 256 bytes, for the service's own lifetime.
func Bind(payload []byte) PinAction { return PinAction{Kind: BindPin, Payload: payload} }

// BindFor is Bind with a lifetime of the policy's own.
func BindFor(payload []byte, ttl time.Duration) PinAction { return PinAction{BindPin, payload, ttl} }

// Cache is what a plan wants of the cache. The zero value leaves it to the route's settings.
type Cache struct {
	// Bypass has the answer neither taken from the cache nor kept in it.
	Bypass bool
	// Key is a part of the key; empty is none.
	Key string
	// TTL is how long an answer that this request brings into the cache is fresh; nil is what the origin says.
	TTL *time.Duration
}

// Edit changes a header: of the request in a Plan, of the answer in an Amendment.
type Edit struct {
	// Op is the contract's number of the edit.
	Op    EditOp
	Name  string
	Value []byte
}

// EditOp is a kind of Edit, in the order of the contract.
type EditOp uint8

// What an Edit does.
const (
	SetOp EditOp = iota
	AddOp
	RemoveOp
)

// Set sets a header.
func Set(name, value string) Edit { return Edit{SetOp, name, []byte(value)} }

// Add adds one more header of this name.
func Add(name, value string) Edit { return Edit{AddOp, name, []byte(value)} }

// Remove removes a header.
func Remove(name string) Edit { return Edit{Op: RemoveOp, Name: name} }
