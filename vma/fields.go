package vma

import (
	"unsafe"

	"vmasim/internal/task"
)

// Lock rules that several fields share; see Documentation/mm/process_addrs.rst.
var (
	stableRule = task.LockRule{task.MmapRead, task.VMARead, task.RmapRead, task.NotYetVisible}
	// A reader under RCU may look, but must check what it saw after it got the VMA lock.
	optimisticRule = append(task.LockRule{task.RCU}, stableRule...)
	everythingRule = task.LockRule{task.MmapWrite | task.VMAWrite | task.RmapWrite, task.NotYetVisible}
	mostRule       = task.LockRule{task.MmapWrite | task.VMAWrite, task.NotYetVisible}
	onceRule       = task.LockRule{task.NotYetVisible}
	atomicRule     = task.LockRule{task.AtomicCell}
)

// fieldLayout declares the shared fields of a VMA and the locks that allow reading and writing them. Checks, reports
// and the manual's table come from here.
var fieldLayout = task.Layout{
	Type: "vm_area_struct", Short: "vma",
	Size: unsafe.Sizeof(VMA{}),
	Fields: []task.Field{
		{Name: "vm_start", Offset: unsafe.Offsetof(VMA{}.start), Size: 8, Read: optimisticRule, Write: everythingRule,
			Doc: "first address"},
		{Name: "vm_end", Offset: unsafe.Offsetof(VMA{}.end), Size: 8, Read: optimisticRule, Write: everythingRule,
			Doc: "address after the last"},
		{Name: "vm_mm", Offset: unsafe.Offsetof(VMA{}.mm), Size: 8, Read: optimisticRule, Write: onceRule,
			Doc: "the address space it belongs to"},
		{Name: "vm_flags", Offset: unsafe.Offsetof(VMA{}.flags), Size: 8, Read: stableRule, Write: mostRule,
			Bits: task.LockRule{task.MmapRead, task.VMARead}, Doc: "rights and kind; VM_MAYBE_GUARD is set atomically"},
		{Name: "vm_pgoff", Offset: unsafe.Offsetof(VMA{}.pgoff), Size: 8, Read: stableRule, Write: everythingRule,
			Doc: "page offset in the file or of the anonymous memory"},
		{Name: "vm_anon_pgoff", Offset: unsafe.Offsetof(VMA{}.anonPgoff), Size: 8, Read: stableRule, Write: everythingRule,
			Doc: "since 7.3: page offset of the anonymous pages of a mapped file"},
		{Name: "anon_vma", Offset: unsafe.Offsetof(VMA{}.anon), Size: 8, Read: stableRule,
			Write: task.LockRule{task.MmapRead | task.RmapWrite | task.PageTableLock, task.MmapWrite | task.VMAWrite, task.NotYetVisible},
			Doc:   "owner of the anonymous pages; set by the first write fault"},
		{Name: "vm_file", Offset: unsafe.Offsetof(VMA{}.file), Size: 8, Read: stableRule, Write: onceRule,
			Doc: "the mapped file"},
		{Name: "vm_lock_seq", Offset: unsafe.Offsetof(VMA{}.seq), Size: 4, Read: atomicRule, Write: task.LockRule{task.MmapWrite, task.NotYetVisible},
			Doc: "equal to mm_lock_seq while write-locked"},
		{Name: "detached", Offset: unsafe.Offsetof(VMA{}.detached), Size: 1, Read: stableRule, Write: mostRule,
			Doc: "in generations whose vm_refcnt does not say so: it cannot be found any more, or not yet"},
		{Name: "vm_refcnt", Offset: unsafe.Offsetof(VMA{}.refcnt), Size: 4, Read: atomicRule, Write: atomicRule,
			Doc: "0 detached, 1 attached, 1+n with n readers"},
		{Name: "anon_vma_chain", Offset: unsafe.Offsetof(VMA{}.chain), Size: 8,
			Read:  task.LockRule{task.MmapRead, task.NotYetVisible}, // once anon_vma is seen, links are added under mmap_lock (write) only
			Write: task.LockRule{task.MmapRead | task.RmapWrite, task.MmapWrite, task.NotYetVisible},
			Doc:   "links to every anon_vma that owns pages of it"},
		{Name: "vm_policy", Offset: unsafe.Offsetof(VMA{}.policy), Size: 8, Read: stableRule, Write: mostRule,
			Doc: "where its pages are to lie"},
		{Name: "vm_ops", Offset: unsafe.Offsetof(VMA{}.ops), Size: 8, Read: stableRule, Write: onceRule,
			Doc: "hooks of the mapping's owner"},
	},
}

// Layout returns the declaration of the VMA's fields. The caller must not change it.
func Layout() *task.Layout { return &fieldLayout }
