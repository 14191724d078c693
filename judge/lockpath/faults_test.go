package lockpath

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

func TestMain(m *testing.M) {
	host.Main()
	Main()
	os.Exit(m.Run())
}

func parse(t *testing.T, text string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// measure runs a scenario, or skips the test where faults cannot be counted.
func measure(ctx context.Context, t *testing.T, text string) *Result {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector does not survive the signals")
	}
	sc := parse(t, text)
	if err := Check(sc, driver.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := Run(ctx, sc, driver.Options{})
	if errors.Is(err, ErrUnmeasurable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCounts performs faults whose number and way are known.
func TestCounts(t *testing.T) {
	r := measure(context.Background(), t, `
init
    mmap A 64K rw private anon
    mmap B 64K r private anon

thread toucher * 2
    mmap C 64K rw private anon
    munmap C
    barrier ready               # so that no C comes to lie in the hole that another has left
    repeat 100
        touch A A.size read
        store B 1 => SEGV_ACCERR
        load C => SEGV_MAPERR
        madvise A dontneed
`)
	if !r.OK() {
		t.Fatalf("kernel %q, simulator %q", r.Kernel.Unexpected, r.Simulator.Unexpected)
	}
	const refused, lost = 200, 200 // of both threads
	// Go's own memory takes a fault now and then; a thread may find pages that the other has touched.
	const slack = 20
	if n := r.Kernel.MmapLock; n < lost || n > lost+slack {
		t.Errorf("%d faults under mmap_lock in the kernel, want %d", n, lost)
	}
	if n := r.Simulator.MmapLock; n != lost {
		t.Errorf("%d faults under mmap_lock in the simulator, want %d", n, lost)
	}
	for _, s := range []Side{r.Kernel, r.Simulator} {
		if s.Faults < refused+lost+16 || s.Faults > refused+lost+2*100*16+slack {
			t.Errorf("%d faults", s.Faults)
		}
		if s.Elapsed <= 0 || s.Rate() <= 0 || s.Share() <= 0 || s.Share() >= 1 {
			t.Errorf("%+v", s)
		}
	}
}

func TestUnexpected(t *testing.T) {
	r := measure(context.Background(), t, `
init
    mmap A 64K r private anon
thread writer * 2
    store A 1
    munmap A+1 4K
`)
	if r.OK() {
		t.Fatal("the kernel has let it write")
	}
	for _, u := range [][]string{r.Kernel.Unexpected, r.Simulator.Unexpected} {
		text := strings.Join(u, "\n")
		if !strings.Contains(text, "store A 1: got") || !strings.Contains(text, "munmap A+1 4K: got EINVAL") {
			t.Errorf("%q", u)
		}
	}
}

// TestInit has an init that fails on the kernel: no thread runs.
func TestInit(t *testing.T) {
	r := measure(context.Background(), t, `
init
    munmap 1 4K
thread reader
    yield
`)
	if len(r.Kernel.Unexpected) != 1 || r.Kernel.Faults != 0 {
		t.Errorf("%+v", r.Kernel)
	}
}

// TestAlone maps what would merge with Go's memory if it lay beside it.
func TestAlone(t *testing.T) {
	r := measure(context.Background(), t, `
init
    mmap A 4K rw private anon
    mmap B 4K rw private anon
thread reader
    touch A write
    touch B write
    munmap A
    munmap B
    load A-4K => SEGV_MAPERR
    load B => SEGV_MAPERR
`)
	if !r.OK() {
		t.Errorf("%+v", r)
	}
}

// TestInterrupted interrupts a thread that would go on for an hour once it has stored to a file, which it does in a process of
// its own.
func TestInterrupted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "begun")
	if err := os.WriteFile(file, make([]byte, linux.PageSize), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if b, err := os.ReadFile(file); err != nil || b[0] != 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	r := measure(ctx, t, fmt.Sprintf(`
file f path %q rw
init
    mmap A 4K rw shared file f
thread endless
    store A 1
    for 1h
        yield
`, file))
	if !r.Interrupted {
		t.Errorf("%+v", r)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"init\n    yield\n": "there are no threads",
		"mm child\ninit\n    fork child\nthread t in child\n    yield\n":                     "fork cannot be performed by the threads of a process",
		"thread t\n    brk 0 => any\nthread u background\n    yield\n":                       "",
		"mm other\nthread t in other\n    yield\nthread u background\n    yield\n":           "test:4:8: thread u is in the background: it would have to end with threads of other processes",
		"mm other\nthread t in other\n    barrier b\nthread u\n    barrier b\n":              "test:4:8: thread u meets thread t, which is of another process, at barrier b",
		"mm other\ninit\n    in other\n        fork x\nthread t in other\n    yield\nmm x\n": "fork cannot be performed",
		"thread t\n    repeat 2\n        touch 4K exec => any\n":                             "touch exec cannot be performed",
	} {
		err := Check(parse(t, text), driver.Options{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestBuiltin(t *testing.T) {
	for _, name := range []string{"quickstart", "fault-storm", "vma-per-thread", "mprotect-pingpong", "mmap-churn", "file-shared",
		"page_fault1", "page_fault2", "page_fault3", "mmap1", "mmap2", "brk1",
		"page_fault1_processes", "page_fault2_processes", "page_fault3_processes", "mmap1_processes", "mmap2_processes", "brk1_processes", "malloc_arenas", "jvm_stacks", "wasm_pool"} {
		sc, err := workloads.LoadBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(sc, driver.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProcesses: what is done in several address spaces is done by several processes, which have the same open files; heaps lie where they are stated.
func TestProcesses(t *testing.T) {
	r := measure(context.Background(), t, `
mm one two
file F memory 64K
init
    in one
        heap H 1M at 0x10000000000
        mmap A 64K rw shared file F
        brk H+8K => H+8K
        store H 7
    in two
        heap H2 1M at 0x20000000000
        mmap B 64K rw shared file F
        load B => any
    mmap M 4K rw private anon
thread t1 in one
    repeat 50
        brk H+4K => H+4K
        load H => 7
        brk H+8K => H+8K
    store A 5
thread t2 in two
    repeat 50
        brk H2+4K => H2+4K
        store H2 1
        brk H2 => H2
thread t3
    touch M write
    load 0x10000000000 => SEGV_MAPERR
finally
    in two
        load B => 5
    in one
        load H => 7
`)
	if !r.OK() || r.Processes != 3 || r.Threads != 3 {
		t.Fatalf("%d threads in %d processes, kernel %q, simulator %q", r.Threads, r.Processes, r.Kernel.Unexpected, r.Simulator.Unexpected)
	}
	const operations = 50*3 + 1 + 50*3 + 2
	if k, s := r.Kernel.Operations, r.Simulator.Operations; k != operations || s != operations {
		t.Errorf("%d operations in the kernel, %d in the simulator, expected %d", k, s, operations)
	}
	if r.Simulator.Faults < 52 || r.Kernel.Faults < 52 {
		t.Errorf("%d faults in the kernel, %d in the simulator", r.Kernel.Faults, r.Simulator.Faults)
	}
	failed := measure(context.Background(), t, `
mm one
init
    in one
        munmap 1 4K
thread t1 in one
    yield
thread t2
    yield
`)
	if len(failed.Kernel.Unexpected) != 1 {
		t.Errorf("%+v", failed.Kernel)
	}
}

// TestFirstTouchOfAFile: both sides go to mmap_lock for what must be read, and read as much at a time: a few faults of a thousand where
// the device is set up to read megabytes ahead, some in a hundred where it reads 128 KiB.
func TestFirstTouchOfAFile(t *testing.T) {
	r := measure(context.Background(), t, `
file F temp 4M
init
    mmap A 4M rw private file F
thread t
    touch A A.size write
`)
	if !r.OK() {
		t.Fatalf("kernel %q, simulator %q", r.Kernel.Unexpected, r.Simulator.Unexpected)
	}
	if r.Simulator.Faults != 1024 {
		t.Errorf("%d faults in the simulator, expected 1024", r.Simulator.Faults)
	}
	// The kernel reads what comes next before it is asked for, the simulator does not; and Go may add a fault or two.
	judges := strings.HasPrefix(r.Release, "6.18.")
	if s, k := r.Simulator.MmapLock, r.Kernel.MmapLock; s > 3*k+2 || judges && k > 3*s+10 {
		t.Errorf("under mmap_lock: %d of the simulator's faults, %d of the kernel's", s, k)
	}
}
