package fault

import (
	"testing"

	"vmasim/internal/task"
)

// TestNoCanonicalAddress checks which addresses raise a general protection exception: no page fault, and none is counted.
func TestNoCanonicalAddress(t *testing.T) {
	f := newFixture(t)
	for addr, want := range map[uint64]Result{
		0:                       SegvMaperr,
		0x7fffffffffff &^ 7:     SegvMaperr,
		0x800000000000:          SegvKernel,
		0xffff7fffffffffff &^ 7: SegvKernel,
		0xffff800000000000:      SegvMaperr,
		1<<64 - 8:               SegvMaperr,
	} {
		before := f.t.Counters[task.PgFault]
		f.want(Touch(f.t, f.mm, addr, Write), want, "a touch")
		if faults := f.t.Counters[task.PgFault] - before; (faults == 0) != (want == SegvKernel) {
			t.Errorf("%#x: %d page faults", addr, faults)
		}
	}
}
