package inject

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// namer names addresses by the regions that a statement can see.
type namer struct {
	names   []string
	regions []workloads.Region
}

func newNamer(b *workloads.Block, env *workloads.Env) namer {
	return namer{b.Regions, slices.Clone(env.Regions)}
}

// addr is "A+4K", or a number where no region holds the address.
func (n namer) addr(at uint64) string {
	if i := n.region(at); i >= 0 {
		return n.inRegion(i, at)
	}
	return fmt.Sprintf("%#x", at)
}

// region returns the number of the region that holds an address, -1 for none.
func (n namer) region(at uint64) int {
	return slices.IndexFunc(n.regions, func(r workloads.Region) bool { return at-r.Base < r.Size })
}

func (n namer) inRegion(i int, at uint64) string {
	if at == n.regions[i].Base {
		return n.names[i]
	}
	return n.names[i] + "+" + size(at-n.regions[i].Base)
}

// span is "A+4K to A+8K".
func (n namer) span(start, end uint64) string {
	if i := n.region(start); i >= 0 && end-n.regions[i].Base <= n.regions[i].Size {
		return n.inRegion(i, start) + " to " + n.inRegion(i, end)
	}
	return n.addr(start) + " to " + n.addr(end)
}

// size is "4K", "2M", or a number of bytes.
func size(bytes uint64) string {
	switch {
	case bytes == 0 || bytes&(1<<10-1) != 0:
		return fmt.Sprint(bytes)
	case bytes&(1<<20-1) != 0:
		return fmt.Sprintf("%dK", bytes>>10)
	}
	return fmt.Sprintf("%dM", bytes>>20)
}

// changes says what is otherwise after a statement than before it, in the order of addresses; nil for nothing.
func changes(before, after state, sc *workloads.Scenario, names namer) (all []string) {
	for i := range after {
		prefix := ""
		if i > 0 {
			prefix = sc.MMs[i].Name + ": "
		}
		var found []string
		switch b, a := before[i], after[i]; {
		case b == nil && a == nil:
		case b == nil:
			found = []string{"exists"}
		case a == nil:
			found = []string{"exists no longer"}
		default:
			found = changed(b, a, names)
		}
		for _, c := range found {
			all = append(all, prefix+c)
		}
	}
	return all
}

// piece is a range in which an address space was one area or none, and is one or none.
type piece struct {
	start, end uint64
	was, is    *area
}

// pieces cuts two states of an address space at all borders that either has.
func pieces(before, after *space) (all []piece) {
	var borders []uint64
	for _, s := range []*space{before, after} {
		for _, a := range s.areas {
			borders = append(borders, a.start, a.end)
		}
	}
	slices.Sort(borders)
	borders = slices.Compact(borders)
	for i := 1; i < len(borders); i++ {
		p := piece{borders[i-1], borders[i], before.at(borders[i-1]), after.at(borders[i-1])}
		if p.was != nil || p.is != nil {
			all = append(all, p)
		}
	}
	return all
}

// changed says what is otherwise in one address space.
func changed(before, after *space, names namer) (all []string) {
	all = changedAreas(pieces(before, after), names)
	brought, gone, others := false, false, spans{}
	for _, p := range pieces(before, after) {
		if p.was == nil || p.is == nil {
			continue
		}
		for addr := range pagesOf(p.start, p.end, before, after) {
			_, was := before.pages[addr]
			_, is := after.pages[addr]
			switch {
			case !before.reads(p.was, addr).same(after.reads(p.is, addr)):
				others.add(addr)
			case is && !was:
				brought = true
			case was && !is:
				gone = true
			}
		}
	}
	for _, s := range others {
		all = append(all, "other contents: "+names.span(s[0], s[1]))
	}
	if brought {
		all = append(all, "more pages in the page tables")
	}
	if gone {
		all = append(all, "fewer pages in the page tables")
	}
	return all
}

// spans are ranges of pages, in order.
type spans [][2]uint64

func (s *spans) add(addr uint64) {
	if n := len(*s); n > 0 && (*s)[n-1][1] == addr {
		(*s)[n-1][1] += linux.PageSize
		return
	}
	*s = append(*s, [2]uint64{addr, addr + linux.PageSize})
}

// changedAreas says which areas have come, gone, changed, been cut or joined.
func changedAreas(all []piece, names namer) (words []string) {
	last := "" // what was said of the piece before, which this one goes on
	var from, to uint64
	say := func() {
		if last != "" {
			words = append(words, names.span(from, to)+" "+last)
		}
		last = ""
	}
	for i := range all {
		p := &all[i]
		if what := p.what(); what != last || p.start != to {
			say()
			last, from = what, p.start
		}
		to = p.end
		if i == 0 || all[i-1].end != p.start {
			continue
		}
		b4 := &all[i-1]
		if b4.was == nil || b4.is == nil || p.was == nil || p.is == nil {
			continue
		}
		switch one, is := b4.was == p.was, b4.is == p.is; {
		case one && !is:
			words = append(words, "cut at "+names.addr(p.start))
		case !one && is:
			words = append(words, "joined at "+names.addr(p.start))
		}
	}
	say()
	return words
}

// what says what has become of a piece; "" for nothing.
func (p *piece) what() string {
	switch {
	case p.was == nil:
		return "is mapped"
	case p.is == nil:
		return "is not mapped"
	}
	var words []string
	if p.was.file != p.is.file || p.was.file != nil && p.was.offset+p.start-p.was.start != p.is.offset+p.start-p.is.start {
		words = append(words, "maps something else")
	}
	if more := p.is.flags &^ p.was.flags; more != 0 {
		words = append(words, "has "+flagWords(more))
	}
	if fewer := p.was.flags &^ p.is.flags; fewer != 0 {
		words = append(words, "lacks "+flagWords(fewer))
	}
	if p.is.faulted && !p.was.faulted {
		words = append(words, "has an anon_vma")
	}
	return strings.Join(words, ", ")
}

// flagWords are the codes of /proc/PID/smaps, and a number for flags that have none.
func flagWords(f linux.VMFlags) string {
	if text := f.String(); text != "" {
		return text
	}
	return fmt.Sprintf("%#x", uint64(f))
}
