package driver

import (
	"strings"
	"testing"
)

const counted = `
init
	mmap A 16K rw private anon
thread a * 2
	repeat 400
		touch A write
		madvise A dontneed
thread b
	repeat 3
		mprotect A+4K 4K r
		mprotect A+4K 4K rw
thread c background
	forever
		yield
`

func TestCounts(t *testing.T) {
	for _, test := range []struct {
		counts Counts
		tasks  int
	}{
		{nil, 4},
		{Counts{{"a", 5}}, 7},
		{Counts{{"a", 0}, {"c", 0}}, 1},
		{Counts{{"b", 0}, {"c", 1}}, 3},
	} {
		r := mustPass(t, counted, Options{Counts: test.counts})
		if r.Tasks != test.tasks {
			t.Errorf("%q: %d tasks, want %d", test.counts, r.Tasks, test.tasks)
		}
		if tasks, named := test.counts.of("a"); (!named || tasks > 0) != (r.Faulting.Count > 0 && r.Faulting.P50 > 0) {
			t.Errorf("%q: latencies of faults %+v", test.counts, r.Faulting)
		}
		if tasks, named := test.counts.of("b"); (!named || tasks > 0) != (r.Writing.Count == 6) {
			t.Errorf("%q: latencies of writes %+v", test.counts, r.Writing)
		}
		if r.CPUs < 1 || r.CPUs > r.Tasks || r.CPUShare < 0 || r.CPUShare > 1 {
			t.Errorf("%q: %v of %d CPUs", test.counts, r.CPUShare, r.CPUs)
		}
	}
	r := mustPass(t, counted, Options{Threads: 3, Counts: Counts{{"b", 0}}})
	if r.Tasks != 4 {
		t.Errorf("three of each and no b: %d tasks", r.Tasks)
	}
}

// TestTasksNeedMemory: so many tasks as there is room for, and not one more.
func TestTasksNeedMemory(t *testing.T) {
	if err := checkTasks(1000, 1000*taskMemory); err != nil {
		t.Error(err)
	}
	want := "32769 tasks need about 1024M, but this machine has only 1024M to give"
	if err := checkTasks(32769, 1<<30); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestWrongCounts(t *testing.T) {
	sc := parse(t, counted)
	for _, test := range []struct {
		counts Counts
		want   string
	}{
		{Counts{{"aa", 1}}, `x.vma: unknown thread "aa", expected a, b or c`},
		{Counts{{"b", 2}}, `x.vma:8:8: 2 tasks of thread b, expected 0 or 1, as it is not written with "* N"`},
		{Counts{{"a", 70000}}, `x.vma:4:8: 70000 tasks of thread a, expected 0 to 65536`},
		{Counts{{"a", 65536}}, `x.vma:4:8: 65538 tasks in all threads together, expected at most 65536`},
		{Counts{{"a", 0}, {"b", 0}}, `x.vma:4:8: no thread is left but those marked background, expected one whose end ends the run`},
	} {
		if err := Check(sc, Options{Counts: test.counts}); err == nil || err.Error() != test.want {
			t.Errorf("%q: %v, want %s", test.counts, err, test.want)
		}
	}
	if err := Check(parse(t, "init\n\tmmap A 4K rw private anon\n"), Options{Counts: Counts{{"a", 1}}}); err == nil || !strings.Contains(err.Error(), "has no threads") {
		t.Errorf("without threads: %v", err)
	}
	if got := (Counts{{"a", 1}, {"z", 0}}).Of(sc).String(); got != "a=1" {
		t.Errorf("of the scenario's: %q", got)
	}
}
