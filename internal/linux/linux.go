// Package linux holds Linux's own numbers as data, those of x86-64: errors with their names, the words of the memory calls, pages, the
// flags of a VMA, how a task accesses memory and how an access ends. The simulator is a kernel of that kind wherever it runs, so nothing
// below the commands asks the machine's headers for a number. A test compares each with that of golang.org/x/sys.
//
// Scenarios name the numbers (workloads), the simulated calls get them as arguments (mm), and their errors and ends of accesses go
// back up to the scenario, which states what it expects.
package linux

// Pages and the size of a process.
const (
	PageShift = 12
	PageSize  = 1 << PageShift
	PageMask  = PageSize - 1

	TaskSize = 1<<47 - PageSize // TASK_SIZE: the end of what a process can map
	MmapBase = 0x7ffff7fff000   // mmap_base of x86-64 with an 8 MiB stack and no randomisation
)
