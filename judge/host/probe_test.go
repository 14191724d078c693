package host

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
)

// TestProbe: what a Lab finds out is what a machine can have, and is told.
func TestProbe(t *testing.T) {
	l := newLab(t)
	k := l.Kernel()
	if !k.Probed || k.LowestAddr < linux.PageSize || k.LowestAddr > 1<<30 || k.LowestAddr%linux.PageSize != 0 || k.LowestAddr < k.MmapMinAddr {
		t.Errorf("the lowest address is %#x, vm.mmap_min_addr %#x", k.LowestAddr, k.MmapMinAddr)
	}
	if k.FaultAround != 0 && (k.FaultAround&(k.FaultAround-1) != 0 || k.FaultAround < linux.PageSize) {
		t.Errorf("fault-around is %d", k.FaultAround)
	}
	for _, part := range []string{"shared zero page " + onOff(k.ZeroPage), "lowest address", "fault-around", "five-level page tables"} {
		if !strings.Contains(k.String(), part) {
			t.Errorf("the report has no %q", part)
		}
	}
	p := newProcess(t, l, Window{})
	areas, err := p.Areas()
	must(t, err)
	if len(areas) != 0 {
		t.Errorf("probing has left %v", areas)
	}
}
