package host

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// Area is one line of /proc/PID/maps.
type Area struct {
	Start, End uint64
	Prot       int // PROT_READ, PROT_WRITE, PROT_EXEC
	Shared     bool
	Offset     uint64 // in bytes
	Dev        uint64 // as unix.Mkdev makes it
	Inode      uint64
	Name       string
	Flags      Flags // by Process.Flags only
}

// String is the line, and the flags in brackets if known.
func (a Area) String() string {
	perms := []byte("---p")
	for i, letter := range []byte("rwx") { // PROT_READ, PROT_WRITE, PROT_EXEC are 1, 2, 4
		if a.Prot&(1<<i) != 0 {
			perms[i] = letter
		}
	}
	if a.Shared {
		perms[3] = 's'
	}
	s := fmt.Sprintf("%x-%x %s %08x %02x:%02x %d", a.Start, a.End, perms, a.Offset, unix.Major(a.Dev), unix.Minor(a.Dev), a.Inode)
	if a.Name != "" {
		s += " " + a.Name
	}
	if a.Flags != "" {
		s += " [" + string(a.Flags) + "]"
	}
	return s
}

// The files of /proc/PID that a Process keeps open.
const (
	procMaps = iota
	procSmaps
	procPagemap
	procStatus
	procMem // opened by who needs it first
	procFiles
)

var procNames = [procFiles]string{"maps", "smaps", "pagemap", "status", "mem"}

// Areas lists what is mapped in the window.
func (p *Process) Areas() ([]Area, error) { return p.areas(procMaps, p.window.Base, p.window.End()) }

// Flags lists the same with the areas' flags. That is slower.
func (p *Process) Flags() ([]Area, error) { return p.areas(procSmaps, p.window.Base, p.window.End()) }

// allAreas lists the whole address space but for the gate page, which is not
// counted as an area either.
func (p *Process) allAreas() ([]Area, error) { return p.areas(procMaps, 0, linux.TaskSize) }

// areas lists what lies in [start, end). It reads no further than it needs to.
func (p *Process) areas(file int, start, end uint64) ([]Area, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	var out []Area
	var failed error
	inside := false // the lines that follow belong to the last of out
	err := p.lines(file, func(line []byte) bool {
		if len(line) > 0 && line[0] >= 'A' && line[0] <= 'Z' {
			if flags, ok := bytes.CutPrefix(line, []byte("VmFlags:")); ok && inside {
				out[len(out)-1].Flags = p.parseFlags(flags)
			}
			return true
		}
		var a Area
		if a, failed = p.parseArea(line); failed != nil || a.Start >= end {
			return false
		}
		if inside = a.End > start; inside {
			out = append(out, a)
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return out, err
}

// lines calls f with each line of a file of /proc until it returns false.
func (p *Process) lines(file int, f func(line []byte) bool) error {
	kept := 0 // of a line begun
	for offset := int64(0); ; {
		n, err := unix.Pread(p.proc[file], p.buffer[kept:], offset)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading /proc/%d/%s: %w", p.pid, procNames[file], err)
		}
		if n == 0 {
			return nil
		}
		offset += int64(n)
		text := p.buffer[:kept+n]
		for {
			line, rest, whole := bytes.Cut(text, []byte("\n"))
			if !whole {
				break
			}
			if !f(line) {
				return nil
			}
			text = rest
		}
		kept = copy(p.buffer, text)
	}
}

// parseArea reads "start-end perms offset major:minor inode name".
func (p *Process) parseArea(line []byte) (a Area, err error) {
	s := scanner{text: line}
	a.Start = s.number(16, '-')
	a.End = s.number(16, ' ')
	perms := s.word(' ')
	a.Offset = s.number(16, ' ')
	major := s.number(16, ':')
	a.Dev = unix.Mkdev(uint32(major), uint32(s.number(16, ' ')))
	a.Inode = s.number(10, ' ')
	if s.failed || len(perms) != 4 {
		return a, fmt.Errorf("no line of maps: %q", line)
	}
	for i, letter := range []byte("rwx") {
		if perms[i] == letter {
			a.Prot |= 1 << i
		}
	}
	a.Shared = perms[3] == 's'
	a.Name = p.intern(bytes.TrimLeft(s.text, " "))
	return a, nil
}

// intern makes a string of a name, once for all the lines that have it.
func (p *Process) intern(name []byte) string {
	s, known := p.names[string(name)]
	if !known {
		s = string(name)
		p.names[s] = s
	}
	return s
}

// scanner takes words off a line.
type scanner struct {
	text   []byte
	failed bool
}

func (s *scanner) word(end byte) []byte {
	word, rest, ok := bytes.Cut(s.text, []byte{end})
	s.failed = s.failed || !ok
	s.text = rest
	return word
}

func (s *scanner) number(base int, end byte) uint64 {
	n, err := strconv.ParseUint(string(s.word(end)), base, 64)
	s.failed = s.failed || err != nil
	return n
}
