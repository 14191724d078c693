package check

import "unsafe"

// Tell gives what the checker remembers of how the execution came to where it is, in numbers that are the same wherever it is in the same
// state. Left out are the clocks, on which the oracles that are [ByWay] rest, and names.
func (c *Checker) Tell(add func(uint64)) {
	for _, ts := range c.tasks {
		if ts.task != nil {
			c.tellTask(ts, add)
		}
	}
	sum := uint64(0) // objects are numbered as they come, which independent steps decide
	for n := range c.objects {
		sum += c.objects[n].told()
	}
	add(sum)
}

func (c *Checker) tellTask(ts *taskState, add func(uint64)) {
	add(uint64(len(ts.held))<<48 | uint64(len(ts.refs))<<32 | uint64(len(ts.released))<<24 | uint64(len(ts.locking))<<16 | uint64(ts.unreturned))
	for i := range ts.held {
		add(where(ts.held[i].addr) ^ uint64(ts.held[i].mode))
	}
	for i := range ts.refs {
		r := &ts.refs[i]
		add(c.tellLife(r.vmaLife) ^ uint64(r.state))
	}
	for _, v := range ts.released {
		add(c.tellLife(v.vmaLife))
	}
	for _, v := range ts.locking {
		add(c.tellLife(v))
	}
	add(c.tellObject(ts.detaching))
	add(uint64(ts.left))
	add(c.tellObject(ts.confirming))
	add(uint64(ts.excluding)<<8 | bit(ts.synchronizing)<<1 | bit(ts.inside[0])<<2 | bit(ts.inside[1])<<3)
	add(ts.awaitedBy[0])
	add(ts.awaitedBy[1])
	if len(ts.refs) > 0 || ts.task.Func() == readFunc { // otherwise the next look-up comes first
		add(where(unsafe.Pointer(ts.lookupMM)))
	}
}

// tellLife tells an object, and whether that life of it still lasts.
func (c *Checker) tellLife(v vmaLife) uint64 {
	return c.tellObject(v.object) + bit(c.objects[v.object].life == v.life)
}

// tellObject tells an object by where it lies; -1: none.
func (c *Checker) tellObject(n int32) uint64 {
	if n < 0 {
		return 0
	}
	return where(c.objects[n].base)
}

// told is a hash of what is known of an object: 0 of one that has died, which begins its next life with nothing.
func (o *object) told() uint64 {
	if !o.alive {
		return 0
	}
	flags := bit(o.alive) | bit(o.linked)<<1 | bit(o.attached)<<2 | bit(o.counted)<<3 | bit(o.begun)<<4
	owner := noTask
	if o.isVMA() { // of other objects, oracles ask for it that are [ByWay]
		owner = o.owner
	}
	h := (where(o.base) + flags + uint64(uint32(owner))<<8 + uint64(o.refs)<<40) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ uint64(uint32(o.excluder))) * 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

func where(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
