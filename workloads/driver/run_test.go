package driver

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vmasim/internal/task"
	"vmasim/workloads"
)

func TestMeasuredAreTheThreads(t *testing.T) {
	r := mustPass(t, `
seed 7
init
	mmap A 64K rw private anon
	touch A A.size write
thread t * 2
	repeat 100
		touch A read
thread u
	touch A read
finally
	touch A read
`, Options{})
	if o := op(r, "touch"); o.Count != 201 || o.Max == 0 || o.P50 > o.P99 || o.P99 > o.Max || o.Mean == 0 {
		t.Errorf("touch: %+v", o)
	}
	if len(r.Ops) != 1 || r.Faults.Total != 0 || r.Tasks != 3 || r.Seed != 7 || r.Elapsed <= 0 || r.Scenario != "x" {
		t.Errorf("%+v", r)
	}
	if r.VMAs.MapCount != 1 || r.VMAs.Allocated != 1 || r.Memory.FramesInUse < 16 || r.Memory.FramesPeak < r.Memory.FramesInUse {
		t.Errorf("%+v %+v", r.VMAs, r.Memory)
	}
}

func TestWithoutThreadsTheRestIsMeasured(t *testing.T) {
	r := mustPass(t, "init\n mmap A 64K rw private anon\n touch A A.size write\nfinally\n touch A read\n", Options{})
	if op(r, "touch").Count != 2 || r.Faults.Total != 16 || r.Faults.VMALockSuccess+r.Faults.MmapLock != 16 || r.Elapsed <= 0 {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	const src = `
rules linux-6.18,-munmap-downgrade
seed 3
memory 8M
init
	mmap A 64K rw private anon
thread many * 5
	touch A read
thread one
	for 1h
		touch A read
`
	seed := uint64(9)
	r := mustPass(t, src, Options{Threads: 2, Duration: time.Millisecond, Seed: &seed, Memory: 16 << 20, Rules: "linux-6.18,-typesafe-slab"})
	if r.Tasks != 3 || r.Seed != 9 || r.Memory.ArenaBytes != 16<<20 || r.Rules != "linux-6.18,-typesafe-slab" {
		t.Errorf("%+v", r)
	}
	r = mustPass(t, strings.Replace(src, "1h", "1ms", 1), Options{})
	if r.Tasks != 6 || r.Seed != 3 || r.Memory.ArenaBytes != 8<<20 || r.Rules != "linux-6.18,-munmap-downgrade" {
		t.Errorf("%+v", r)
	}
}

func TestSeedRepeatsTheRun(t *testing.T) {
	const src = `
init
	mmap A 16M rw private anon
thread t * 2
	repeat 500
		choose
			touch random(A) write
			3: touch zipf(A) write
	mmap V 64K rw private anon at A.end+64M*($i+1) fixed
`
	seed := uint64(5)
	first := mustPass(t, src, Options{})
	again := mustPass(t, src, Options{})
	other := mustPass(t, src, Options{Seed: &seed})
	if first.Memory.FramesInUse != again.Memory.FramesInUse {
		t.Errorf("the same seed touches %d and %d pages", first.Memory.FramesInUse, again.Memory.FramesInUse)
	}
	if first.Memory.FramesInUse == other.Memory.FramesInUse {
		t.Errorf("another seed touches as many pages, %d", first.Memory.FramesInUse)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	readOnly := filepath.Join(dir, "ro")
	if err := os.WriteFile(readOnly, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		src  string
		opts Options
		want string
	}{
		{"rules linux-6.17\nmemory 1K\nlimit max_map_count 0\ninit\n yield\n", Options{},
			"x.vma:1:1: unknown generation \"linux-6.17\", did you mean \"linux-6.18\"?\n" +
				"x.vma:2:1: memory of 1024 bytes, expected a multiple of 4K and at least 1M\n" +
				"x.vma:3:1: limit of 0, expected 1 to 2147483647"},
		{"init\n yield\n", Options{Rules: "linux-6.18,-detach-wait"}, `unknown rule "detach-wait", did you mean "detach-waits"?`},
		{"init\n yield\n", Options{Memory: 1 << 60}, "memory of 1099511627776M, but this machine has only"},
		{"init\n yield\n", Options{Memory: 1<<20 + 1}, "memory of 1048577 bytes, expected a multiple of 4K"},
		{"init\n yield\n", Options{Threads: 65537}, "65537 threads, expected 1 to 65536"},
		{"init\n yield\n", Options{Threads: -1}, "-1 threads, expected 1 to 65536"},
		{"thread a * 65536\n yield\nthread b\n yield\n", Options{}, "x.vma:1:8: 65537 tasks in all threads together, expected at most 65536"},
		{"file F path \"missing\"\ninit\n yield\n", Options{}, `x.vma:1:6: cannot open "missing": no such file or directory`},
		{"file F temp 16000000T pattern\ninit\n yield\n", Options{}, "expected at most 9223372036854775807"},
		{"file F temp 8000000T pattern\ninit\n yield\n", Options{}, "left"},
	} {
		sc := parse(t, c.src)
		err := Check(sc, c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.src, err, c.want)
		}
		if _, runErr := Run(t.Context(), sc, c.opts); runErr == nil || err == nil || runErr.Error() != err.Error() {
			t.Errorf("%q: Run says %v", c.src, runErr)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tell := func(p Progress) {
		if p.Faults > 0 { // the threads are under way
			cancel()
		}
	}
	r, err := Run(ctx, parse(t, `
mm child
init
	mmap A 16M rw private anon
thread waits in child
	load A
thread meets * 2
	barrier b
thread runs
	for 1h
		touch random(A) write
	choose
		barrier b
		fork child
thread mapper background
	forever
		mmap V 64K rw private anon
		touch V V.size write
		munmap V
thread counts
	repeat 1000000000000
		repeat 1000000000000
			touch A A.size write
finally
	store A 1
	munmap A
`), Options{Progress: tell})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || !r.OK() || r.Faults.Total == 0 || op(r, "touch").Count == 0 { // a task that did not end would be a violation
		t.Errorf("%+v", r)
	}
}

func TestInterruptedBeforeItStarts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Run(ctx, parse(t, "init\n mmap A 1T rw private anon\n touch A A.size read\n"), Options{})
	if err != nil || !r.Interrupted || !r.OK() {
		t.Errorf("%+v %v", r, err)
	}
}

func TestPanicIsAViolation(t *testing.T) {
	sc := parse(t, `
init
	mmap A 4K rw private anon
thread bad
	repeat 3
		barrier b
	yield
thread good * 2
	repeat 1000000
		barrier b
thread back background
	forever
		touch A write
`)
	sc.Threads[0].Body[1].Kind = workloads.KindInit // which no task can run
	r := runParsed(t, sc, Options{})
	if r.OK() || len(r.Violations) != 1 {
		t.Fatalf("violations: %v", r.Violations)
	}
	v := r.Violations[0]
	if v.Oracle != "panic" || v.Task != "bad" || !strings.Contains(v.Message, "init cannot be run") || strings.Contains(v.Message, "\n") || !strings.Contains(v.Where, "perform.go") {
		t.Errorf("got %v", v)
	}
}

// TestStuckTaskIsAbandoned lets a task wait for a lock that is never given back, where no signal reaches it.
func TestStuckTaskIsAbandoned(t *testing.T) {
	sc := parse(t, "mm other\nthread stuck\n exit\nthread good in other\n repeat 10\n  yield\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var r *run
	opts := &Options{Progress: func(Progress) {
		if r.workers[1].ended.Load() { // the other one cannot end
			cancel()
		}
	}}
	p, err := NewPlan(sc, opts)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = newRun(sc, p, opts); err != nil {
		t.Fatal(err)
	}
	r.patience = 50 * time.Millisecond
	space, holder := r.hall.spaces[0].mm, r.machine.NewTask("holder")
	space.MmapWriteLock(holder)
	res, err := r.run(ctx)
	if err != nil || !res.Interrupted || len(res.Violations) != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	if v := res.Violations[0]; v.Oracle != "stuck" || !strings.HasSuffix(v.Message, "50ms later: stuck") {
		t.Errorf("got %v", v)
	}
	if op(res, "yield").Count != 10 {
		t.Error("what the others measured is lost")
	}
	space.MmapWriteUnlock(holder)
	for !r.workers[0].ended.Load() { // the run has given it up: this flag alone tells
		runtime.Gosched()
	}
	if err := r.machine.Close(); err != nil {
		t.Error(err)
	}
}

func TestViolationsAreCountedByOracleAndFunction(t *testing.T) {
	var v violations
	for range 5 {
		v.report(task.Violation{Oracle: "leak", Message: "first", Func: "f"})
		v.report(task.Violation{Oracle: "leak", Message: "other", Func: "g"})
	}
	for i := range 100 {
		v.report(task.Violation{Oracle: strings.Repeat("x", i)})
	}
	list, total := v.reported()
	if total != 110 || len(list) != maxListed || list[0].Count != 5 || list[1].Count != 5 || list[0].Message != "first" {
		t.Errorf("%d in all, %v", total, list)
	}
}

func TestProgress(t *testing.T) {
	var calls, faults atomic.Uint64
	mustPass(t, `
init
	mmap A 1M rw private anon
thread t * 2
	for 700ms
		touch random(A) write
		madvise A dontneed
`, Options{Progress: func(p Progress) {
		calls.Add(1)
		faults.Store(p.Faults)
		if p.Tasks != 2 && p.Elapsed < 700*time.Millisecond || p.Elapsed < progressInterval/2 { // a late call may find that a task has ended
			t.Errorf("%+v", p)
		}
	}})
	if n := calls.Load(); n < 1 || n > 3 || faults.Load() == 0 {
		t.Errorf("%d calls, %d faults", n, faults.Load())
	}
}
