package host

import (
	"bytes"
	"slices"
	"strings"
)

// Flags are the two-letter codes of a VmFlags line of smaps, sorted, with
// single spaces between. "sd" is not among them: with CONFIG_MEM_SOFT_DIRTY
// each VMA is born with VM_SOFTDIRTY, only a write to /proc/PID/clear_refs takes
// it away, and merging does not look at it; so it says what the configuration
// is, and nothing about the address space.
type Flags string

// softDirtyCode is VM_SOFTDIRTY's.
const softDirtyCode = "sd"

// flagNames are the kernel's names of the flags, by code. Linux 6.18 shows
// these on amd64; "gu" came with 6.19, and with 6.18.y kernels that have it
// backported.
var flagNames = map[string]string{
	"ac": "VM_ACCOUNT",
	"bt": "VM_ARM64_BTI",
	"dc": "VM_DONTCOPY",
	"dd": "VM_DONTDUMP",
	"de": "VM_DONTEXPAND",
	"dp": "VM_DROPPABLE",
	"ex": "VM_EXEC",
	"gd": "VM_GROWSDOWN",
	"gu": "VM_MAYBE_GUARD",
	"hg": "VM_HUGEPAGE",
	"ht": "VM_HUGETLB",
	"io": "VM_IO",
	"lf": "VM_LOCKONFAULT",
	"lo": "VM_LOCKED",
	"me": "VM_MAYEXEC",
	"mg": "VM_MERGEABLE",
	"mm": "VM_MIXEDMAP",
	"mr": "VM_MAYREAD",
	"ms": "VM_MAYSHARE",
	"mw": "VM_MAYWRITE",
	"nh": "VM_NOHUGEPAGE",
	"nr": "VM_NORESERVE",
	"pf": "VM_PFNMAP",
	"rd": "VM_READ",
	"rr": "VM_RAND_READ",
	"sf": "VM_SYNC",
	"sh": "VM_SHARED",
	"sl": "VM_SEALED",
	"sr": "VM_SEQ_READ",
	"ss": "VM_SHADOW_STACK",
	"ui": "VM_UFFD_MINOR",
	"um": "VM_UFFD_MISSING",
	"uw": "VM_UFFD_WP",
	"wf": "VM_WIPEONFORK",
	"wr": "VM_WRITE",
}

// FlagName is the kernel's name of a code, "" for an unknown one. The kernel
// itself shows bits that it has no code for as "??".
func FlagName(code string) string { return flagNames[code] }

// Has reports whether the flag with this code is among them.
func (f Flags) Has(code string) bool { return slices.Contains(strings.Fields(string(f)), code) }

// Unknown lists the codes that FlagName does not know.
func (f Flags) Unknown() []string {
	return slices.DeleteFunc(strings.Fields(string(f)), func(code string) bool { return FlagName(code) != "" })
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
