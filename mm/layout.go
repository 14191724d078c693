package mm

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// countersLayout names the cells that an address space has beside its locks.
var countersLayout = task.Layout{
	Type: "mm_struct",
	Size: unsafe.Sizeof(MM{}),
	Fields: []task.Field{
		{Name: "mm_users", Offset: unsafe.Offsetof(MM{}.users), Size: unsafe.Sizeof(ksync.Refcount{}), Doc: "references of its users"},
		{Name: "map_count", Offset: unsafe.Offsetof(MM{}.mapCount), Size: unsafe.Sizeof(ksync.Plain[int]{}), Doc: "VMAs"},
		{Name: "total_vm", Offset: unsafe.Offsetof(MM{}.totalVM), Size: unsafe.Sizeof(ksync.Plain[uint64]{}), Doc: "pages mapped"},
	},
}

// CountersLayout returns the declaration of what an address space has beside its locks. The caller must not change it.
func CountersLayout() *task.Layout { return &countersLayout }
