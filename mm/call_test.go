package mm_test

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
)

// TestHistoricalErrorPaths: the error paths that the kernel had wrong are seen, at whatever allocation they fail, and only there.
func TestHistoricalErrorPaths(t *testing.T) {
	for _, c := range []struct {
		bug, rule, oracle string
		setup             func(l *lab)
		op                func(l *lab) error
	}{
		{"B51, a new range", "undo-merge", "call-residue", maps("0-2", "4-6 filled"), mapping(2, 4, rw)},
		{"B51, an existing range", "undo-merge", "call-residue", threeOnceWritable(1), protecting(2, 4)},
		{"B59", "uncharge-failed", "commit-charge", maps("0-2"), mapping(8, 9, rw)},
		{"B59, over a mapping", "uncharge-failed", "commit-charge", maps("0-4 filled"), mapping(1, 3, rw|linux.PROT_EXEC)},
	} {
		t.Run(c.bug, func(t *testing.T) {
			for _, spec := range []string{"", "linux-6.18,-" + c.rule} {
				found := ""
				for k, reached := 0, true; reached; k++ {
					l := newLab(t, mm.Config{}, spec)
					c.setup(l)
					fails := &failing{k: k}
					l.t.Observer = fails
					_ = c.op(l)
					reached = fails.n > k
					found += l.violations()
					l.t.Observer = nil
					l.mm.Put(l.t)
					l.m.Settle(l.t)
					if err := l.m.Close(); err != nil {
						t.Fatal(err)
					}
				}
				if got := strings.Contains(found, c.oracle); got != (spec != "") || spec == "" && found != "" {
					t.Errorf("rules %q: %q, expected %s: %v", spec, found, c.oracle, spec != "")
				}
			}
		})
	}
}
