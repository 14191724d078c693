// Package fault handles page faults: do_user_addr_fault and what is below it, as Linux 6.18 does on x86-64.
//
// A fault first tries to lock its VMA without mmap_lock. What it cannot do under the VMA lock it gives up and does again
// under mmap_lock held for reading. Before that a stack may have to grow, under mmap_lock held for writing, which is then downgraded.
//
// The lock order, outermost first:
//
//	VMA read lock, or mmap_lock (read)
//	└── mmap_lock (read), by trylock        under the VMA lock, to give the VMA an anon_vma
//	    └── anon_vma rwsem
//	        └── page_table_lock
//	page-cache lock of the file             never while the VMA lock is held and the page must be read
//	PTE lock                                one per page table; nothing is taken under it
package fault

import (
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// Access is what a task tried to do.
type Access uint8

// The accesses.
const (
	Read Access = iota
	Write
	Exec
)

var accessNames = [...]string{"read", "write", "exec"}

func (a Access) String() string { return accessNames[a] }

// Result is how a fault ended.
type Result uint8

// The results.
const (
	OK         Result = iota
	SegvMaperr        // SIGSEGV, SEGV_MAPERR: nothing is mapped there
	SegvAccerr        // SIGSEGV, SEGV_ACCERR: the mapping does not allow it
	SegvKernel        // SIGSEGV, SI_KERNEL: no canonical address, which raises a general protection exception and no page fault
	Sigbus            // SIGBUS, BUS_ADRERR: beyond the end of the file
	OOM               // no frame was free
	Killed            // a fatal signal arrived
	retry             // the VMA lock or mmap_lock was dropped; try again
)

var resultNames = [...]string{"ok", "SEGV_MAPERR", "SEGV_ACCERR", "SEGV_KERNEL", "SIGBUS", "ENOMEM", "EINTR", "retry"}

func (r Result) String() string { return resultNames[r] }

// Handle handles the fault of task t at addr: do_user_addr_fault. present says that the page is mapped and the entry forbids
// the access (X86_PF_PROT). After OK the access may be tried again; it may fault again. The caller holds no lock.
func Handle(t *task.Task, m *mm.MM, addr uint64, access Access, present bool) Result {
	t.EnterTrap("do_user_addr_fault")
	t.Counters[task.PgFault]++
	f := fault{t: t, mm: m, addr: addr, access: access, isPresent: present}
	res := f.underVMALock()
	if res == retry {
		t.Counters[task.PgFaultMmapLock]++
	}
	for res == retry {
		res = f.underMmapLock()
	}
	switch res {
	case SegvMaperr, SegvAccerr:
		t.Counters[task.FaultSegv]++
	case Sigbus:
		t.Counters[task.FaultSigbus]++
	case OOM:
		t.Counters[task.FaultOOM]++
	}
	t.Leave()
	return res
}

// underVMALock tries to handle the fault without mmap_lock.
func (f *fault) underVMALock() Result {
	v := f.mm.LockVMAUnderRCU(f.t, f.addr)
	if v == nil {
		return retry
	}
	f.vma, f.flags, f.vmaLock = v, v.Flags(f.t), true
	if f.accessError() {
		v.EndRead(f.t)
		f.t.Counters[task.VMALockSuccess]++
		return SegvAccerr
	}
	res := f.handle()
	if res == retry { // the handler has dropped the lock
		f.t.Counters[task.VMALockRetry]++
		return f.again()
	}
	v.EndRead(f.t)
	f.t.Counters[task.VMALockSuccess]++
	return res
}

// underMmapLock handles the fault under mmap_lock held for reading. A stack may grow before.
func (f *fault) underMmapLock() Result {
	v, err := f.mm.LockAndFindVMA(f.t, f.addr)
	switch {
	case err != nil:
		return Killed
	case v == nil:
		return SegvMaperr
	}
	f.vma, f.flags, f.vmaLock = v, v.Flags(f.t), false
	res := SegvAccerr
	if !f.accessError() {
		res = f.handle()
	}
	if res == retry { // the handler has dropped the lock
		return f.again()
	}
	f.mm.MmapReadUnlock(f.t)
	return res
}

// again asks for another try unless a fatal signal is pending: fault_signal_pending.
func (f *fault) again() Result {
	if f.t.Killed() {
		return Killed
	}
	return retry
}

// accessError reports whether the VMA forbids the access: access_error. What may be written or executed
// may be read; a fetch from a page that may not be executed first brings the page in, then fails.
func (f *fault) accessError() bool {
	switch {
	case f.access == Write:
		return f.flags&vma.VMWrite == 0
	case f.isPresent:
		return true
	default:
		return !f.flags.Accessible()
	}
}
