// Package kv is what a policy keeps between calls: key-value pairs in buckets that its manifest names and the operator grants,
// shared by all its instances in one router. A policy that imports it has imports = ["kv"] in its policy.toml.
//
// A verdict that depends on what is kept is no longer a function of the request alone: keep what was learned, not what was said.
// Natively a bucket is a table in the test's own memory, in which nothing ends by itself.
package kv

import "time"

// Bucket is a bucket by its place in the manifest's buckets.
type Bucket uint32

// Error says why nothing was done.
type Error uint8

// The errors of the contract, in its order.
const (
	// NoBucket: no such bucket in the manifest.
	NoBucket Error = iota
	// TooLarge: a key of more than 256 bytes, or a value larger than the bucket allows.
	TooLarge
	// OverQuota: the bucket has as many entries or bytes as it may have.
	OverQuota
	// NotANumber: Add found a value that is not a number of its own.
	NotANumber
	// Unavailable: not now, as while the policy is described and loaded.
	Unavailable
)

// Error is its name in the contract.
func (err Error) Error() string {
	names := [...]string{"no-bucket", "too-large", "over-quota", "not-a-number", "unavailable"}
	if int(err) < len(names) {
		return names[err]
	}
	return "failed"
}

// Get is the value of a key; nil without an error where there is no such key.
func (bucket Bucket) Get(key []byte) ([]byte, error) { return get(uint32(bucket), key) }

// Set sets a key for this long; 0 is for good.
func (bucket Bucket) Set(key, value []byte, ttl time.Duration) error {
	return set(uint32(bucket), key, value, millis(ttl))
}

// Replace sets a key that has the expected value, nil for one that is not there; whether it had. Atomic.
func (bucket Bucket) Replace(key, expected, value []byte, ttl time.Duration) (bool, error) {
	return replace(uint32(bucket), key, expected, value, millis(ttl))
}

// Add adds to a number and gives the sum. One that is not there begins at 0, and lasts this long from then on. Atomic.
func (bucket Bucket) Add(key []byte, delta int64, ttl time.Duration) (int64, error) {
	return add(uint32(bucket), key, delta, millis(ttl))
}

// Delete removes a key; whether it was there.
func (bucket Bucket) Delete(key []byte) (bool, error) { return remove(uint32(bucket), key) }

// millis is a lifetime as the contract counts it; one that is too long for it lasts for good.
func millis(ttl time.Duration) uint32 {
	switch millis := ttl.Milliseconds(); {
	case ttl <= 0 || millis > 1<<32-1:
		return 0
	case millis == 0:
		return 1
	default:
		return uint32(millis)
	}
}
