// Package wit_types has the types of the component model that Go lacks, as wit-bindgen's bindings name them.
package wit_types

// Unit is nothing.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[T0, T1 any] struct {
	F0 T0
	F1 T1
}

// Tags of an Option.
const (
	OptionNone uint8 = iota
	OptionSome
)

// Option is a value or none.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is this value.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// Tag says which it is.
func (option Option[T]) Tag() uint8 { return option.tag }

// Some is the value; the zero value where there is none.
func (option Option[T]) Some() T { return option.value }

// Tags of a Result.
const (
	ResultOk uint8 = iota
	ResultErr
)

// Result is a value or an error.
type Result[T, E any] struct {
	tag   uint8
	value T
	err   E
}

// Ok is this value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, value: value} }

// Err is this error.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag says which it is.
func (result Result[T, E]) Tag() uint8 { return result.tag }

// Ok is the value; the zero value of an error.
func (result Result[T, E]) Ok() T { return result.value }

// Err is the error; the zero value where there is none.
func (result Result[T, E]) Err() E { return result.err }
