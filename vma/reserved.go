package vma

import (
	"unsafe"

	"vmasim/internal/task"
)

// Reserved is an entry of a tree that is no VMA: XA_ZERO_ENTRY. A walk of the tree finds it as it finds a VMA. It is not memory, so to
// look at any field of it is to look at memory that is not there.
type Reserved struct{ v VMA }

// reservedLayout has the cells of a VMA, for those who take the entry for one.
var reservedLayout = task.Layout{Type: "XA_ZERO_ENTRY", Size: unsafe.Sizeof(VMA{}), Fields: fieldLayout.Fields}

// Entry returns what is stored in a tree.
func (r *Reserved) Entry(t *task.Task) *VMA {
	t.Born(unsafe.Pointer(&r.v), &reservedLayout)
	t.Died(unsafe.Pointer(&r.v))
	return &r.v
}

// Is reports whether what a tree holds is the entry: xa_is_zero.
func (r *Reserved) Is(v *VMA) bool { return v == &r.v }
