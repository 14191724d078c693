package explore

import "unsafe"

// cells numbers the addresses of one execution, and says which object they lie in.
type cells struct {
	slots   []cellSlot // open addressing, a power of two
	round   uint32     // slots of other rounds are empty
	count   int32
	addrs   []unsafe.Pointer // by number, from 1
	objects []object
}

type cellSlot struct {
	addr   unsafe.Pointer
	round  uint32
	number int32
	object int32
}

// object is memory that was born in this execution.
type object struct {
	base   unsafe.Pointer
	size   uintptr
	number int32
}

func (c *cells) reset() {
	c.round++
	c.count = 0
	c.addrs = c.addrs[:0]
	c.objects = c.objects[:0]
	if c.slots == nil {
		c.slots = make([]cellSlot, 256)
	}
}

// at returns the entry of an address, which it numbers if it is new.
func (c *cells) at(addr unsafe.Pointer) *cellSlot {
	mask := uintptr(len(c.slots) - 1)
	for h := (uintptr(addr) * 0x9e3779b97f4a7c15) >> 32; ; h++ {
		s := &c.slots[h&mask]
		if s.round != c.round {
			if int(c.count)*2 >= len(c.slots) {
				c.grow()
				return c.at(addr)
			}
			c.count++
			c.addrs = append(c.addrs, addr)
			*s = cellSlot{addr, c.round, c.count, c.objectOf(addr)}
			return s
		}
		if s.addr == addr {
			return s
		}
	}
}

func (c *cells) grow() {
	old := c.slots
	c.slots = make([]cellSlot, 2*len(old))
	mask := uintptr(len(c.slots) - 1)
	for _, s := range old {
		if s.round != c.round {
			continue
		}
		h := (uintptr(s.addr) * 0x9e3779b97f4a7c15) >> 32
		for c.slots[h&mask].round == c.round {
			h++
		}
		c.slots[h&mask] = s
	}
}

func (c *cells) objectOf(addr unsafe.Pointer) int32 {
	for _, o := range c.objects {
		if uintptr(addr)-uintptr(o.base) < o.size {
			return o.number
		}
	}
	return 0
}

// lived notes a birth, or, with size 0, a death. It returns the object's number, or 0 if cells of it were seen before
// it was known where it lies.
func (c *cells) lived(base unsafe.Pointer, size uintptr) int32 {
	for _, o := range c.objects {
		if o.base == base {
			return o.number
		}
	}
	if size == 0 {
		return 0
	}
	// Its number is that of its address, which every execution with the same beginning gives alike.
	for _, addr := range c.addrs {
		if uintptr(addr)-uintptr(base) < size {
			return 0
		}
	}
	n := c.at(base).number
	c.objects = append(c.objects, object{base, size, n})
	c.at(base).object = n
	return n
}
