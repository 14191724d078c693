package explore

import (
	"fmt"
	"os"
	"runtime/metrics"
	"testing"
	"time"
)

// TestBesideSpin measures the lock protocol for bench/spin/run, which sets VMASIM_SPIN to the numbers of readers, lookups and detaches: by
// states and by dpor. Without, it holds the smallest size to be searched in full, with fewer states than executions.
func TestBesideSpin(t *testing.T) {
	readers, lookups, detaches := 1, 1, 1
	size, asked := os.LookupEnv("VMASIM_SPIN")
	if asked {
		if _, err := fmt.Sscan(size, &readers, &lookups, &detaches); err != nil {
			t.Fatalf("VMASIM_SPIN is %q, expected three numbers: %v", size, err)
		}
	}
	p := newDetachRace(t, readers, lookups, detaches, "")
	p.bare = true
	states := explored(t, p, Options{Strategy: States})
	memory := mapped()
	dpor := explored(t, p, Options{Time: 30 * time.Second})
	if len(states.Violations)+len(dpor.Violations) > 0 || !states.Complete || !asked && !dpor.Complete || states.States == 0 {
		t.Errorf("%+v, %+v", states, dpor)
	}
	more := ""
	if !dpor.Complete {
		more = "> "
	}
	fmt.Printf("beside spin: %d states, %.2f s, %d MB | %s%d executions, %s%.2f s, %d MB\n",
		states.States, states.Elapsed.Seconds(), memory, more, dpor.Executions, more, dpor.Elapsed.Seconds(), mapped())
}

// mapped returns how many MB of memory the Go runtime has mapped.
func mapped() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() >> 20
}
