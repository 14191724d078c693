package fault

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestNoCanonicalAddress checks which addresses raise a general protection exception: no page fault, and none is counted.
func TestNoCanonicalAddress(t *testing.T) {
	f := newFixture(t)
	for addr, want := range map[uint64]linux.AccessEnd{
		0:                       linux.SegvMaperr,
		0x7fffffffffff &^ 7:     linux.SegvMaperr,
		0x800000000000:          linux.SegvKernel,
		0xffff7fffffffffff &^ 7: linux.SegvKernel,
		0xffff800000000000:      linux.SegvMaperr,
		1<<64 - 8:               linux.SegvMaperr,
	} {
		before := f.t.Counters[task.PgFault]
		f.want(Touch(f.t, f.mm, addr, linux.Write), want, "a touch")
		if faults := f.t.Counters[task.PgFault] - before; (faults == 0) != (want == linux.SegvKernel) {
			t.Errorf("%#x: %d page faults", addr, faults)
		}
	}
}
