package report

import (
	"strings"
	"testing"
	"time"

	"vmasim/internal/wrap"
	"vmasim/workloads/driver"
)

// TestHolders: a function that had a lock in several statements is named once, those that had it the longest first.
func TestHolders(t *testing.T) {
	got := holders([]driver.Holder{
		{Func: "do_user_addr_fault", Statement: "touch", Total: 40 * time.Second}, {Func: "do_munmap", Statement: "munmap", Total: 35 * time.Second},
		{Func: "do_munmap", Statement: "mmap", Total: 15 * time.Second}, {Func: "do_mmap", Total: 6 * time.Second}, {Func: "do_brk_flags", Total: 3 * time.Second},
		{Func: "do_mprotect_pkey", Total: time.Second},
	})
	const want = "do_munmap 50 %, do_user_addr_fault 40 %, do_mmap 6 %, 2 more"
	if got = strings.ReplaceAll(got, wrap.Bound, " "); strings.ReplaceAll(got, ".00", "") != want {
		t.Errorf("%s, expected %s", got, want)
	}
}
