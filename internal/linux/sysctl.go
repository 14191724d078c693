package linux

// Overcommit says when memory that may never be there is refused: vm.overcommit_memory.
type Overcommit uint8

// The modes.
const (
	OvercommitGuess  Overcommit = iota // a single demand beyond all memory is refused
	OvercommitAlways                   // nothing is
	OvercommitNever                    // what would exceed the commit limit is
)

// Settings as a kernel has them that was told nothing.
const (
	DefaultMaxMapCount     = 65530          // vm.max_map_count
	DefaultOvercommitRatio = 50             // vm.overcommit_ratio, in per cent
	DefaultMmapMinAddr     = 64 << 10       // CONFIG_DEFAULT_MMAP_MIN_ADDR, in bytes
	DefaultStackGuardGap   = 256 * PageSize // stack_guard_gap, in bytes
	DefaultFaultAround     = 64 << 10       // fault_around_bytes
)
