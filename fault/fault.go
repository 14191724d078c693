// Package fault handles page faults: do_user_addr_fault and what is below it, as Linux 6.18 does on x86-64.
//
// A fault first tries to lock its VMA without mmap_lock. It gives up whatever it cannot do under the VMA lock, and does it
// again under mmap_lock held for reading. Before that a stack may have to grow, under mmap_lock held for writing, which is then downgraded.
//
// Under the VMA lock mmap_lock is taken by trylock only, to give the VMA an anon_vma, and no file is read. Under a PTE lock nothing is
// taken. internal/lockorder declares in which order locks are taken.
package fault

import (
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// retry says that the VMA lock or mmap_lock was dropped, and that the fault is to be tried again: VM_FAULT_RETRY.
const retry = linux.Killed + 1

// Handle handles the fault of task t at addr: do_user_addr_fault. present says that the page is mapped and the entry forbids
// the access (X86_PF_PROT). After OK the access may be tried again; it may fault again. The caller holds no lock.
func Handle(t *task.Task, m *mm.MM, addr uint64, access linux.Access, present bool) linux.AccessEnd {
	mark := t.EnterTrap("do_user_addr_fault")
	t.Counters[task.PgFault]++
	timed := t.Counters[task.PgFault] == t.TimedFault
	if timed {
		t.Meter.FaultBegins()
	}
	f := fault{t: t, mm: m, addr: addr, access: access, isPresent: present}
	res := f.underVMALock()
	if res == retry {
		t.Counters[task.PgFaultMmapLock]++
	}
	for res == retry {
		t.Keep(mark, f.remembers())
		res = f.underMmapLock()
	}
	switch res {
	case linux.SegvMaperr, linux.SegvAccerr:
		t.Counters[task.FaultSegv]++
	case linux.Sigbus:
		t.Counters[task.FaultSigbus]++
	case linux.OOM:
		t.Counters[task.FaultOOM]++
	}
	if timed {
		t.Meter.FaultEnds(f.work, res)
	}
	t.Leave()
	return res
}

// remembers returns what of the tries before the next one depends on.
func (f *fault) remembers() (what uint64) {
	what = f.removals << 3
	if f.tried {
		what |= 1
	}
	if f.speculative {
		what |= 2
	}
	if f.doubt {
		what |= 4
	}
	return what
}

// underVMALock tries to handle the fault without mmap_lock.
func (f *fault) underVMALock() linux.AccessEnd {
	var early mm.EarlyFlags
	if f.mm.Generation != vma.Refcount {
		if f.mm.Generation == vma.Speculative {
			return f.speculate()
		}
		early = f.mm.SeeFlagsEarly(f.t, f.addr)
	}
	f.ReadLock = f.mm.LockVMAUnderRCU(f.t, f.addr)
	if f.VMA == nil {
		return retry
	}
	if f.flags = early.Flags; f.VMA != early.VMA {
		f.flags = f.VMA.Flags(f.t)
	}
	if f.accessError() {
		f.release()
		f.t.Counters[task.VMALockSuccess]++
		return linux.SegvAccerr
	}
	res := f.handle()
	if res == retry { // the handler has dropped the lock
		f.t.Counters[task.VMALockRetry]++
		return f.again()
	}
	f.release()
	f.t.Counters[task.VMALockSuccess]++
	return res
}

// underMmapLock handles the fault under mmap_lock held for reading. A stack may grow before.
func (f *fault) underMmapLock() linux.AccessEnd {
	var err error
	f.ReadLock, err = f.mm.LockAndFindVMA(f.t, f.addr)
	switch {
	case err != nil:
		return linux.Killed
	case f.VMA == nil:
		return linux.SegvMaperr
	}
	f.flags = f.VMA.Flags(f.t)
	res := linux.SegvAccerr
	if !f.accessError() {
		res = f.handle()
	}
	if res == retry { // the handler has dropped the lock
		return f.again()
	}
	f.release()
	return res
}

// again asks for another try unless a fatal signal is pending: fault_signal_pending.
func (f *fault) again() linux.AccessEnd {
	if f.t.Killed() {
		return linux.Killed
	}
	return retry
}

// accessError reports whether the VMA forbids the access: access_error. A page that may be written or executed
// may be read; a fetch from a page that may not be executed first brings the page in, then fails.
func (f *fault) accessError() bool {
	switch {
	case f.access == linux.Write:
		return f.flags&linux.VMWrite == 0
	case f.isPresent:
		return true
	default:
		return !f.flags.Accessible()
	}
}
