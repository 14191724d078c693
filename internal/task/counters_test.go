package task

import (
	"strings"
	"testing"
)

func TestCounterTableIsFull(t *testing.T) {
	seen := map[string]bool{}
	for c := range NumCounters {
		if info := c.Info(); info.Name == "" || info.Doc == "" || seen[info.Name] || c.String() != info.Name {
			t.Errorf("counter %d: %+v", c, info)
		}
		seen[c.String()] = true
	}
}

func TestCountersAdd(t *testing.T) {
	var a, b Counters
	a[PgFault], b[PgFault], b[FaultOOM] = 1, 2, 3
	a.Add(&b)
	if a[PgFault] != 3 || a[FaultOOM] != 3 || a[VMALockMiss] != 0 || b[PgFault] != 2 {
		t.Errorf("%v", a)
	}
}

// TestSpeculation: the counters of faults by a copy are those that are called so, each once.
func TestSpeculation(t *testing.T) {
	listed := map[Counter]int{}
	for _, c := range Speculation() {
		listed[c]++
	}
	for c := range NumCounters {
		if want := strings.HasPrefix(c.String(), "spf_"); (listed[c] == 1) != want || listed[c] > 1 {
			t.Errorf("%s is listed %d times", c, listed[c])
		}
	}
}
