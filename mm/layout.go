package mm

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// countersLayout names the cells that an address space has beside its locks.
var countersLayout = task.Layout{
	Type: "mm_struct", Short: "mm",
	Size: unsafe.Sizeof(MM{}),
	Fields: []task.Field{
		{Name: "mm_users", Offset: unsafe.Offsetof(MM{}.users), Size: unsafe.Sizeof(ksync.AtomicRef{}), Doc: "references of its users"},
		{Name: "map_count", Offset: unsafe.Offsetof(MM{}.mapCount), Size: unsafe.Sizeof(ksync.Plain[int]{}), Doc: "VMAs"},
		{Name: "total_vm", Offset: unsafe.Offsetof(MM{}.stat), Size: unsafe.Sizeof(ksync.Plain[VMStat]{}), Doc: "pages mapped, by kind: total_vm, data_vm, exec_vm, stack_vm"},
		{Name: "locked_vm", Offset: unsafe.Offsetof(MM{}.lockedVM), Size: unsafe.Sizeof(ksync.Plain[uint64]{}), Doc: "pages of VM_LOCKED VMAs"},
		{Name: "start_brk", Offset: unsafe.Offsetof(MM{}.startBrk), Size: unsafe.Sizeof(ksync.Plain[uint64]{}), Doc: "where the heap begins"},
		{Name: "brk", Offset: unsafe.Offsetof(MM{}.brk), Size: unsafe.Sizeof(ksync.Plain[uint64]{}), Doc: "where the heap ends"},
		{Name: "def_flags", Offset: unsafe.Offsetof(MM{}.defFlags), Size: unsafe.Sizeof(ksync.Plain[linux.VMFlags]{}), Doc: "flags of new VMAs"},
		{Name: "flags", Offset: unsafe.Offsetof(MM{}.mdwe), Size: unsafe.Sizeof(ksync.Flags64{}), Doc: "what prctl(PR_SET_MDWE) has set"},
		{Name: "unstable", Offset: unsafe.Offsetof(MM{}.failed), Size: unsafe.Sizeof(ksync.Plain[bool]{}), Doc: "the fork that makes it has failed"},
		{Name: "rlim", Offset: unsafe.Offsetof(MM{}.limits), Size: unsafe.Sizeof(limits{}), Doc: "signal->rlim: the limits of the process"},
	},
}

// CountersLayout returns the declaration of what an address space has beside its locks. The caller must not change it.
func CountersLayout() *task.Layout { return &countersLayout }
