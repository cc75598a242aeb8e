package tenanthash

import (
	"cmp"
	"math"
	"slices"

	"portolan"
)

// FNV-1a, 64 bits.
const (
	offset uint64 = 0xcbf29ce484222325
	prime  uint64 = 0x00000100000001b3
	// between key and name: a byte that no text holds.
	between = 0xff
)

type place struct {
	id     uint32
	isFull bool
	score  float64
}

// placesOf has the regions that take new sessions, best first for this key: weighted rendezvous hashing, bounded by load. The
// same key, names and weights give the same order in every region table, PoP and language. Pure.
func placesOf(key []byte, candidates []portolan.Candidate, load float64) []uint32 {
	var inFlight, weights float64
	for at := range candidates {
		if region := &candidates[at]; takes(region) {
			inFlight += float64(region.InFlight)
			weights += float64(region.Weight)
		}
	}
	hash := (hashed(offset, key) ^ between) * prime
	places := make([]place, 0, len(candidates))
	for at := range candidates {
		region := &candidates[at]
		if !takes(region) {
			continue
		}
		// With the request that asks; rounded up, so that the average is always within the bound.
		bound := math.Ceil((inFlight + 1) * load * float64(region.Weight) / weights)
		score := scoreOf(hash, region.Name, region.Weight)
		places = append(places, place{region.ID, float64(region.InFlight)+1 > bound, score})
	}
	slices.SortFunc(places, compare)
	order := make([]uint32, len(places))
	for at, place := range places {
		order[at] = place.id
	}
	return order
}

func takes(region *portolan.Candidate) bool { return region.TakesNew() && region.Weight > 0 }

func compare(one, other place) int {
	switch {
	case one.isFull != other.isFull && other.isFull:
		return -1
	case one.isFull != other.isFull:
		return 1
	}
	return cmp.Or(cmp.Compare(other.score, one.score), cmp.Compare(one.id, other.id))
}

// scoreOf is highest for the region that the key belongs to (Mosharaf Ahmad et al.; weights as in Schindelhauer and Schomaker
// 2005).
func scoreOf(key uint64, name string, weight uint32) float64 {
	hash := mix(hashed(key, name))
	// In (0, 1): neither end has a finite logarithm that divides.
	unit := (float64(hash>>11) + 0.5) / (1 << 53)
	return float64(weight) / -math.Log(unit)
}

func hashed[T string | []byte](hash uint64, octets T) uint64 {
	for at := range len(octets) {
		hash = (hash ^ uint64(octets[at])) * prime
	}
	return hash
}

// mix spreads what FNV leaves close together (the finaliser of splitmix64).
func mix(hash uint64) uint64 {
	hash = (hash ^ hash>>30) * 0xbf58476d1ce4e5b9
	hash = (hash ^ hash>>27) * 0x94d049bb133111eb
	return hash ^ hash>>31
}
