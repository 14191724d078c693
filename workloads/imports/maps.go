package imports

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// Area is a line of /proc/PID/maps, and what smaps tells of it.
type Area struct {
	Start, End uint64
	Prot       int // linux.PROT_*
	Shared     bool
	Offset     uint64 // in the file, in bytes
	Inode      uint64
	Name       string   // "" for anonymous memory
	Flags      []string // VmFlags, two letters each; nil: not known
}

// ReadMaps reads a dump of /proc/PID/maps or /proc/PID/smaps. It leaves out [vsyscall], which lies above user space.
func ReadMaps(name string, r io.Reader) (areas []Area, err error) {
	lines := newLineReader(name, r)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			if areas == nil {
				return nil, mistake(name, max(lines.no, 1), 1, "nothing is mapped, expected a dump of /proc/PID/maps")
			}
			return areas, nil
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && len(areas) > 0 && isSmapsKey(key) {
			if string(key) == "VmFlags" {
				areas[len(areas)-1].Flags = strings.Fields(string(value))
			}
			continue
		}
		a, col, ok := parseArea(line)
		switch {
		case !ok && areas == nil && workloads.Recognize(string(line)) != nil:
			return nil, mistake(name, lines.no, 1, "%s", workloads.Recognize(string(line)).Sentence(name, "a dump of /proc/PID/maps"))
		case !ok:
			return nil, mistake(name, lines.no, col, "no line of /proc/PID/maps, expected START-END PERMS OFFSET MAJOR:MINOR INODE NAME")
		case a.Start >= linux.TaskSize:
			continue
		case a.Start >= a.End || a.Start%linux.PageSize != 0 || a.End%linux.PageSize != 0 || a.End > linux.TaskSize:
			return nil, mistake(name, lines.no, 1, "a range from %#x to %#x, expected whole pages below %#x", a.Start, a.End, uint64(linux.TaskSize))
		case len(areas) > 0 && a.Start < areas[len(areas)-1].End:
			return nil, mistake(name, lines.no, 1, "a range that begins at %#x, expected one behind that of the line before", a.Start)
		}
		areas = append(areas, a)
	}
}

// isSmapsKey tells the lines of smaps that say more of a range: "Rss", "VmFlags".
func isSmapsKey(key []byte) bool {
	return len(key) > 0 && 'A' <= key[0] && key[0] <= 'Z' && !bytes.ContainsAny(key, " -")
}

// parseArea reads a line; col is where it is none, if ok is false.
func parseArea(line []byte) (a Area, col int, ok bool) {
	rest := line
	next := func(end byte) (word []byte) {
		word, rest, ok = bytes.Cut(rest, []byte{end})
		return word
	}
	hex := func(end byte) (n uint64) {
		if word := next(end); ok {
			n, ok = hexadecimal(word)
		}
		return n
	}
	where := func() int { return len(line) - len(rest) + 1 }
	if a.Start = hex('-'); !ok {
		return a, 1, false
	}
	if a.End = hex(' '); !ok {
		return a, where(), false
	}
	perms := next(' ')
	if !ok || len(perms) != 4 {
		return a, where(), false
	}
	for i, letter := range []byte("rwx") { // PROT_READ, PROT_WRITE, PROT_EXEC are 1, 2, 4
		switch perms[i] {
		case letter:
			a.Prot |= 1 << i
		case '-':
		default:
			return a, where(), false
		}
	}
	a.Shared = perms[3] == 's'
	if a.Offset = hex(' '); !ok || a.Offset%linux.PageSize != 0 {
		return a, where(), false
	}
	if next(' '); !ok { // the device
		return a, where(), false
	}
	inode, name, _ := bytes.Cut(rest, []byte(" "))
	if a.Inode, ok = number(inode); !ok && !slices.Equal(inode, []byte("0")) {
		return a, where(), false
	}
	a.Name = string(bytes.TrimSpace(name))
	return a, 0, true
}

// flag reports whether smaps tells a flag of the range, "gd" for one that grows down.
func (a *Area) flag(letters string) bool { return slices.Contains(a.Flags, letters) }

// Grows reports whether the range is a stack.
func (a *Area) grows() bool { return a.Name == "[stack]" || a.flag("gd") }

// file reports whether the range maps a file, by its name.
func (a *Area) file() bool {
	return strings.HasPrefix(a.Name, "/") && !strings.HasPrefix(a.Name, "/dev/zero") && !strings.HasPrefix(a.Name, "/SYSV")
}

// special reports whether the range is the kernel's own: [vdso], [vvar], …
func (a *Area) special() bool { return strings.HasPrefix(a.Name, "[v") || a.Name == "[uprobes]" }
