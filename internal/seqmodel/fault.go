package seqmodel

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Access is a kind of touch.
type Access int

const (
	Read Access = iota
	Write
	Exec // an instruction fetch
)

// String returns the access as scenarios write it.
func (a Access) String() string {
	switch a {
	case Read:
		return "read"
	case Write:
		return "write"
	case Exec:
		return "exec"
	}
	return fmt.Sprintf("Access(%d)", int(a))
}

// Fault is the outcome of a touch: OK or the signal and its code.
type Fault int

const (
	OK         Fault = iota
	SegvMapErr       // nothing mapped there
	SegvAccErr       // rights are missing
	SigBus           // beyond the end of the file
)

// String returns the signal's name as siginfo has it.
func (f Fault) String() string {
	switch f {
	case OK:
		return "ok"
	case SegvMapErr:
		return "SEGV_MAPERR"
	case SegvAccErr:
		return "SEGV_ACCERR"
	case SigBus:
		return "SIGBUS"
	}
	return fmt.Sprintf("Fault(%d)", int(f))
}

// page is a mapped page. data is nil while it shows what lies beneath: the
// zero page or the file's page.
type page struct {
	data []byte
}

func (p *page) clone() *page { return &page{data: slices.Clone(p.data)} }

// Touch faults in the page of addr without changing its bytes.
func (m *Model) Touch(addr uint64, access Access) Fault {
	i := m.find(addr)
	if i == len(m.areas) || m.areas[i].start > addr {
		return SegvMapErr
	}
	a := m.areas[i]
	start := addr &^ pageMask
	p := m.pages[start]
	executable := a.prot&unix.PROT_EXEC != 0
	switch {
	case access == Write && !a.writable(),
		a.prot == unix.PROT_NONE, // x86: any right implies reading
		access == Exec && !executable && p != nil:
		return SegvAccErr
	}
	copies := !a.shared && (access == Write || m.cfg.ForbidZeroPage && a.file == nil && p == nil)
	if copies {
		m.prepareAnon(i) // before the file is asked: stays even on SIGBUS
	}
	if a.file != nil && (p == nil || p.data == nil) && m.beneath(a, start) == nil {
		return SigBus
	}
	if p == nil {
		p = &page{}
		m.pages[start] = p
	}
	if copies && p.data == nil {
		p.data = make([]byte, PageSize)
		copy(p.data, m.beneath(a, start))
	}
	if access == Exec && !executable {
		return SegvAccErr // the first fetch only mapped the page
	}
	return OK
}

// beneath returns the file's page under addr: nil for anonymous memory and
// beyond the end of the file.
func (m *Model) beneath(a area, addr uint64) []byte {
	if a.file == nil {
		return nil
	}
	return a.file.Inode.page(a.pgoff + (addr-a.start)>>pageShift)
}

// Load8 reads a byte as a user instruction would; 0 unless the result is OK.
func (m *Model) Load8(addr uint64) (byte, Fault) {
	if f := m.Touch(addr, Read); f != OK {
		return 0, f
	}
	if data := m.bytes(addr); data != nil {
		return data[addr&pageMask], OK
	}
	return 0, OK // the zero page
}

// Store8 writes a byte as a user instruction would.
func (m *Model) Store8(addr uint64, value byte) Fault {
	if f := m.Touch(addr, Write); f != OK {
		return f
	}
	m.bytes(addr)[addr&pageMask] = value
	return OK
}

// bytes returns the memory behind a mapped page, nil for the zero page.
func (m *Model) bytes(addr uint64) []byte {
	start := addr &^ pageMask
	if p := m.pages[start]; p.data != nil {
		return p.data
	}
	return m.beneath(*m.at(addr), start)
}

// Present reports whether the page of addr is mapped because of a touch here,
// or before fork. Of files the kernel maps more (fault-around); for them true
// means mapped, false means unknown.
func (m *Model) Present(addr uint64) bool {
	return m.pages[addr&^pageMask] != nil
}

// Private reports whether the page of addr is anonymous memory with contents
// of its own: written private memory. It is exact.
func (m *Model) Private(addr uint64) bool {
	p := m.pages[addr&^pageMask]
	return p != nil && p.data != nil
}
