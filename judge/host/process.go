package host

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// Process is a process whose address space is under test. It may be used by one
// goroutine at a time.
//
// Errors of its methods that wrap ErrLost mean that the agent has died or does
// not answer. System calls report theirs as a unix.Errno.
type Process struct {
	lab     *Lab
	index   int
	slot    *slot
	socket  int
	pid     int
	pidfd   int
	proc    [procFiles]int // open files of /proc/PID
	window  Window
	outside Outside
	lost    error
	buffer  []byte            // for reading from /proc
	regions *[64]pagesRegion  // for what PAGEMAP_SCAN finds; the kernel writes here, so it must not lie on a stack
	names   map[string]string // of areas
	flags   map[string]Flags  // by line
}

// open takes over a new agent, which serves the given slot and socket. It fails
// if the agent is not alive.
func (l *Lab) open(index, socket, pid int) (*Process, error) {
	p := &Process{lab: l, index: index, slot: slotAt(l.memory, index), socket: socket, pid: pid, pidfd: -1,
		buffer: make([]byte, 64<<10), regions: new([64]pagesRegion), names: map[string]string{}, flags: map[string]Flags{}}
	for i := range p.proc {
		p.proc[i] = -1
	}
	l.alive[p] = true
	err := p.openFiles()
	if err == nil {
		// Alive now, it was alive before: the pid has not been reused.
		_, err = p.Call(unix.SYS_GETPID)
	}
	if err != nil {
		p.exit()
		return nil, err
	}
	return p, nil
}

func (p *Process) openFiles() (err error) {
	if p.pidfd, err = unix.PidfdOpen(p.pid, 0); err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	for i, name := range procNames[:procMem] {
		if p.proc[i], err = unix.Open(fmt.Sprintf("/proc/%d/%s", p.pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("opening %s of agent %d: %w", name, p.pid, err)
		}
	}
	return nil
}

// PID is the agent's process id.
func (p *Process) PID() int { return p.pid }

// Window is the window that the process was made with.
func (p *Process) Window() Window { return p.window }

// Outside is what the address space has outside the window.
func (p *Process) Outside() Outside { return p.outside }

// Scratch is memory outside the window that the agent sees at ScratchAddr: for
// what system calls are to read or write. A fork has its own.
func (p *Process) Scratch() []byte { return p.slot.scratch[:] }

// ScratchAddr is the address of Scratch in the agent.
func (p *Process) ScratchAddr() uint64 { return slotAddress(p.index) }

// address is where the agent sees a part of its slot.
func (p *Process) address(part unsafe.Pointer) uint64 {
	return slotAddress(p.index) + uint64(uintptr(part)-uintptr(unsafe.Pointer(p.slot)))
}

// Run performs the operations one after the other, all of them whatever becomes
// of each, and fills in their results.
func (p *Process) Run(ops []Op) error {
	for len(ops) > 0 {
		n := min(len(ops), maxBatch)
		for i := range ops[:n] {
			op := &ops[i].operation
			if op.kind == opCall && slices.Contains(forbidden[:], op.target) {
				return fmt.Errorf("system call %d would be the end of the agent: %w", op.target, unix.EINVAL)
			}
			p.slot.ops[i] = *op
		}
		if err := p.perform(n, nil); err != nil {
			return err
		}
		for i := range ops[:n] {
			ops[i].operation = p.slot.ops[i]
		}
		ops = ops[n:]
	}
	return nil
}

// perform has the agent do the first n operations in its slot. With them goes a
// message with descriptors if there are any.
func (p *Process) perform(n int, fds []int) error {
	if p.lost != nil {
		return p.lost
	}
	p.slot.current = p.address(unsafe.Pointer(&p.slot.ops[0]))
	p.slot.left = uint64(n)
	bell := []byte{0}
	err := unix.Sendmsg(p.socket, bell, nil, nil, unix.MSG_NOSIGNAL)
	if err == nil && len(fds) > 0 {
		err = unix.Sendmsg(p.socket, bell, unix.UnixRights(fds...), nil, unix.MSG_NOSIGNAL)
	}
	if err != nil {
		return p.lose(err)
	}
	for {
		n, err := unix.Read(p.socket, bell)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return p.lose(fmt.Errorf("no answer for %v", p.lab.timeout))
		case err != nil:
			return p.lose(err)
		case n == 0:
			return p.lose(errors.New("it has died"))
		default:
			return nil
		}
	}
}

// lose kills an agent that has not behaved.
func (p *Process) lose(reason error) error {
	p.lost = fmt.Errorf("%w: process %d: %w", ErrLost, p.pid, reason)
	p.kill()
	return p.lost
}

func (p *Process) runOne(op Op) (Op, error) {
	ops := [1]Op{op}
	err := p.Run(ops[:])
	return ops[0], err
}

// Call makes a system call. If the kernel refuses, the error is its unix.Errno.
func (p *Process) Call(nr uintptr, args ...uintptr) (uintptr, error) {
	op, err := p.runOne(callOp(nr, args...))
	if err != nil {
		return 0, err
	}
	r, errno := op.Result()
	if errno != 0 {
		return r, errno
	}
	return r, nil
}

// Touch touches the byte at addr.
func (p *Process) Touch(addr uint64, access linux.Access) (Fault, error) {
	op, err := p.runOne(touchOp(addr, access))
	return op.Fault(), err
}

// Load loads the 8-byte word at addr.
func (p *Process) Load(addr uint64) (uint64, Fault, error) {
	op, err := p.runOne(loadOp(addr))
	if f := op.Fault(); err != nil || !f.OK() {
		return 0, f, err
	}
	return op.Value(), Fault{}, nil
}

// Store stores an 8-byte word at addr.
func (p *Process) Store(addr, value uint64) (Fault, error) {
	op, err := p.runOne(storeOp(addr, value))
	return op.Fault(), err
}

// ReadMemory copies len(to) bytes from addr on, with the agent's own loads,
// upwards and as far as they go. It uses Scratch.
func (p *Process) ReadMemory(addr uint64, to []byte) (int, Fault, error) {
	done := 0
	for done < len(to) {
		n := min(len(to)-done, scratchSize)
		copied, f, err := p.copy(p.ScratchAddr(), addr+uint64(done), n)
		copy(to[done:], p.Scratch()[:copied])
		if done += copied; err != nil || !f.OK() {
			return done, f, err
		}
	}
	return done, Fault{}, nil
}

// WriteMemory copies from to addr on, with the agent's own stores, upwards and
// as far as they go. It uses Scratch.
func (p *Process) WriteMemory(addr uint64, from []byte) (int, Fault, error) {
	done := 0
	for done < len(from) {
		n := copy(p.Scratch(), from[done:])
		copied, f, err := p.copy(addr+uint64(done), p.ScratchAddr(), n)
		if done += copied; err != nil || !f.OK() {
			return done, f, err
		}
	}
	return done, Fault{}, nil
}

func (p *Process) copy(to, from uint64, n int) (copied int, f Fault, err error) {
	op, err := p.runOne(copyOp(to, from, n))
	if err != nil {
		return 0, Fault{}, err
	}
	return n - int(op.result), op.Fault(), nil
}

// Fork makes the process fork.
func (p *Process) Fork() (*Process, error) {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	return p.fork()
}

// fork is Fork for who holds lab.mu. The new agent gets its socket from the old.
func (p *Process) fork() (*Process, error) {
	index := p.lab.takeSlot()
	if index < 0 {
		return nil, fmt.Errorf("more than %d processes: %w", maxAgents, unix.EAGAIN)
	}
	ours, theirs, err := p.lab.socketPair()
	if err != nil {
		p.lab.free = append(p.lab.free, index)
		return nil, err
	}
	defer theirs.Close()
	slotAt(p.lab.memory, index).prepare(index)
	p.slot.ops[0] = p.receive(1)
	p.slot.ops[1] = operation{kind: opFork, args: [6]uint64{p.address(unsafe.Pointer(&p.slot.message.fds)), slotAddress(index)}}
	err = p.perform(2, []int{int(theirs.Fd())})
	if err == nil {
		for i := range p.slot.ops[:2] {
			if _, errno := (&Op{p.slot.ops[i]}).Result(); errno != 0 && err == nil {
				err = fmt.Errorf("fork: %w", errno)
			}
		}
	}
	if err != nil {
		unix.Close(ours)
		if p.lost == nil { // else there may be a child
			p.lab.free = append(p.lab.free, index)
		}
		return nil, err
	}
	child, err := p.lab.open(index, ours, int(p.slot.ops[1].result))
	if err != nil {
		return nil, err
	}
	child.window, child.outside = p.window, p.outside
	return child, nil
}

// Exit ends the process and waits until its address space is gone.
func (p *Process) Exit() {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	p.exit()
}

// exit is Exit for who holds lab.mu.
func (p *Process) exit() {
	if p.socket < 0 {
		return
	}
	p.kill()
	p.release()
	p.lab.free = append(p.lab.free, p.index)
}

// kill ends the agent. The zombie is the nursery's to reap.
func (p *Process) kill() {
	if p.pidfd < 0 {
		return
	}
	unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0)
	dead := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(dead, -1); err != unix.EINTR {
			return
		}
	}
}

// release closes what the program holds of an agent.
func (p *Process) release() {
	for _, fd := range append([]int{p.socket, p.pidfd}, p.proc[:]...) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	p.socket, p.pidfd = -1, -1
	delete(p.lab.alive, p)
	if p.lost == nil {
		p.lost = fmt.Errorf("%w: process %d: it has exited", ErrLost, p.pid)
	}
}
