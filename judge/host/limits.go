package host

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// Status is what /proc/PID/status says of memory: the kernel's names (VmSize,
// VmLck, VmData, VmStk, VmRSS and so on), and bytes.
type Status map[string]uint64

// Status reads the process's memory counters, those of the whole address space:
// subtract Outside to have the window's.
func (p *Process) Status() (Status, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	out := Status{}
	err := p.lines(procStatus, func(line []byte) bool {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if number, ok := bytes.CutSuffix(value, []byte(" kB")); ok {
			if kilobytes, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 64); err == nil {
				out[string(name)] = kilobytes << 10
			}
		}
		return true
	})
	if err == nil && len(out) == 0 {
		err = p.lose(fmt.Errorf("it has no memory: it has died"))
	}
	return out, err
}

// Outside is what an address space has outside its window: subtract it from
// what the kernel counts and add it to its limits.
type Outside struct {
	Areas  int // against vm.max_map_count
	Pages  int // total_vm, against RLIMIT_AS
	Data   int // data_vm, against RLIMIT_DATA, in pages
	Stack  int // stack_vm, in pages
	Locked int // locked_vm, against RLIMIT_MEMLOCK, in pages
}

// readOutside counts while the window is empty.
func (p *Process) readOutside() (Outside, error) {
	areas, err := p.allAreas()
	if err != nil {
		return Outside{}, err
	}
	status, err := p.Status()
	if err != nil {
		return Outside{}, err
	}
	pages := func(name string) int { return int(status[name] >> linux.PageShift) }
	return Outside{Areas: len(areas), Pages: pages("VmSize"), Data: pages("VmData"), Stack: pages("VmStk"), Locked: pages("VmLck")}, nil
}

// share is the part of Outside that counts against a limit, in bytes.
func (o Outside) share(resource int) uint64 {
	pages := map[int]int{unix.RLIMIT_AS: o.Pages, unix.RLIMIT_DATA: o.Data, unix.RLIMIT_MEMLOCK: o.Locked}[resource]
	return uint64(pages) << linux.PageShift
}

// SetLimit sets a resource limit (RLIMIT_AS, _DATA, _MEMLOCK, _STACK) of the
// process in bytes, the soft one, as if there were nothing outside the window.
// unix.RLIM_INFINITY is none. Limits above the hard one are refused with EPERM.
func (p *Process) SetLimit(resource int, limit uint64) error {
	if p.lost != nil {
		return p.lost
	}
	var now unix.Rlimit
	if err := unix.Prlimit(p.pid, resource, nil, &now); err != nil {
		return fmt.Errorf("reading limit %d: %w", resource, err)
	}
	if limit != unix.RLIM_INFINITY {
		limit += p.outside.share(resource)
	}
	if limit > now.Max {
		return fmt.Errorf("limit %d: %d is above the hard limit %d: %w", resource, limit, now.Max, unix.EPERM)
	}
	now.Cur = limit
	if err := unix.Prlimit(p.pid, resource, &now, nil); err != nil {
		return fmt.Errorf("setting limit %d: %w", resource, err)
	}
	return nil
}

// capabilityState is what capget and capset take: their header and both halves.
type capabilityState struct {
	header unix.CapUserHeader
	data   [2]unix.CapUserData
}

// DropCapabilities takes the given capabilities (unix.CAP_*) from the process,
// all if none is given: many limits do not bind who has CAP_IPC_LOCK,
// CAP_SYS_RESOURCE or CAP_SYS_ADMIN. There is no way back. It uses Scratch.
func (p *Process) DropCapabilities(capabilities ...int) error {
	state := (*capabilityState)(unsafe.Pointer(&p.slot.scratch))
	*state = capabilityState{header: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	header, data := uintptr(p.ScratchAddr()), uintptr(p.ScratchAddr())+unsafe.Offsetof(state.data)
	if err := p.require("capget", callOp(unix.SYS_CAPGET, header, data)); err != nil {
		return err
	}
	for i := range state.data {
		drop := ^uint32(0)
		if len(capabilities) > 0 {
			drop = 0
		}
		for _, c := range capabilities {
			if c/32 == i {
				drop |= 1 << (c % 32)
			}
		}
		d := &state.data[i]
		d.Effective &^= drop
		d.Permitted &^= drop
		d.Inheritable &^= drop
	}
	return p.require("capset", callOp(unix.SYS_CAPSET, header, data))
}

// KeepCapabilities takes all capabilities from the process but the given ones
// (unix.CAP_*), of those that it has.
func (p *Process) KeepCapabilities(keep ...int) error {
	var drop []int
	for c := range 64 {
		if !slices.Contains(keep, c) {
			drop = append(drop, c)
		}
	}
	return p.DropCapabilities(drop...)
}
