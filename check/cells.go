package check

import "unsafe"

// cell is what the checker knows about one address.
type cell struct {
	addr   unsafe.Pointer // held, so that the garbage collector does not give the memory away
	slot   int32          // in cellTable.slots
	object int32          // that it lies in; -1: none known
	field  int32          // in the object's layout; -1: none
	frame  int32          // the cell at the base of the frame that it lies in; -1: none as far as is known
	lock   int32          // in Checker.locks; -1: no lock as far as is known
	plain  int32          // in Checker.plains; -1: never used as a plain word
	role   role           // of the field
	// The field's declaration demands locks of who reads or writes it.
	readRuled, writeRuled bool
	rcuReads              bool // it may be read in an RCU section, whatever else is held

	rel clock // what a task that acquires the cell has seen; its memory is kept for the next execution
}

// cellTable finds cells by address: open addressing, emptied by what was put in.
type cellTable struct {
	slots []int32 // index in cells plus one; 0: free
	cells []cell
	mask  uintptr
}

const initialSlots = 1 << 10

func newCellTable() cellTable {
	return cellTable{slots: make([]int32, initialSlots), mask: initialSlots - 1}
}

func hashOf(addr uintptr) uintptr {
	h := addr * 0x9e3779b97f4a7c15
	return h >> 20
}

// find returns the index of the cell at addr, -1 for none.
func (ct *cellTable) find(addr unsafe.Pointer) int32 { return ct.findAt(uintptr(addr)) }

// findAt is find of an address that may be that of nothing.
func (ct *cellTable) findAt(addr uintptr) int32 {
	for i := hashOf(addr) & ct.mask; ; i = (i + 1) & ct.mask {
		n := ct.slots[i]
		if n == 0 {
			return -1
		}
		if uintptr(ct.cells[n-1].addr) == addr {
			return n - 1
		}
	}
}

// get returns the index of the cell at addr, a new one if there was none.
func (ct *cellTable) get(addr unsafe.Pointer) int32 {
	i := hashOf(uintptr(addr)) & ct.mask
	for ; ct.slots[i] != 0; i = (i + 1) & ct.mask {
		if n := ct.slots[i] - 1; ct.cells[n].addr == addr {
			return n
		}
	}
	return ct.add(addr, i)
}

func (ct *cellTable) add(addr unsafe.Pointer, slot uintptr) int32 {
	n := len(ct.cells)
	if 2*(n+1) > len(ct.slots) {
		ct.grow()
		return ct.get(addr)
	}
	if n < cap(ct.cells) {
		ct.cells = ct.cells[:n+1]
	} else {
		ct.cells = append(ct.cells, cell{})
	}
	rel := ct.cells[n].rel[:0] // of an earlier execution's cell
	ct.cells[n] = cell{addr: addr, slot: int32(slot), object: -1, field: -1, frame: -1, lock: -1, plain: -1, rel: rel}
	ct.slots[slot] = int32(n) + 1
	return int32(n)
}

func (ct *cellTable) grow() {
	ct.slots = make([]int32, 2*len(ct.slots))
	ct.mask = uintptr(len(ct.slots)) - 1
	for n := range ct.cells {
		i := hashOf(uintptr(ct.cells[n].addr)) & ct.mask
		for ct.slots[i] != 0 {
			i = (i + 1) & ct.mask
		}
		ct.slots[i] = int32(n) + 1
		ct.cells[n].slot = int32(i)
	}
}

// truncate takes out all but the first n cells. A cell never stands in the way of those before it.
func (ct *cellTable) truncate(n int) {
	for i := n; i < len(ct.cells); i++ {
		ct.slots[ct.cells[i].slot] = 0
		ct.cells[i].addr = nil
	}
	ct.cells = ct.cells[:n]
}
