package task

// Counter names an event that tasks count, with the kernel's name where it has one.
type Counter uint8

// The counters. counterTable names them.
const (
	VMALockSuccess Counter = iota
	VMALockAbort
	VMALockRetry
	VMALockMiss
	NextVMARetry
	NextVMAFallback
	AdviceVMALock
	AdviceMmapLock
	PgFault
	PgFaultMmapLock
	FaultSegv
	FaultSigbus
	FaultOOM
	SPFAttempt
	SPFAbortOdd
	SPFAbortUnmapped
	SPFAbortNoSpeculate
	SPFAbortVMACopy
	SPFAbortAccessError
	SPFAbortPMD
	SPFAbortAnonVMA
	SPFAbortSeq1
	SPFAbortPTL
	SPFAbortSeq2
	NumCounters
)

// CounterInfo describes a counter.
type CounterInfo struct{ Name, Doc string }

var counterTable = [NumCounters]CounterInfo{
	VMALockSuccess:  {"vma_lock_success", "faults handled under the VMA lock, errors found under it included"},
	VMALockAbort:    {"vma_lock_abort", "lock_vma_under_rcu returned no VMA, whatever the reason"},
	VMALockRetry:    {"vma_lock_retry", "handle_mm_fault returned VM_FAULT_RETRY under the VMA lock"},
	VMALockMiss:     {"vma_lock_miss", "the VMA found turned out to be detached; the walk is retried"},
	NextVMARetry:    {"next_vma_retry", "lock_next_vma found a detached VMA and searched again; the kernel counts none of these four"},
	NextVMAFallback: {"next_vma_fallback", "lock_next_vma looked under mmap_lock, because a writer has or had the VMA that it found"},
	AdviceVMALock:   {"madvise_vma_lock", "madvise changed pages under the read lock of one VMA"},
	AdviceMmapLock:  {"madvise_mmap_lock", "madvise did under mmap_lock what it does under a VMA lock where it can"},
	PgFault:         {"pgfault", "page faults"},
	PgFaultMmapLock: {"pgfault_mmap_lock", "page faults handled under mmap_lock"},
	FaultSegv:       {"segv", "faults that ended in SIGSEGV"},
	FaultSigbus:     {"sigbus", "faults that ended in SIGBUS"},
	FaultOOM:        {"fault_oom", "faults that found no free frame or no memory for a table"},

	// Of faults that go by a copy of their VMA. Each that gives up counts in vma_lock_abort or vma_lock_retry, too.
	SPFAttempt:          {"spf_attempt", "faults that were tried without mmap_lock, by a copy of their VMA"},
	SPFAbortOdd:         {"spf_abort_odd", "a writer was in the address space already"},
	SPFAbortUnmapped:    {"spf_abort_unmapped", "there was no VMA"},
	SPFAbortNoSpeculate: {"spf_abort_no_speculate", "the VMA, or the page, is of a kind that is left to mmap_lock"},
	SPFAbortVMACopy:     {"spf_abort_vma_copy", "a writer came while the VMA was copied"},
	SPFAbortAccessError: {"spf_abort_access_error", "the copy forbids the access"},
	SPFAbortPMD:         {"spf_abort_pmd", "there is no page table"},
	SPFAbortAnonVMA:     {"spf_abort_anon_vma", "the VMA has no anon_vma"},
	SPFAbortSeq1:        {"spf_abort_pte_map_lock_seq1", "a writer had come before the PTE lock was tried"},
	SPFAbortPTL:         {"spf_abort_pte_map_lock_ptl", "the PTE lock was not free, or the page table is gone"},
	SPFAbortSeq2:        {"spf_abort_pte_map_lock_seq2", "a writer had come when the PTE lock was taken"},
}

// Speculation returns the counters of faults that go by a copy of their VMA: attempts, and why some of them gave up.
func Speculation() []Counter {
	return []Counter{SPFAttempt, SPFAbortOdd, SPFAbortUnmapped, SPFAbortNoSpeculate, SPFAbortVMACopy, SPFAbortAccessError, SPFAbortPMD,
		SPFAbortAnonVMA, SPFAbortSeq1, SPFAbortPTL, SPFAbortSeq2}
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
