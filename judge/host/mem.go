package host

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Peek reads the 8-byte word at addr from the kernel's side, through /proc/PID/mem. The error is a unix.Errno if the kernel refuses.
func (p *Process) Peek(addr uint64) (uint64, error) {
	var word [8]byte
	err := p.accessMemory(func(fd int) (int, error) { return unix.Pread(fd, word[:], int64(addr)) })
	return binary.NativeEndian.Uint64(word[:]), err
}

// Poke writes the 8-byte word at addr from the kernel's side.
func (p *Process) Poke(addr, value uint64) error {
	word := binary.NativeEndian.AppendUint64(nil, value)
	return p.accessMemory(func(fd int) (int, error) { return unix.Pwrite(fd, word, int64(addr)) })
}

// accessMemory does access on the open file, all of a word or nothing.
func (p *Process) accessMemory(access func(fd int) (int, error)) error {
	if p.lost != nil {
		return p.lost
	}
	if p.proc[procMem] < 0 {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/%s", p.pid, procNames[procMem]), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%w: mem of agent %d: %v", ErrHidden, p.pid, err)
		}
		p.proc[procMem] = fd
	}
	for {
		n, err := access(p.proc[procMem])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n != 8: // a word lies in one page
			return p.lose(fmt.Errorf("%d bytes of a word", n))
		default:
			return nil
		}
	}
}
