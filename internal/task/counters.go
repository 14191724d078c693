package task

// Counter names an event that tasks count, with the kernel's name where it has one.
type Counter uint8

// The counters. counterTable names them.
const (
	VMALockSuccess Counter = iota
	VMALockAbort
	VMALockRetry
	VMALockMiss
	PgFault
	PgFaultMmapLock
	FaultSegv
	FaultSigbus
	FaultOOM
	NumCounters
)

// CounterInfo describes a counter.
type CounterInfo struct{ Name, Doc string }

var counterTable = [NumCounters]CounterInfo{
	VMALockSuccess:  {"vma_lock_success", "faults handled under the VMA lock, errors found under it included"},
	VMALockAbort:    {"vma_lock_abort", "lock_vma_under_rcu returned no VMA, whatever the reason"},
	VMALockRetry:    {"vma_lock_retry", "handle_mm_fault returned VM_FAULT_RETRY under the VMA lock"},
	VMALockMiss:     {"vma_lock_miss", "the VMA found turned out to be detached; the walk is retried"},
	PgFault:         {"pgfault", "page faults"},
	PgFaultMmapLock: {"pgfault_mmap_lock", "page faults handled under mmap_lock"},
	FaultSegv:       {"segv", "faults that ended in SIGSEGV"},
	FaultSigbus:     {"sigbus", "faults that ended in SIGBUS"},
	FaultOOM:        {"fault_oom", "faults that found no free frame or no memory for a table"},
}

// Info returns the counter's name and meaning.
func (c Counter) Info() CounterInfo { return counterTable[c] }

func (c Counter) String() string { return counterTable[c].Name }

// Counters is one task's count of each event, as the kernel keeps them per CPU.
type Counters [NumCounters]uint64

// Add adds the counts of o.
func (c *Counters) Add(o *Counters) {
	for i := range c {
		c[i] += o[i]
	}
}
