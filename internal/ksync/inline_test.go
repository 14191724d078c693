package ksync

import (
	"os/exec"
	"strings"
	"testing"
)

// TestFastPathsAreInlined asks the compiler: a nil observer must cost a nil check, not a call.
func TestFastPathsAreInlined(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	out, err := exec.Command("go", "test", "-run=^$", "-count=1", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Skipf("the compiler does not run here: %v\n%s", err, out)
	}
	for _, method := range []string{
		"(*Atomic32).ReadOnce",
		"(*Atomic32).LoadAcquire",
		"(*Atomic32).WriteOnce",
		"(*Atomic32).StoreRelease",
		"(*Atomic32).FetchAdd",
		"(*Atomic32).Peek",
		"(*Atomic64).ReadOnce",
		"(*Atomic64).LoadAcquire",
		"(*Atomic64).WriteOnce",
		"(*Atomic64).StoreRelease",
		"(*Atomic64).Xchg",
		"(*Atomic64).CmpXchg",
		"(*Atomic64).Add",
		"(*Atomic64).Count",
		"(*Atomic64).Peek",
		"(*Pointer[int]).ReadOnce",
		"(*Pointer[int]).LoadAcquire",
		"(*Pointer[go.shape.int]).LoadEarly", // its wrapper, without a caller, is over the budget by one
		"(*Pointer[int]).WriteOnce",
		"(*Pointer[int]).StoreRelease",
		"(*Pointer[int]).Peek",
		"(*Plain[uint64]).Read",
		"(*Plain[uint64]).Write",
		"(*Plain[uint64]).Peek",
		"(*Flags64).Read",
		"(*Flags64).ReadOnce",
		"(*Flags64).Write",
		"(*Flags64).Peek",
		"(*SpinLock).Lock",
		"(*SpinLock).Trylock",
		"(*SpinLock).Unlock",
		"(*Seqcount).ReadOnce",
		"(*Seqcount).ReadAcquire",
		"(*Refcount).Read",
		"(*Refcount).DecAndTest",
		"(*AtomicRef).DecAndTest",
		"(*Atomic32).Count",
		"(*Refcount).SetRelease",
		"(*Domain).ReadLock",
		"(*Domain).ReadUnlock",
		"SameOnce[go.shape.struct {}]",
		"SameAcquire[go.shape.struct {}]",
		"Within[go.shape.struct {}]",
		"PointerOnce[go.shape.struct {},go.shape.int]",
		"DecAndTest[go.shape.struct {}]",
		"LockAndRead",
	} {
		if !strings.Contains(string(out), "can inline "+method+"\n") {
			t.Errorf("%s is not inlined", method)
		}
	}
}
