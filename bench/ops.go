// Package bench says how vmasim is compared with its peers: with which operations, in which address spaces, and to what end.
//
// A peer (simmm is vmasim itself, hostmm the running kernel, rwmm one lock for all, gvisor) takes a [Layout] and offers those of the
// operations below that it has. FirstFaults and the like make workloads of them for package measure, which runs them side by side;
// [Report] holds its result against a [Target], and prints a line; package summary makes a table of the lines of all benchmarks (bars,
// gvisor). It is a module of its own so that what peers bring stays out of vmasim's.
package bench

import "vmasim/workloads/measure"

// The operations that are compared. Each runs n operations as one of its workers, so that no interface call is charged to a single
// operation. Errors have no way out of a timed loop: they panic.

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
func FirstFaults(f Faulter, threads int) measure.Workload {
	w := measure.Workload{Threads: threads, PassOps: f.FaultPages(), Body: f.Fault}
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
func Refaults(r Refaulter, threads int) measure.Workload {
	return measure.Workload{Threads: threads, Prepare: r.Populate, Body: r.Refault}
}

// Finder finds the VMA of an address, with whatever lock a fault must hold to use it.
type Finder interface{ Find(worker, n int) }

// Finds is the workload of lookups by threads workers.
func Finds(f Finder, threads int) measure.Workload {
	return measure.Workload{Threads: threads, Body: f.Find}
}

// Mapper maps one page and unmaps it again.
type Mapper interface{ MapUnmap(worker, n int) }

// MapUnmaps is the workload of mmap+munmap pairs by threads workers.
func MapUnmaps(m Mapper, threads int) measure.Workload {
	return measure.Workload{Threads: threads, Body: m.MapUnmap}
}

// Merger maps one page beside another that it becomes a part of, and unmaps it again: what Mapper does where several writers do, as those that
// wait have a page mapped.
type Merger interface{ MapMergeUnmap(worker, n int) }

// MapMergeUnmaps is the workload of such pairs by threads workers.
func MapMergeUnmaps(m Merger, threads int) measure.Workload {
	return measure.Workload{Threads: threads, Body: m.MapMergeUnmap}
}

// Splitter changes the protection of the middle page of a VMA and back, which splits it in three and merges them again.
type Splitter interface{ SplitMerge(worker, n int) }

// SplitMerges is the workload of mprotect pairs by threads workers.
func SplitMerges(s Splitter, threads int) measure.Workload {
	return measure.Workload{Threads: threads, Body: s.SplitMerge}
}
