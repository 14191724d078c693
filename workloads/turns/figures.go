package turns

import (
	"errors"
	"slices"

	"vmasim/internal/suggest"
	"vmasim/workloads/driver"
)

// Unit is what a figure counts.
type Unit uint8

// The units.
const (
	PerSecond Unit = iota
	PerCPU         // a second of CPU time
	Nanoseconds
	Part // of 1
	Bytes
)

// Figure is one thing that is measured of a run.
type Figure struct {
	Key, Name  string
	Unit       Unit
	More, Less string // the words of a verdict
	Doc        string
	Exact      bool // it is the same in every sample: no statistics are needed

	of func(r *driver.Result) (value float64, ok bool) // not ok: the run has none
}

const (
	faster = "faster"
	slower = "slower"
	more   = "more"
	less   = "less"
)

var figureTable = []Figure{
	{"faults_per_second", "faults/s", PerSecond, faster, slower, "page faults of all tasks together", false, func(r *driver.Result) (float64, bool) {
		return perSecond(r, r.Faults.Total), r.Faults.Total > 0
	}},
	{"faults_per_cpu_second", "faults/CPU s", PerCPU, faster, slower, "page faults in a second of CPU time: it does not count how long tasks sleep, nor neighbours", false, func(r *driver.Result) (float64, bool) {
		return float64(r.Faults.Total) / max(r.CPUTime.Seconds(), 1e-9), r.Faults.Total > 0 && r.CPUTime > 0
	}},
	{"operations_per_second", "operations/s", PerSecond, faster, slower, "statements of all tasks together", false, func(r *driver.Result) (float64, bool) {
		n := uint64(0)
		for _, o := range r.Ops {
			n += o.Count
		}
		return perSecond(r, n), n > 0
	}},
	{"writes_per_second", "writes/s", PerSecond, faster, slower, "statements that take mmap_lock for writing", false, func(r *driver.Result) (float64, bool) {
		return perSecond(r, r.Writing.Count), r.Writing.Count > 0
	}},
	{"fault_p50_ns", "fault p50", Nanoseconds, slower, faster, "of accesses to one page that are a fault, half take no longer", false, func(r *driver.Result) (float64, bool) {
		return float64(r.Faulting.P50), r.Faulting.Count > 0
	}},
	{"fault_p99_ns", "fault p99", Nanoseconds, slower, faster, "99 of a hundred take no longer", false, func(r *driver.Result) (float64, bool) {
		return float64(r.Faulting.P99), r.Faulting.Count >= 100
	}},
	{"write_p50_ns", "write p50", Nanoseconds, slower, faster, "of statements that take mmap_lock for writing", false, func(r *driver.Result) (float64, bool) {
		return float64(r.Writing.P50), r.Writing.Count > 0
	}},
	{"write_p99_ns", "write p99", Nanoseconds, slower, faster, "of these", false, func(r *driver.Result) (float64, bool) {
		return float64(r.Writing.P99), r.Writing.Count >= 100
	}},
	{"write_wait_ns", "write waits", Nanoseconds, more, less, "how long a statement that takes mmap_lock for writing waits for it, and for the readers of VMAs, on average", false, func(r *driver.Result) (float64, bool) {
		return float64(waited(r, "mm_struct.mmap_lock", "write")+waited(r, "vma_lock", "")) / float64(max(r.Writing.Count, 1)), r.Writing.Count > 0
	}},
	{"fault_wait_ns", "fault waits", Nanoseconds, more, less, "how long tasks wait to read-lock mmap_lock, for each fault", false, func(r *driver.Result) (float64, bool) {
		return float64(waited(r, "mm_struct.mmap_lock", "read")) / float64(max(r.Faults.Total, 1)), r.Faults.Total > 0
	}},
	{"sleeps_per_second", "sleeps/s", PerSecond, more, less, "waits in which a task slept, and had to be woken", false, func(r *driver.Result) (float64, bool) {
		n := uint64(0)
		for _, w := range r.Waits {
			n += w.Slept
		}
		return perSecond(r, n), r.Tasks > 1
	}},
	{"fallen_back", "fallen back", Part, more, less, "of the faults, those that were handled under mmap_lock", false, func(r *driver.Result) (float64, bool) {
		return part(r.Faults.MmapLock, r.Faults.Total), r.Faults.Total > 0
	}},
	{"grace_periods_per_second", "grace periods", PerSecond, more, less, "of RCU, that have ended", false, func(r *driver.Result) (float64, bool) {
		return perSecond(r, r.VMAs.GracePeriods), r.VMAs.Allocated > 0
	}},
	{"vma_reused", "VMAs reused", Part, more, less, "of the VMAs that were allocated, those in the memory of a freed one", false, func(r *driver.Result) (float64, bool) {
		return part(r.VMAs.Reused, r.VMAs.Allocated), r.VMAs.Allocated > 0
	}},
	{"vma_bytes", "bytes per VMA", Bytes, more, less, "with the lock, where that is an object of its own", true, func(r *driver.Result) (float64, bool) {
		return float64(r.VMAs.Bytes), true
	}},
}

// Figures returns all figures that there are, in the order in which they are shown.
func Figures() []Figure { return slices.Clone(figureTable) }

// waited is how long tasks have waited for a lock in one mode, in ns.
func waited(r *driver.Result, what, mode string) (total int64) {
	for _, w := range r.Waits {
		if w.For == what && w.Mode == mode {
			total += int64(w.Total)
		}
	}
	return total
}

// FindFigure refuses a key that there is not.
func FindFigure(key string) error {
	var known []string
	for _, f := range figureTable {
		known = append(known, f.Key)
	}
	if !slices.Contains(known, key) {
		return errors.New(suggest.Unknown("figure", key, known, ""))
	}
	return nil
}

func perSecond(r *driver.Result, n uint64) float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(n) / r.Elapsed.Seconds()
}

func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
