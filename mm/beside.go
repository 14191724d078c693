package mm

// Beside is a set of tasks that a machine may have beside those of its processes. Where they are not, no other task does anything
// because of them: no path becomes longer by them.
type Beside uint8

// The tasks.
const (
	Collapses Beside = 1 << iota // retract page tables: khugepaged
	SwapsOff                     // go through the address spaces that may have pages in swap: swapoff
	Scans                        // look for equal pages: ksm
	Probes                       // put breakpoints into the pages of a file: uprobes
	Binds                        // give VMAs a policy by which their pages lie on a node: mbind
)
