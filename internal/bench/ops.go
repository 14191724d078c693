package bench

// The operations that are compared. An implementation (vmasim, the kernel, gVisor, an RWMutex) offers those that it
// has; each runs n operations as one of its workers, so that no interface call is charged to a single operation. Errors
// have no way out of a timed loop: they panic.

// Faulter takes write faults.
type Faulter interface {
	// Fault takes the first write fault on the next n pages of the worker. Only FaultPages of them may be taken
	// between two calls of Forget.
	Fault(worker, n int)
	FaultPages() int
	// Forget takes every faulted page away again. It is not timed.
	Forget()
}

// OwnForgetter is a Faulter whose workers can take their own pages away, each on its own thread.
type OwnForgetter interface {
	Faulter
	ForgetOwn(worker int)
}

// FirstFaults is the workload of first write faults by threads workers.
func FirstFaults(f Faulter, threads int) Workload {
	w := Workload{Threads: threads, PassOps: f.FaultPages(), Body: f.Fault}
	if own, ok := f.(OwnForgetter); ok {
		w.PrepareOwn = own.ForgetOwn
	} else {
		w.Prepare = f.Forget
	}
	return w
}

// Refaulter takes write faults on pages that are there.
type Refaulter interface {
	Refault(worker, n int)
	// Populate backs every page that Refault uses. It is not timed.
	Populate()
}

// Refaults is the workload of repeated write faults by threads workers.
func Refaults(r Refaulter, threads int) Workload {
	return Workload{Threads: threads, Prepare: r.Populate, Body: r.Refault}
}

// Finder finds the VMA of an address, with whatever lock a fault must hold to use it.
type Finder interface{ Find(worker, n int) }

// Finds is the workload of lookups by threads workers.
func Finds(f Finder, threads int) Workload {
	return Workload{Threads: threads, Body: f.Find}
}

// Mapper maps one page and unmaps it again.
type Mapper interface{ MapUnmap(worker, n int) }

// MapUnmaps is the workload of mmap+munmap pairs by threads workers.
func MapUnmaps(m Mapper, threads int) Workload {
	return Workload{Threads: threads, Body: m.MapUnmap}
}

// Splitter changes the protection of the middle page of a VMA and back, which splits it in three and merges them again.
type Splitter interface{ SplitMerge(worker, n int) }

// SplitMerges is the workload of mprotect pairs by threads workers.
func SplitMerges(s Splitter, threads int) Workload {
	return Workload{Threads: threads, Body: s.SplitMerge}
}

// Floating returns the workload with its threads left to the scheduler: see [Workload.Float].
func (w Workload) Floating() Workload {
	w.Float = true
	return w
}

// Beside returns the workload with a function running on another CPU meanwhile: see [Workload.Background].
func (w Workload) Beside(background func()) Workload {
	w.Background = background
	return w
}
