package seqmodel

import (
	"slices"

	"vmasim/internal/linux"
)

// page is a mapped page. data is nil while it shows what lies beneath: the
// zero page or the file's page.
type page struct {
	data []byte
}

func (p *page) clone() *page { return &page{data: slices.Clone(p.data)} }

// Touch faults in the page of addr without changing its bytes.
func (m *Model) Touch(addr uint64, access linux.Access) linux.AccessEnd {
	if !linux.Canonical(addr) {
		return linux.SegvKernel
	}
	i := m.find(addr)
	if i == len(m.areas) || m.areas[i].start > addr {
		return linux.SegvMaperr
	}
	a := m.areas[i]
	start := addr &^ linux.PageMask
	p := m.pages[start]
	executable := a.prot&linux.PROT_EXEC != 0
	switch {
	case access == linux.Write && !a.writable(),
		a.prot == linux.PROT_NONE, // x86: any right implies reading
		access == linux.Exec && !executable && p != nil:
		return linux.SegvAccerr
	}
	copies := !a.shared && (access == linux.Write || m.cfg.ForbidZeroPage && a.file == nil && p == nil)
	if copies {
		m.prepareAnon(i) // before the file is asked: stays even on SIGBUS
	}
	if a.file != nil && (p == nil || p.data == nil) && m.beneath(a, start) == nil {
		return linux.Sigbus
	}
	if p == nil {
		p = &page{}
		m.pages[start] = p
	}
	if copies && p.data == nil {
		p.data = make([]byte, linux.PageSize)
		copy(p.data, m.beneath(a, start))
	}
	if access == linux.Exec && !executable {
		return linux.SegvAccerr // the first fetch only mapped the page
	}
	return linux.OK
}

// beneath returns the file's page under addr: nil for anonymous memory and
// beyond the end of the file.
func (m *Model) beneath(a area, addr uint64) []byte {
	if a.file == nil {
		return nil
	}
	return a.file.Inode.page(a.pgoff + (addr-a.start)>>linux.PageShift)
}

// Load8 reads a byte as a user instruction would; 0 unless the result is OK.
func (m *Model) Load8(addr uint64) (byte, linux.AccessEnd) {
	if f := m.Touch(addr, linux.Read); f != linux.OK {
		return 0, f
	}
	if data := m.bytes(addr); data != nil {
		return data[addr&linux.PageMask], linux.OK
	}
	return 0, linux.OK // the zero page
}

// Store8 writes a byte as a user instruction would.
func (m *Model) Store8(addr uint64, value byte) linux.AccessEnd {
	if f := m.Touch(addr, linux.Write); f != linux.OK {
		return f
	}
	m.bytes(addr)[addr&linux.PageMask] = value
	return linux.OK
}

// bytes returns the memory behind a mapped page, nil for the zero page.
func (m *Model) bytes(addr uint64) []byte {
	start := addr &^ linux.PageMask
	if p := m.pages[start]; p.data != nil {
		return p.data
	}
	return m.beneath(*m.at(addr), start)
}

// Present reports whether the page of addr is mapped because of a touch here,
// or before fork. Of files the kernel maps more (fault-around); for them true
// means mapped, false means unknown.
func (m *Model) Present(addr uint64) bool {
	return m.pages[addr&^linux.PageMask] != nil
}

// Private reports whether the page of addr is anonymous memory with contents
// of its own: written private memory. It is exact.
func (m *Model) Private(addr uint64) bool {
	p := m.pages[addr&^linux.PageMask]
	return p != nil && p.data != nil
}
