package mm

import (
	"cmp"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// VMStat counts the pages of the VMAs of an address space, by kind.
type VMStat struct {
	Total uint64 // total_vm
	Data  uint64 // data_vm: private, writable, no stack
	Exec  uint64 // exec_vm: executable, neither writable nor a stack
	Stack uint64 // stack_vm: VM_GROWSDOWN
}

// account counts n pages of a VMA with these flags: vm_stat_account. n wraps where pages go away.
func (s *VMStat) account(flags linux.VMFlags, n uint64) {
	s.Total += n
	switch {
	case flags&(linux.VMExec|linux.VMWrite|linux.VMGrowsDown) == linux.VMExec:
		s.Exec += n
	case flags&linux.VMGrowsDown != 0:
		s.Stack += n
	case isData(flags):
		s.Data += n
	}
}

// sub takes away what o counts.
func (s *VMStat) sub(o VMStat) {
	s.Total -= o.Total
	s.Data -= o.Data
	s.Exec -= o.Exec
	s.Stack -= o.Stack
}

// isData reports whether memory with these flags counts against RLIMIT_DATA: is_data_mapping.
func isData(flags linux.VMFlags) bool {
	return flags&(linux.VMWrite|linux.VMShared|linux.VMGrowsDown) == linux.VMWrite
}

// VMStat returns the counts of pages. The caller holds mmap_lock.
func (mm *MM) VMStat(t *task.Task) VMStat { return mm.stat.Read(t) }

// statAccount counts n pages more of a VMA with these flags. The caller holds mmap_lock for writing.
func (mm *MM) statAccount(t *task.Task, flags linux.VMFlags, n uint64) {
	s := mm.stat.Read(t)
	s.account(flags, n)
	mm.stat.Write(t, s)
}

// LockedVM returns the number of pages in VM_LOCKED VMAs: mm->locked_vm. The caller holds mmap_lock.
func (mm *MM) LockedVM(t *task.Task) uint64 { return mm.lockedVM.Read(t) }

// addLocked counts n pages more, less where n wraps. The caller holds mmap_lock for writing.
func (mm *MM) addLocked(t *task.Task, n uint64) {
	if n != 0 {
		mm.lockedVM.Write(t, mm.lockedVM.Read(t)+n)
	}
}

// Resource is a limit of a process that the model knows.
type Resource uint8

// The resources, in bytes.
const (
	LimitAS      Resource = iota // RLIMIT_AS
	LimitData                    // RLIMIT_DATA
	LimitStack                   // RLIMIT_STACK
	LimitMemlock                 // RLIMIT_MEMLOCK
	numResources
)

// limits are the limits of the processes of an address space. In the kernel they belong to the process (signal->rlim).
type limits [numResources]ksync.Atomic64

// Infinity is no limit: RLIM_INFINITY.
const Infinity = ^uint64(0)

// DefaultStackLimit is RLIMIT_STACK as Linux sets it for the first process.
const DefaultStackLimit = 8 << 20

func (l *limits) init() {
	for r := range l {
		l[r].Init(Infinity)
	}
	l[LimitStack].Init(DefaultStackLimit)
}

// SetLimit sets a limit, in bytes: setrlimit(2).
func (mm *MM) SetLimit(t *task.Task, r Resource, bytes uint64) { mm.limits[r].WriteOnce(t, bytes) }

// Limit returns a limit in bytes: rlimit.
func (mm *MM) Limit(t *task.Task, r Resource) uint64 { return mm.limits[r].ReadOnce(t) }

// mayExpand reports whether n more pages of memory with these flags are within the limits: may_expand_vm. n wraps where
// the memory shrinks. The caller holds mmap_lock for writing.
func (mm *MM) mayExpand(t *task.Task, flags linux.VMFlags, n uint64) bool {
	s := mm.stat.Read(t)
	if s.Total+n > mm.Limit(t, LimitAS)>>linux.PageShift {
		return false
	}
	if !isData(flags) {
		return true
	}
	limit := mm.Limit(t, LimitData)
	return limit == 0 || s.Data+n <= limit>>linux.PageShift // 0 is let through, for a valgrind that set it
}

// charge accounts pages that are promised to the address space. It fails with ENOMEM. The caller holds mmap_lock for writing, or
// has downgraded it.
func (mm *MM) charge(t *task.Task, op string, pages uint64) error {
	err := mm.promise(t, op, pages)
	if err == nil {
		mm.charged += pages
	}
	return err
}

// promise accounts pages of any owner: security_vm_enough_memory_mm. It fails with ENOMEM.
func (mm *MM) promise(t *task.Task, op string, pages uint64) error {
	if pages == 0 {
		return nil
	}
	if t.Choose(task.ChargeFails, 2) == 1 {
		return errno(op, linux.ENOMEM, "%d pages more are refused", pages)
	}
	switch m := mm.Machine; m.Overcommit {
	case linux.OvercommitGuess:
		if m.RAM != 0 && pages > (m.RAM+m.Swap)>>linux.PageShift {
			return errno(op, linux.ENOMEM, "%d pages are more than all memory", pages)
		}
	case linux.OvercommitNever:
		limit, reserved := m.commitLimit(), mm.reserved(t)
		t.Weaken(task.Relaxed) // percpu_counter_add
		if now := m.committed.Add(t, pages); now+reserved >= limit {
			m.committed.Count(t, -pages)
			return errno(op, linux.ENOMEM, "%d pages more exceed the commit limit of %d, of which %d are kept back", pages, limit, reserved)
		}
	}
	return nil
}

// newShmem makes shared anonymous memory, which is charged whether it may be written to or not: shmem_zero_setup. It fails with
// ENOMEM.
func (mm *MM) newShmem(t *task.Task, flags linux.VMFlags, length uint64) (*phys.File, error) {
	pages := length >> linux.PageShift
	if flags&linux.VMNoReserve != 0 {
		pages = 0
	}
	if err := mm.promise(t, "mmap", pages); err != nil {
		return nil, err
	}
	return mm.Machine.Mem.NewShmem(t, length, pages), nil
}

// commitLimit returns how many pages may be promised: vm_commit_limit.
func (m *Machine) commitLimit() uint64 {
	if m.OvercommitKbytes != 0 {
		return (m.OvercommitKbytes<<10 + m.Swap) >> linux.PageShift
	}
	return m.ram()>>linux.PageShift*uint64(m.OvercommitRatio)/100 + m.Swap>>linux.PageShift
}

// ram returns the bytes of memory that the machine has: those of its frames if nothing else is said.
func (m *Machine) ram() uint64 { return cmp.Or(m.RAM, m.Memory) }

// The parts of the commit limit that are kept back, in bytes, as the kernel sets them where there is much memory: for the
// administrator (vm.admin_reserve_kbytes), and from a single process that is large (vm.user_reserve_kbytes).
const (
	adminReserve = 8 << 20
	userReserve  = 128 << 20
)

// reserved returns how many pages of the commit limit an address space may not have. Of little memory 1/32 is kept back.
func (mm *MM) reserved(t *task.Task) uint64 {
	few := mm.Machine.ram() / 32
	return min(adminReserve, few)>>linux.PageShift + min(mm.stat.Read(t).Total/32, min(userReserve, few)>>linux.PageShift)
}

// chargeAnyway accounts pages that are there whatever the mode: vm_acct_memory. pages wraps where there are fewer.
func (mm *MM) chargeAnyway(t *task.Task, pages uint64) { mm.uncharge(t, -pages) }

// uncharge gives promised pages back: vm_unacct_memory.
func (mm *MM) uncharge(t *task.Task, pages uint64) {
	mm.charged -= pages
	mm.Machine.unpromise(t, pages)
}

// unpromise is uncharge of what is no address space's: of shared anonymous memory.
func (m *Machine) unpromise(t *task.Task, pages uint64) {
	if pages != 0 && m.Overcommit == linux.OvercommitNever {
		m.committed.Count(t, -pages)
	}
}
