// Package runtime is the memory that wit-bindgen's bindings and the router hand to each other.
//
// In place of the package of this name that the bindings import, which asks the host for more than the contract has.
package runtime

import (
	"runtime"
	"unsafe"
)

// Allocate takes memory that stays where it is until it is unpinned.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	var pointer unsafe.Pointer
	switch align {
	case 1:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case 2, 4:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
	pinner.Pin(pointer)
	return pointer
}

// What the router wrote and the policy has not taken yet.
var arrived runtime.Pinner

// Unpin leaves what has arrived to those who refer to it.
func Unpin() { arrived.Unpin() }

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the router changes the size of what it wrote")
	}
	return Allocate(&arrived, size, align)
}
