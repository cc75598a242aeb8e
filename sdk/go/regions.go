package portolan

// Location is a place on the map, in degrees.
type Location struct{ Latitude, Longitude float64 }

// Region is a region as configured.
type Region struct {
	ID            uint32
	Service, Name string
	Labels        map[string]string
	Location      Location
	// Capacity is how many requests in flight it is meant to hold; 0 is no limit.
	Capacity uint32
}

// Regions are all regions of the services that use the policy.
type Regions struct {
	all  []Region
	byID map[uint32]*Region
}

// RegionsOf is this table of regions.
func RegionsOf(all []Region) *Regions {
	regions := &Regions{all, make(map[uint32]*Region, len(all))}
	for place := range all {
		regions.byID[all[place].ID] = &all[place]
	}
	return regions
}

// All are all of them, in the router's order.
func (regions *Regions) All() []Region { return regions.all }

// ByID is the region with this number, or nil.
func (regions *Regions) ByID(id uint32) *Region {
	// Numbers are dense in practice; the table is for a router that leaves gaps.
	if int(id) < len(regions.all) && regions.all[id].ID == id {
		return &regions.all[id]
	}
	return regions.byID[id]
}

// Named is the region of this service with this name, or nil.
func (regions *Regions) Named(service, name string) *Region {
	for place := range regions.all {
		if region := &regions.all[place]; region.Service == service && region.Name == name {
			return region
		}
	}
	return nil
}

// Health is what is known of a region's health. Unknown is not down.
type Health uint8

// The states of the contract, in its order.
const (
	// Unknown: never heard of it, or not for a long time.
	Unknown Health = iota
	// Healthy: enough endpoints serve.
	Healthy
	// Degraded: alive, but with fewer endpoints than it should have.
	Degraded
	// Draining: keeps its sessions, takes no new ones.
	Draining
	// Down: evidence says that it does not serve.
	Down
)

// Candidate is a region that may serve the request, as the router sees it now.
type Candidate struct {
	// Region is as configured; never nil.
	*Region
	Health     Health
	HealthAgeS uint32
	// DistanceKm is from the client, or from the PoP when the client's place is unknown.
	DistanceKm uint32
	// RTTUs is the measured round trip from this PoP; 0 is not measured.
	RTTUs uint32
	// LatencyUs is a moving average of the time to first byte; 0 is no traffic yet.
	LatencyUs uint32
	// InFlight counts requests from this PoP.
	InFlight uint32
	Weight   uint32
}

// Serves says whether it is not down.
func (candidate *Candidate) Serves() bool { return candidate.Health != Down }

// TakesNew says whether it is neither down nor draining.
func (candidate *Candidate) TakesNew() bool {
	return candidate.Health != Down && candidate.Health != Draining
}
