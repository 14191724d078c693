package mm

import (
	"fmt"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

// Config describes a machine.
type Config struct {
	Rules       rules.Set
	Memory      uint64 // bytes of physical memory; DefaultMemory if 0
	MaxMapCount int    // vm.max_map_count; linux.DefaultMaxMapCount if 0
	MaxVMARefs  int32  // VMA_REF_LIMIT; vma.VMARefLimit if 0, and never more
	Settings
	ReadAround uint64 // pages that a fault reads where it misses the page cache of a file on disk; 0: the one it needs; or ReadAroundDevice
	Beside     Beside // tasks that do more than the processes' calls
	EarlyGrace bool   // every call_rcu looks for the end of a grace period, so that small programs see callbacks run
	LateGrace  bool   // none does: callbacks run when a barrier asks for it
	// ValidateWrites checks the whole mm after every write section. Slow.
	ValidateWrites bool
	// JudgeCalls looks at the end of every call whether it did no more and no less than it may, and whether the tree is whole: see
	// [MM.callEnds] and validateTree. Neither announces anything. ValidateWrites does more.
	JudgeCalls bool
	// JudgeWalks compares each walk through a tree that has nodes with what was ever stored: for tasks that take turns.
	JudgeWalks bool
	// Report receives the broken rules. It is called by the task that found one; several may call at once.
	Report func(task.Violation)
}

// ReadAroundDevice has faults read as much as the real kernel does on the device that the file is on.
const ReadAroundDevice = ^uint64(0)

// DefaultMemory is the memory of a machine if nothing is said, in bytes.
const DefaultMemory = 256 << 20

// Machine is the root of everything simulated: physical memory, slab caches, RCU, rules. Machines share nothing, so
// many can run in one process.
type Machine struct {
	Config
	Mem    *phys.Memory
	RCU    *ksync.Domain
	Access *ksync.Domain // memory accesses in progress; its grace period is a TLB flush on all CPUs
	VMAs   *vma.Cache

	anonVMAs *ksync.Slab[vma.AnonVMA, *vma.AnonVMA]
	chains   *ksync.Slab[vma.AnonVMAChain, *vma.AnonVMAChain]
	uffds    *ksync.Slab[uffd, *uffd]
	nodes    *tree.Nodes // of the trees; nil: they have none
	scratch  ksync.PerTask[scratch]
	tasks    ksync.Atomic32
	mms      ksync.Atomic32 // address spaces whose memory is in use
	spare    mmPool
	lists    lists
	reserved vma.Reserved // what a fork that failed leaves in the tree
	unseen   task.Task    // performs what is not to be announced

	driver    driver         // owns the files with hooks
	populate  PopulateFunc   // brings pages in, as faults do
	committed ksync.Atomic64 // pages charged, where Overcommit asks for it: vm_committed_as
}

// NewMachine returns a machine with its memory reserved, whose pages populate brings in. Close gives the memory back. It is
// for fault.NewMachine, which knows how faults are handled.
func NewMachine(cfg Config, populate PopulateFunc) (*Machine, error) {
	if cfg.Memory == 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.MaxMapCount == 0 {
		cfg.MaxMapCount = linux.DefaultMaxMapCount
	}
	if cfg.MaxVMARefs == 0 {
		cfg.MaxVMARefs = vma.VMARefLimit
	}
	cfg.Settings = cfg.Complete()
	mem, err := phys.New(cfg.Memory)
	if err != nil {
		return nil, fmt.Errorf("physical memory: %w", err)
	}
	return newMachine(cfg, mem, populate), nil
}

// Renew returns a machine as NewMachine made m, in the memory of m, which may not be used any more: for a caller that makes
// many, one after the other, and cannot tear them down.
func (m *Machine) Renew() *Machine { return newMachine(m.Config, m.Mem.Renew(), m.populate) }

func newMachine(cfg Config, mem *phys.Memory, populate PopulateFunc) *Machine {
	m := &Machine{Config: cfg, Mem: mem, RCU: ksync.NewLazyDomain(task.SlotRCU), Access: ksync.NewDomain(task.SlotAccess), populate: populate}
	for _, d := range []*ksync.Domain{m.RCU, m.Access} {
		switch {
		case cfg.EarlyGrace:
			d.EndEarly()
		case cfg.LateGrace:
			d.EndLate()
		}
	}
	m.driver.init()
	m.lists.DupMmapSem.Class = task.DupMmapSem
	mem.Reclaim = m.Access.Barrier // freed page tables wait for a grace period
	mem.Unaccount = m.unpromise
	m.VMAs = vma.NewCache(vma.ReuseOf(cfg.Rules), m.RCU)
	m.anonVMAs = ksync.NewSlab[vma.AnonVMA, *vma.AnonVMA](ksync.SlabConfig[vma.AnonVMA]{
		Name: "anon_vma", Layout: vma.AnonVMALayout(),
		Init: func(a *vma.AnonVMA, index int) { a.ID, a.RWSem.Class = uint32(index)+1, task.AnonVMASem },
		Check: func(_ *task.Task, a *vma.AnonVMA) string {
			if len(a.LinksPeek()) != 0 || a.NumActive.Peek() != 0 {
				return fmt.Sprintf("%d links and %d active VMAs left", len(a.LinksPeek()), a.NumActive.Peek())
			}
			return ""
		},
	})
	m.chains = ksync.NewSlab[vma.AnonVMAChain, *vma.AnonVMAChain](ksync.SlabConfig[vma.AnonVMAChain]{
		Name: "anon_vma_chain", Layout: &task.Layout{Type: "anon_vma_chain", Short: "avc"},
	})
	m.nodes = tree.NewNodes(&cfg.Rules, m.RCU, cfg.JudgeWalks)
	m.uffds = ksync.NewSlab[uffd, *uffd](ksync.SlabConfig[uffd]{Name: "userfaultfd_ctx_cache", Layout: &uffdLayout})
	if cfg.EarlyGrace {
		m.VMAs.Apart()
		m.anonVMAs.Apart()
		m.chains.Apart()
	}
	return m
}

// NewTask returns a task that may run on the machine.
func (m *Machine) NewTask(name string) *task.Task {
	t := task.New(int(m.tasks.FetchAdd(&task.Task{}, 1)), name, m.Report)
	m.RCU.Register(t)
	m.Access.Register(t)
	return t
}

// EndTask gives back what the task has cached. It must be outside any section.
func (m *Machine) EndTask(t *task.Task) {
	m.Mem.Drain(t)
	m.RCU.Unregister(t)
	m.Access.Unregister(t)
}

// Offline says that t neither runs nor is in any section until [Machine.Online]: no grace period need look at it. Where tasks are many and
// few of them run, a TLB flush then asks those few, as the kernel asks the CPUs that run the address space.
func (m *Machine) Offline(t *task.Task) {
	m.RCU.Quiescent(t)
	m.RCU.Unregister(t)
	m.Access.Unregister(t)
}

// Online ends that. It is called before t enters any section.
func (m *Machine) Online(t *task.Task) {
	m.RCU.Register(t)
	m.Access.Register(t)
}

// Settle runs the callbacks that wait for a grace period, so that what is freed is free.
func (m *Machine) Settle(t *task.Task) {
	m.Access.Barrier(t)
	m.RCU.Barrier(t)
}

// Leaks says what is still allocated though every address space and file is gone, "" for nothing. Settle first, and let
// no other task run.
func (m *Machine) Leaks() string {
	vmas, _, _ := m.VMAs.Stats()
	frames := m.Mem.Stats().FramesInUse
	opened := m.driver.vmas.Peek()
	policies := m.VMAs.Policies()
	if opened == 0 && m.uffds.InUse() == 0 && m.nodes.InUse() == 0 && vmas == 0 && policies == 0 && m.anonVMAs.InUse() == 0 && m.chains.InUse() == 0 && frames == 0 && m.mms.Peek() == 0 && m.committed.Peek() == 0 {
		return ""
	}
	return fmt.Sprintf("%d address spaces, %d VMAs, %d anon_vmas, %d anon_vma_chains, %d frames, %d pages charged, %d VMAs not closed, %d policies, %d userfaultfds, %d tree nodes",
		m.mms.Peek(), vmas, m.anonVMAs.InUse(), m.chains.InUse(), frames, m.committed.Peek(), opened, policies, m.uffds.InUse(), m.nodes.InUse())
}

// Close gives the memory back. Nothing of the machine may be used afterwards.
func (m *Machine) Close() error { return m.Mem.Close() }

// FlushTLB waits until no memory access that may have used an old translation is in progress: flush_tlb_range with its
// inter-processor interrupts.
func (m *Machine) FlushTLB(t *task.Task) {
	t.Enter("flush_tlb_mm_range")
	m.Access.Synchronize(t)
	t.Leave()
}

// Rewind makes a machine without address spaces hand out the same memory again, in the same order: for a caller that runs one
// program after the other, and wants all to find the same. No task may be running.
func (m *Machine) Rewind() {
	m.VMAs.Rewind()
	m.anonVMAs.Rewind()
	m.chains.Rewind()
	m.uffds.Rewind()
	m.nodes.Rewind()
	m.Mem.Rewind()
	m.spare.keep, m.spare.used = true, 0
	m.lists = lists{}
}

// Tell gives what of the machine decides what tasks are handed out next, and which callbacks run when: the part of its state that no
// event tells. Machines in equal states give equal numbers.
func (m *Machine) Tell(add func(uint64)) {
	m.VMAs.Tell(add)
	m.anonVMAs.Tell(add)
	m.chains.Tell(add)
	m.uffds.Tell(add)
	m.nodes.Tell(add)
	m.Mem.Tell(add)
	m.RCU.Tell(add)
	m.Access.Tell(add)
	add(uint64(m.spare.used))
	m.lists.tell(add)
}

// mmPool keeps the memory of address spaces, for the next ones.
type mmPool struct {
	keep bool
	made []*MM
	used int
}

// get returns memory for an address space, with a tree and page tables that have to be made anew.
func (p *mmPool) get() *MM {
	if p.used < len(p.made) {
		p.used++
		return p.made[p.used-1]
	}
	mm := &MM{Tree: &tree.Tree{}, Tables: &pgtable.Tables{}}
	if p.keep {
		p.made = append(p.made, mm)
		p.used++
	}
	return mm
}
