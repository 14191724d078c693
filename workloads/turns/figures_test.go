package turns

import (
	"testing"
	"time"

	"vmasim/workloads/driver"
)

// TestWaitFigures: what writers wait for is mmap_lock and readers of VMAs, what faults wait for mmap_lock, and all that sleep are counted.
func TestWaitFigures(t *testing.T) {
	r := &driver.Result{Tasks: 2, Elapsed: 2 * time.Second, Writing: driver.Latency{Count: 10}, Faults: driver.Faults{Total: 100}, Waits: []driver.Wait{
		{For: "mm_struct.mmap_lock", Mode: "write", Slept: 3, Total: 500}, {For: "mm_struct.mmap_lock", Mode: "read", Slept: 1, Total: 700},
		{For: "vma_lock", Total: 500}, {For: "pte_lock.ptl", Total: 5000},
	}}
	want := map[string]float64{"write_wait_ns": 100, "fault_wait_ns": 7, "sleeps_per_second": 2}
	for _, f := range figureTable {
		if v, told := want[f.Key]; told {
			if got, ok := f.of(r); !ok || got != v {
				t.Errorf("%s is %v, expected %v", f.Key, got, v)
			}
			delete(want, f.Key)
		}
	}
	if len(want) > 0 {
		t.Errorf("no figure is called %v", want)
	}
}
