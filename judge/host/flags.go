package host

import (
	"bytes"
	"slices"
	"strings"

	"vmasim/internal/linux"
)

// Flags are the two-letter codes of a VmFlags line of smaps, sorted, with
// single spaces between. "sd" is not among them: with CONFIG_MEM_SOFT_DIRTY
// each VMA is born with VM_SOFTDIRTY, only a write to /proc/PID/clear_refs takes
// it away, and merging does not look at it; so it says what the configuration
// is, and nothing about the address space.
type Flags string

// softDirtyCode is VM_SOFTDIRTY's.
const softDirtyCode = "sd"

// Has reports whether the flag with this code is among them.
func (f Flags) Has(code string) bool { return slices.Contains(strings.Fields(string(f)), code) }

// Unknown lists the codes that have no name. The kernel shows bits that have no code as "??".
func (f Flags) Unknown() []string {
	return slices.DeleteFunc(strings.Fields(string(f)), func(code string) bool { return linux.VMFlagName(code) != "" })
}

// parseFlags sorts the codes of a VmFlags line. There are few different lines,
// and sorting one anew costs more than all the rest of reading it.
func (p *Process) parseFlags(line []byte) Flags {
	line = bytes.TrimSpace(line)
	f, known := p.flags[string(line)]
	if !known {
		codes := slices.DeleteFunc(strings.Fields(string(line)), func(code string) bool { return code == softDirtyCode })
		slices.Sort(codes)
		f = Flags(strings.Join(codes, " "))
		p.flags[string(line)] = f
	}
	return f
}
