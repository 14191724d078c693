package explore

import (
	"slices"
	"unsafe"

	"vmasim/internal/linux"
)

// cells numbers the addresses of one execution, and says which object they lie in.
type cells struct {
	slots   []cellSlot // open addressing, a power of two
	round   uint32     // slots of other rounds are empty
	count   int32
	addrs   []unsafe.Pointer // by number, from 1
	pages   [4]uint64        // on which these lie, hashed
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
	c.addrs, c.pages = c.addrs[:0], [4]uint64{}
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
			word, bit := pageBit(uintptr(addr))
			c.pages[word] |= bit
			*s = cellSlot{addr, c.round, c.count, c.objectOf(addr)}
			return s
		}
		if s.addr == addr {
			return s
		}
	}
}

// known returns the entry of an address, nil if it has none.
func (c *cells) known(addr unsafe.Pointer) *cellSlot {
	mask := uintptr(len(c.slots) - 1)
	for h := (uintptr(addr) * 0x9e3779b97f4a7c15) >> 32; ; h++ {
		s := &c.slots[h&mask]
		switch {
		case s.round != c.round:
			return nil
		case s.addr == addr:
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
	if size == 0 || c.touched(uintptr(base), size) {
		s := c.known(base)
		if s == nil || s.object != s.number {
			return 0
		}
		return s.number
	}
	// Its number is that of its address, which every execution with the same beginning gives alike.
	s := c.at(base)
	c.objects = append(c.objects, object{base, size, s.number})
	s.object = s.number
	return s.number
}

// touched reports whether a cell was seen in memory that begins at base.
func (c *cells) touched(base, size uintptr) bool {
	near := false
	for page := base >> linux.PageShift; page <= (base+size-1)>>linux.PageShift; page++ {
		word, bit := pageBit(page << linux.PageShift)
		near = near || c.pages[word]&bit != 0
	}
	return near && slices.ContainsFunc(c.addrs, func(addr unsafe.Pointer) bool { return uintptr(addr)-base < size })
}

// pageBit is where cells.pages has the page of an address.
func pageBit(addr uintptr) (word int, bit uint64) {
	h := addr >> linux.PageShift * 0x9e3779b97f4a7c15 >> 56
	return int(h >> 6), 1 << (h & 63)
}
