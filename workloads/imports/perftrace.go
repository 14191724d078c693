package imports

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// lost matches what perf trace and perf script print where the buffer was too small.
var lost = regexp.MustCompile(`^(LOST \d+ events!|Warning:.*lost)`)

// tracedLine matches a line of perf trace: MILLISECONDS ( DURATION ms): COMM/TID and what follows. A name may have blanks.
var tracedLine = regexp.MustCompile(`^(\d+)\.(\d{3}) \([^)]*\): (?:.*?/)?(\d+) (.*)$`)

// tracedFault matches the rest of a line that tells of a fault: [SYMBOL+OFFSET] => WHERE (KIND MODE), where WHERE is an address, or the name of
// what is mapped and an offset in it, and the mode is k where the kernel made the access.
var tracedFault = regexp.MustCompile(`^(?:maj|min)fault \[.*?\] => (?:(.*)@)?0x([0-9a-f]+) \(.(.)\)$`)

// isTraced tells a line of perf trace from one of perf script, which begins with the name of a task.
func isTraced(line []byte) bool { return tracedLine.Match(line) }

// parseTraced reads a line of perf trace -F all -T. of tells that the event is a page fault.
func parseTraced(line []byte) (f Fault, of, ok bool) {
	head := tracedLine.FindSubmatch(line)
	ms, err := strconv.ParseInt(string(head[1]), 10, 64)
	tid, errTask := strconv.ParseInt(string(head[3]), 10, 32)
	if err != nil || errTask != nil || ms > 1e14 {
		return f, false, false
	}
	us, _ := strconv.ParseInt(string(head[2]), 10, 64) // three digits
	f.Time, f.Task = ms*1e6+us*1e3, int(tid)
	what := tracedFault.FindSubmatch(head[4])
	if what == nil {
		return f, false, !bytes.Contains(head[4], []byte("fault ["))
	}
	if name := string(what[1]); !absolute(name) {
		f.In = name
	}
	f.Addr, ok = hexadecimal(what[2])
	f.Unsure = what[3][0] != 'k' // the address of the instruction is not told
	return f, true, ok
}

// absolute reports whether perf tells addresses as they are where something of a name is mapped (map__new of perf's util/map.c).
func absolute(name string) bool {
	for _, anonymous := range []string{"//anon", "/anon_hugepage", "/dev/zero", "[stack", "[heap]", "/SYSV"} {
		if strings.HasPrefix(name, anonymous) {
			return true
		}
	}
	return name == ""
}

// places are where files are mapped, in no order.
type places []placed

// placed is a range that maps a file from an offset on.
type placed struct {
	span
	path   string
	offset uint64
}

// vdso is the name by which perf means the range of that name once it has copied it for its symbols.
const vdso = "/perf-vdso.so-"

// address returns the address of an offset in what a name means, or why there is none.
func (p places) address(path string, offset uint64) (addr uint64, why string) {
	if strings.Contains(path, vdso) {
		path = "[vdso]"
	}
	found := 0
	for i := range p {
		if m := &p[i]; m.path == path && offset >= m.offset && offset-m.offset < m.end-m.start {
			addr = m.start + offset - m.offset
			found++
		}
	}
	switch found {
	case 0:
		return 0, "in a file where the log has not mapped it, and perf trace tells the offset alone: --maps tells of what was there before"
	case 1:
		return addr, ""
	}
	return 0, "in a part of a file that is mapped more than once, and perf trace tells the offset alone: perf script tells addresses"
}

// place notes that a range maps a file from now on; with no path, none.
func (im *importer) place(s *space, at span, path string, offset uint64) {
	if !im.placing || at.start >= at.end {
		return
	}
	s.placed = s.placed.without(at)
	if path != "" {
		s.placed = append(s.placed, placed{at, path, offset})
	}
}

// without takes a range out of them.
func (p places) without(gone span) places {
	for i := 0; i < len(p); i++ {
		m := p[i]
		if m.end <= gone.start || m.start >= gone.end {
			continue
		}
		p = slices.Delete(p, i, i+1)
		var left places
		if m.start < gone.start {
			left = append(left, placed{span{m.start, gone.start}, m.path, m.offset})
		}
		if m.end > gone.end {
			left = append(left, placed{span{gone.end, m.end}, m.path, m.offset + gone.end - m.start})
		}
		p = slices.Insert(p, i, left...)
		i += len(left) - 1
	}
	return p
}

// replaced notes that mremap has moved a range, or has changed its size.
func (im *importer) replaced(s *space, from, to span) {
	if !im.placing {
		return
	}
	for _, m := range s.placed {
		if m.start <= from.start && from.start < m.end {
			im.place(s, from, "", 0)
			im.place(s, to, m.path, m.offset+from.start-m.start)
			return
		}
	}
	im.place(s, to, "", 0)
}
