package judge

import (
	"fmt"
	"slices"
	"strings"
	"vmasim/internal/linux"
)

// state is what an address space looks like in the window, as far as both sides can tell.
type state struct {
	areas []area
	pages []mapped // in order
}

// mapped is a page that the page tables map, or mark.
type mapped struct {
	addr uint64
	page page
}

// area is one VMA.
type area struct {
	start, end uint64
	prot       int
	shared     bool
	object     uint64 // what the file behind it is called on its own side; 0: anonymous memory
	offset     uint64 // in bytes, where object is not 0
	flags      string // VmFlags, sorted; "" if not looked at
}

// page says what the page tables map at one address.
type page uint8

const (
	absent     page = iota
	zeroPage        // the zero page
	anonymous       // memory of the process
	sharedAnon      // the same, but mapped by another process, too
	filePage        // the page of a file, or of shared anonymous memory
	guard           // a guard marker
)

var pageNames = [...]string{"absent", "zero page", "anonymous", "anonymous, mapped twice", "of a file", "guard marker"}

func (p page) String() string { return pageNames[p] }

// naming says which object of the kernel's is which of the simulator's: both sides have names of their own, which have to
// agree one to one.
type naming struct{ toKernel, toSim map[uint64]uint64 }

func newNaming() naming { return naming{map[uint64]uint64{}, map[uint64]uint64{}} }

// agree reports whether the two can be the same object, and remembers that they are.
func (n naming) agree(sim, kernel uint64) bool {
	if sim == 0 || kernel == 0 {
		return sim == kernel
	}
	k, seenSim := n.toKernel[sim]
	s, seenKernel := n.toSim[kernel]
	if !seenSim && !seenKernel {
		n.toKernel[sim], n.toSim[kernel] = kernel, sim
		return true
	}
	return seenSim && seenKernel && k == kernel && s == sim
}

// compare returns what the states differ in, "" for nothing.
func (n naming) compare(sim, kernel *state) string {
	for i := range max(len(sim.areas), len(kernel.areas)) {
		if i >= len(sim.areas) || i >= len(kernel.areas) {
			return fmt.Sprintf("the kernel has %d areas, the simulator %d", len(kernel.areas), len(sim.areas))
		}
		if what := n.compareArea(&sim.areas[i], &kernel.areas[i]); what != "" {
			return what
		}
	}
	return comparePages(sim.pages, kernel.pages)
}

// comparePages returns the first page that differs.
func comparePages(sim, kernel []mapped) string {
	for len(sim) > 0 || len(kernel) > 0 {
		var s, k mapped
		switch {
		case len(kernel) == 0 || len(sim) > 0 && sim[0].addr < kernel[0].addr:
			s, k, sim = sim[0], mapped{addr: sim[0].addr}, sim[1:]
		case len(sim) == 0 || kernel[0].addr < sim[0].addr:
			s, k, kernel = mapped{addr: kernel[0].addr}, kernel[0], kernel[1:]
		default:
			s, k, sim, kernel = sim[0], kernel[0], sim[1:], kernel[1:]
		}
		if s != k {
			return fmt.Sprintf("page %#x is %v in the kernel, %v in the simulator", k.addr, k.page, s.page)
		}
	}
	return ""
}

func (n naming) compareArea(s, k *area) string {
	at := fmt.Sprintf("area %#x-%#x", k.start, k.end)
	switch {
	case s.start != k.start || s.end != k.end:
		return fmt.Sprintf("%s is %#x-%#x in the simulator", at, s.start, s.end)
	case s.prot != k.prot || s.shared != k.shared:
		return fmt.Sprintf("%s is %s in the kernel, %s in the simulator", at, k.perms(), s.perms())
	case !n.agree(s.object, k.object):
		return fmt.Sprintf("%s shows another file", at)
	case s.object != 0 && s.offset != k.offset:
		return fmt.Sprintf("%s shows offset %#x in the kernel, %#x in the simulator", at, k.offset, s.offset)
	case s.flags != "" && k.flags != "" && s.flags != k.flags:
		return fmt.Sprintf("%s has VmFlags %q in the kernel, %q in the simulator", at, k.flags, s.flags)
	}
	return ""
}

func (a *area) perms() string {
	f := linux.VMFlags(a.prot) & linux.VMAccessFlags // PROT_ bits are the same three
	if a.shared {
		f |= linux.VMMayShare
	}
	return f.Perms()
}

func (a *area) String() string {
	s := fmt.Sprintf("%x-%x %s", a.start, a.end, a.perms())
	if a.object != 0 {
		s += fmt.Sprintf(" file+%#x", a.offset)
	}
	if a.flags != "" {
		s += " [" + a.flags + "]"
	}
	return s
}

// drawn returns the areas as lines.
func (st *state) drawn() []string {
	lines := make([]string, len(st.areas))
	for i := range st.areas {
		lines[i] = st.areas[i].String()
	}
	return lines
}

// sideBySide draws two layouts, and marks the lines in which they differ.
func sideBySide(kernel, sim []string) string {
	width := len("kernel")
	for _, l := range kernel {
		width = max(width, len(l))
	}
	var b strings.Builder
	row := func(mark, k, s string) { fmt.Fprintf(&b, "%s %-*s  %s\n", mark, width, k, s) }
	row(" ", "kernel", "simulator")
	for len(kernel) > 0 || len(sim) > 0 {
		var k, s string
		switch {
		case len(sim) == 0 || len(kernel) > 0 && !slices.Contains(sim, kernel[0]) && slices.Contains(kernel, sim[0]):
			k, kernel = kernel[0], kernel[1:]
		case len(kernel) == 0 || !slices.Contains(kernel, sim[0]) && slices.Contains(sim, kernel[0]):
			s, sim = sim[0], sim[1:]
		default:
			k, kernel, s, sim = kernel[0], kernel[1:], sim[0], sim[1:]
		}
		mark := " "
		if k != s {
			mark = "*"
		}
		row(mark, k, s)
	}
	return strings.TrimRight(b.String(), "\n")
}

// coarsen forgets what cannot be told where frame numbers are hidden: of a page that is not the process's alone, whether it is the
// zero page.
func (st *state) coarsen() {
	for i := range st.pages {
		if p := &st.pages[i].page; *p == zeroPage {
			*p = sharedAnon
		}
	}
}
