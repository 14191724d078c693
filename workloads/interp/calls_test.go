package interp

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// TestCallRows checks that only statements have rows, and that no row lacks what the simulator does.
func TestCallRows(t *testing.T) {
	for kind := range workloads.Kind(workloads.NumKinds) {
		call := &calls[kind]
		if call.do != nil && kind.Spec().In == workloads.InTop {
			t.Errorf("%v is a declaration, and has a call", kind)
		}
		if call.do == nil && (call.number != 0 || call.args != nil || call.traits != 0) {
			t.Errorf("%v: the simulator cannot make the call", kind)
		}
	}
}

// TestSystemCall checks that arguments come in the kernel's order.
func TestSystemCall(t *testing.T) {
	c := Call{Addr: 1, Len: 2, Prot: 3, Flags: 4, Offset: 5, NewLen: 6, NewAddr: 7, Advice: 8, Option: 9, Value: 10}
	for kind, want := range map[workloads.Kind][7]uintptr{
		workloads.KindMmap:           {linux.SYS_MMAP, 1, 2, 3, 4, 77, 5},
		workloads.KindMunmap:         {linux.SYS_MUNMAP, 1, 2},
		workloads.KindMprotect:       {linux.SYS_MPROTECT, 1, 2, 3},
		workloads.KindMremap:         {linux.SYS_MREMAP, 1, 2, 6, 4, 7},
		workloads.KindMadvise:        {linux.SYS_MADVISE, 1, 2, 8},
		workloads.KindBrk:            {linux.SYS_BRK, 1},
		workloads.KindMlock:          {linux.SYS_MLOCK2, 1, 2, 4},
		workloads.KindMunlock:        {linux.SYS_MUNLOCK, 1, 2},
		workloads.KindMlockall:       {linux.SYS_MLOCKALL, 4},
		workloads.KindMunlockall:     {linux.SYS_MUNLOCKALL},
		workloads.KindMseal:          {linux.SYS_MSEAL, 1, 2, 4},
		workloads.KindMsync:          {linux.SYS_MSYNC, 1, 2, 4},
		workloads.KindRemapFilePages: {linux.SYS_REMAP_FILE_PAGES, 1, 2, 3, 10, 4},
		workloads.KindPrctl:          {linux.SYS_PRCTL, 9, 10},
	} {
		c.Kind = kind
		nr, args := c.SystemCall([]int{77})
		if got := [7]uintptr(append([]uintptr{nr}, args[:]...)); got != want {
			t.Errorf("%v: %d, expected %d", kind, got, want)
		}
	}
	c.Kind, c.Flags = workloads.KindMlock, 0
	if nr, args := c.SystemCall(nil); nr != linux.SYS_MLOCK || args != [6]uintptr{1, 2} {
		t.Errorf("mlock without flags: %d %d", nr, args)
	}
	c.Kind, c.File = workloads.KindMmap, -1
	if _, args := c.SystemCall(nil); args[4] != ^uintptr(0) {
		t.Errorf("anonymous memory has the descriptor %d", args[4])
	}
}
