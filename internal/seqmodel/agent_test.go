package seqmodel

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An agent is a process on the real kernel whose address space is under test.
// It is a fork of the test binary that does nothing but take system calls off a
// socket, make them and answer, in a function that allocates nothing, so that
// the dead Go runtime around it never maps or unmaps anything. Agents can be
// forked like the models they are compared with.
type agent struct {
	pool  *agentPool
	slot  int
	pid   int
	maps  *os.File // /proc/PID/maps, for PROCMAP_QUERY
	pages *os.File // /proc/PID/pagemap
}

// request is what an agent reads: number, six arguments, and for fork the
// socket of the child. The answer is result and errno in the first two words.
type request [8]uintptr

// nrStripes is no system call: it makes args[1] single pages readable, every
// second one from args[0] on, which leaves two more areas each.
const nrStripes = 1 << 20

// serve is the whole life of an agent.
//
//go:norace
//go:nosplit
func serve(fd uintptr, req *request) {
	for {
		n, _, _ := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(req)), unsafe.Sizeof(*req))
		if n != unsafe.Sizeof(*req) {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		var r, e uintptr
		if req[0] == nrStripes {
			for i := uintptr(0); i < req[2] && e == 0; i++ {
				_, _, errno := unix.RawSyscall(unix.SYS_MPROTECT, req[1]+i*2*PageSize, PageSize, unix.PROT_READ)
				e = uintptr(errno)
			}
		} else {
			result, _, errno := unix.RawSyscall6(req[0], req[1], req[2], req[3], req[4], req[5], req[6])
			if req[0] == unix.SYS_CLONE && result == 0 && errno == 0 {
				fd = req[7]
				continue
			}
			r, e = result, uintptr(errno)
		}
		req[0], req[1] = r, e
		unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(req)), 2*unsafe.Sizeof(r))
	}
}

// forkAgent clones this process; the child serves fd and never returns. No exit
// signal: the Go handlers must not run in an agent.
//
//go:norace
//go:nosplit
func forkAgent(fd uintptr, req *request) (pid uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		serve(fd, req)
	}
	return pid, errno
}

// agentPool holds the sockets, made before the first agent so that every
// descendant inherits them.
type agentPool struct {
	ours, theirs []int
	free         []int
	req          *request
}

const maxAgents = 5

func newAgentPool() (*agentPool, error) {
	p := &agentPool{req: new(request)}
	for slot := range maxAgents {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		// A dead agent must not hang the test.
		if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}); err != nil {
			return nil, err
		}
		p.ours, p.theirs = append(p.ours, pair[0]), append(p.theirs, pair[1])
		p.free = append(p.free, slot)
	}
	return p, nil
}

func (p *agentPool) close() {
	for slot := range p.ours {
		unix.Close(p.ours[slot])
		unix.Close(p.theirs[slot])
	}
}

// start forks the first agent off the test process.
func (p *agentPool) start() (*agent, error) {
	slot := p.take()
	pid, errno := forkAgent(uintptr(p.theirs[slot]), p.req)
	if errno != 0 {
		return nil, fmt.Errorf("fork: %w", errno)
	}
	a, err := p.open(slot, int(pid))
	if err != nil {
		return nil, err
	}
	for _, fd := range p.ours { // so that agents see our death as end of file
		if _, err := a.call(unix.SYS_CLOSE, uintptr(fd)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (p *agentPool) take() int {
	slot := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return slot
}

func (p *agentPool) open(slot, pid int) (*agent, error) {
	a := &agent{pool: p, slot: slot, pid: pid}
	var err error
	if a.maps, err = os.Open(fmt.Sprintf("/proc/%d/maps", pid)); err != nil {
		return nil, err
	}
	a.pages, err = os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	return a, err
}

func (a *agent) send(nr uintptr, args ...uintptr) error {
	var req request
	req[0] = nr
	copy(req[1:], args)
	_, err := unix.Write(a.pool.ours[a.slot], unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req)))
	return err
}

// call makes a system call in the agent. Trouble with the agent itself panics:
// no comparison is possible any more.
func (a *agent) call(nr uintptr, args ...uintptr) (uintptr, error) {
	if err := a.send(nr, args...); err != nil {
		panic(fmt.Sprintf("agent %d: send: %v", a.pid, err))
	}
	var answer [2]uint64
	for {
		n, err := unix.Read(a.pool.ours[a.slot], unsafe.Slice((*byte)(unsafe.Pointer(&answer)), unsafe.Sizeof(answer)))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != int(unsafe.Sizeof(answer)) {
			panic(fmt.Sprintf("agent %d: no answer to call %d: %d bytes, %v", a.pid, nr, n, err))
		}
		break
	}
	if answer[1] != 0 {
		return 0, unix.Errno(answer[1])
	}
	return uintptr(answer[0]), nil
}

// fork makes the agent fork.
func (a *agent) fork() (*agent, error) {
	slot := a.pool.take()
	pid, err := a.call(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0, uintptr(a.pool.theirs[slot]))
	if err != nil {
		return nil, err
	}
	return a.pool.open(slot, int(pid))
}

// exit ends the agent and waits until it is gone: a dying one could still take
// a request from the socket that its successor serves. Only the first agent is
// our child, the others are reaped by init when their parents are gone.
func (a *agent) exit() {
	a.maps.Close()
	a.pages.Close()
	pidfd, err := unix.PidfdOpen(a.pid, 0)
	if err != nil {
		panic(fmt.Sprintf("agent %d: pidfd_open: %v", a.pid, err))
	}
	defer unix.Close(pidfd)
	unix.Kill(a.pid, unix.SIGKILL)
	dead := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(dead, -1); err != unix.EINTR {
			break
		}
	}
	unix.Wait4(a.pid, nil, unix.WALL, nil)
	a.pool.free = append(a.pool.free, a.slot)
}

// hostRange is one line of /proc/PID/maps.
type hostRange struct {
	start, end, offset, inode uint64
	prot                      int
	shared                    bool
}

// procmapQuery is struct procmap_query of linux/fs.h.
type procmapQuery struct {
	size, queryFlags, queryAddr                uint64
	start, end, flags, pageSize, offset, inode uint64
	devMajor, devMinor, nameSize, buildIDSize  uint32
	nameAddr, buildIDAddr                      uint64
}

const (
	procmapQueryIoctl     = 0xc0686611
	procmapCoveringOrNext = 0x10
	procmapSharedFlag     = 0x8
	procmapProtFlags      = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC // the same three bits
)

// layout lists what is mapped in [start, end).
func (a *agent) layout(start, end uint64) ([]hostRange, error) {
	var out []hostRange
	for addr := start; addr < end; {
		q := procmapQuery{queryFlags: procmapCoveringOrNext, queryAddr: addr}
		q.size = uint64(unsafe.Sizeof(q))
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, a.maps.Fd(), procmapQueryIoctl, uintptr(unsafe.Pointer(&q)))
		if errno == unix.ENOENT || errno == 0 && q.start >= end {
			break
		}
		if errno != 0 {
			return nil, fmt.Errorf("PROCMAP_QUERY: %w", errno)
		}
		r := hostRange{start: q.start, end: q.end, inode: q.inode, prot: int(q.flags & procmapProtFlags), shared: q.flags&procmapSharedFlag != 0}
		if q.inode != 0 {
			r.offset = q.offset
		}
		out = append(out, r)
		addr = q.end
	}
	return out, nil
}

// allMaps lists start and end of every area, by reading the file: the agent's
// whole address space, once per sequence. The gate page is left out, as it is
// from the map count.
func (a *agent) allMaps() ([]hostRange, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", a.pid))
	if err != nil {
		return nil, err
	}
	var out []hostRange
	for line := range strings.Lines(string(text)) {
		var r hostRange
		if _, err := fmt.Sscanf(line, "%x-%x", &r.start, &r.end); err != nil {
			return nil, err
		}
		if !strings.Contains(line, "[vsyscall]") {
			out = append(out, r)
		}
	}
	return out, nil
}

// vmFlags returns the VmFlags line of every area in [start, end), by start
// address.
func (a *agent) vmFlags(start, end uint64) (map[uint64]string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", a.pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[uint64]string{}
	var current uint64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok {
			if start <= current && current < end {
				out[current] = flags + " "
			}
			continue
		}
		if head, _, ok := strings.Cut(line, "-"); ok && !strings.Contains(head, ":") {
			if addr, err := strconv.ParseUint(head, 16, 64); err == nil {
				current = addr
			}
		}
	}
	return out, nil
}

// The bits of a pagemap entry that are used.
const (
	pagemapPresent = 1 << 63
	pagemapFile    = 1 << 61 // file page or shared anonymous
	pagemapFrame   = 1<<55 - 1
)

// pagemap returns the entries of n pages from start on.
func (a *agent) pagemap(start uint64, n int) ([]uint64, error) {
	buf := make([]byte, 8*n)
	if _, err := a.pages.ReadAt(buf, int64(start>>pageShift*8)); err != nil {
		return nil, err
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.NativeEndian.Uint64(buf[8*i:])
	}
	return out, nil
}
