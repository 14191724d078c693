package judge

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// TestPinKeepsAddresses: what the kernel placed is where it was, when what was before it is gone.
func TestPinKeepsAddresses(t *testing.T) {
	private := workloads.Backing{Sharing: linux.MAP_PRIVATE}
	steps := []step{
		{stmt: &workloads.Stmt{Kind: workloads.KindMmap, Size: workloads.Constant(4096), Prot: 3, Backing: private}, result: 0x200000005000},
		{stmt: &workloads.Stmt{Kind: workloads.KindMmap, Addr: workloads.Constant(4096), Size: workloads.Constant(4096), Backing: private, Flags: linux.MAP_FIXED}, result: 4096},
		{stmt: &workloads.Stmt{Kind: workloads.KindMremap, Addr: workloads.Constant(8192), Size: workloads.Constant(4096), NewSize: workloads.Constant(8192), Flags: linux.MREMAP_MAYMOVE}, result: 0x200000003000},
		{stmt: &workloads.Stmt{Kind: workloads.KindMremap, Addr: workloads.Constant(8192), Size: workloads.Constant(8192), NewSize: workloads.Constant(4096)}, result: 8192},
		{stmt: &workloads.Stmt{Kind: workloads.KindMunmap, Addr: workloads.Constant(0), Size: workloads.Constant(4096)}},
	}
	want := []string{
		"mmap 4K rw private anon at 0x200000005000 fixed",
		steps[1].stmt.String(),
		"mremap 8K 4K to 8K at 0x200000003000 maymove fixed",
		steps[3].stmt.String(),
		steps[4].stmt.String(),
	}
	for i, s := range pin(steps) {
		if got := s.stmt.String(); got != want[i] {
			t.Errorf("step %d: %s, expected %s", i, got, want[i])
		}
	}
	if steps[0].stmt.Addr != nil {
		t.Error("the steps themselves were changed")
	}
}
