//go:build !wasip1

package kv

import (
	"bytes"
	"encoding/binary"
)

type entry struct {
	bucket uint32
	key    string
}

var kept = map[entry][]byte{}

// Forget empties every bucket, for tests.
func Forget() { clear(kept) }

func get(bucket uint32, key []byte) ([]byte, error) {
	return bytes.Clone(kept[entry{bucket, string(key)}]), nil
}

func set(bucket uint32, key, value []byte, _ uint32) error {
	kept[entry{bucket, string(key)}] = append([]byte{}, value...)
	return nil
}

func replace(bucket uint32, key, expected, value []byte, ttlMs uint32) (bool, error) {
	found, ok := kept[entry{bucket, string(key)}]
	if ok != (expected != nil) || !bytes.Equal(found, expected) {
		return false, nil
	}
	return true, set(bucket, key, value, ttlMs)
}

func add(bucket uint32, key []byte, delta int64, ttlMs uint32) (int64, error) {
	sum := delta
	if found, ok := kept[entry{bucket, string(key)}]; ok {
		if len(found) != 8 {
			return 0, NotANumber
		}
		sum += int64(binary.LittleEndian.Uint64(found))
	}
	return sum, set(bucket, key, binary.LittleEndian.AppendUint64(nil, uint64(sum)), ttlMs)
}

func remove(bucket uint32, key []byte) (bool, error) {
	_, ok := kept[entry{bucket, string(key)}]
	delete(kept, entry{bucket, string(key)})
	return ok, nil
}
