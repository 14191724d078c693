package host

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PassFiles gives open files to the agent, which has them, and whose forks have
// them, under the descriptors returned: the same open files, so that the kernel
// treats mappings of one as it treats those of one file opened once.
func (p *Process) PassFiles(files ...*os.File) ([]int, error) {
	var out []int
	for len(files) > 0 {
		n := min(len(files), maxFiles)
		fds := make([]int, n)
		for i, f := range files[:n] {
			fds[i] = int(f.Fd())
		}
		got, err := p.pass(fds)
		if err != nil {
			return nil, fmt.Errorf("passing files: %w", err)
		}
		out, files = append(out, got...), files[n:]
	}
	return out, nil
}

func (p *Process) pass(fds []int) ([]int, error) {
	p.slot.ops[0] = p.receive(len(fds))
	if err := p.perform(1, fds); err != nil {
		return nil, err
	}
	if _, errno := (&Op{p.slot.ops[0]}).Result(); errno != 0 {
		return nil, fmt.Errorf("recvmsg: %w", errno)
	}
	out := make([]int, len(fds))
	for i := range out {
		out[i] = int(p.slot.message.fds[i])
	}
	return out, nil
}

// receive is the recvmsg with which an agent takes n descriptors off its socket.
func (p *Process) receive(n int) operation {
	m := &p.slot.message
	*m = message{
		vector: p.address(unsafe.Pointer(&m.base)), vectorLen: 1,
		base: p.address(unsafe.Pointer(&p.slot.bell)), length: 1,
		control: p.address(unsafe.Pointer(&m.rights)), controlLen: uint64(unix.CmsgSpace(4 * n)),
	}
	return callOp(unix.SYS_RECVMSG, uintptr(p.slot.fd), uintptr(p.address(unsafe.Pointer(m))), 0).operation
}
