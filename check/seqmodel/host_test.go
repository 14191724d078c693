package seqmodel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/shrink"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/seqtest"
)

// The window of the real address space that is compared. Everything around it
// is filled, so that the kernel's own search for free memory finds the same
// holes as the model's.
const windowBase = host.DefaultBase

func TestMain(m *testing.M) {
	host.Main()
	os.Exit(m.Run())
}

// hostFile is a real file and how to model it.
type hostFile struct {
	file  *os.File
	mode  int
	inode int // index into bench.contents
}

// bench is what all sequences share: files, sockets, the scratch file that
// carries single bytes in and out of agents.
type bench struct {
	lab      *host.Lab
	files    []hostFile
	contents [][]byte
	inodes   []uint64
	scratch  *os.File
	onExt4   bool
	maxMaps  int // vm.max_map_count
}

func newBench(t *testing.T) *bench {
	t.Helper()
	lab := host.StartFor(t, host.Judge, host.HugePage) // who else could tell whether the model is right
	b := &bench{lab: lab, maxMaps: lab.Kernel().MaxMapCount, contents: [][]byte{pattern(12*linux.PageSize, 7), pattern(9*linux.PageSize+1000, 11)}}

	path := filepath.Join(t.TempDir(), "disk")
	must(t, os.WriteFile(path, nil, 0o600))
	var fs unix.Statfs_t
	must(t, unix.Statfs(path, &fs))
	b.onExt4 = fs.Type == linux.EXT4_SUPER_MAGIC
	mem := memfd(t)
	b.scratch = memfd(t)
	for _, mode := range []int{linux.O_RDWR, linux.O_RDWR, linux.O_RDONLY, linux.O_WRONLY} {
		f, err := os.OpenFile(path, mode, 0)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		b.files = append(b.files, hostFile{f, mode, 0})
	}
	b.files = append(b.files, hostFile{mem, linux.O_RDWR, 1})
	for _, f := range []*os.File{b.files[0].file, mem} {
		var st unix.Stat_t
		must(t, unix.Fstat(int(f.Fd()), &st))
		b.inodes = append(b.inodes, st.Ino)
	}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func memfd(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("seqmodel", unix.MFD_CLOEXEC)
	must(t, err)
	f := os.NewFile(uintptr(fd), "memfd")
	t.Cleanup(func() { f.Close() })
	return f
}

func pattern(n, step int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i>>linux.PageShift*step + i + 1)
	}
	return out
}

// replay runs the steps from scratch and returns the first drift.
func (b *bench) replay(t *testing.T, sh shape, steps []seqtest.Step) error {
	w, err := b.newWorld(sh)
	must(t, err)
	defer w.close()
	for i, s := range steps {
		if err := w.do(s); err != nil {
			return fmt.Errorf("step %d, %v: %w", i, s, err)
		}
	}
	return w.compareContents()
}

// sequence generates, runs and compares count steps; a drift fails the test
// with the shortest sequence found that shows one.
func (b *bench) sequence(t *testing.T, sh shape, seed uint64, count int) int {
	t.Helper()
	w, err := b.newWorld(sh)
	must(t, err)
	var more []workloads.Kind
	if sh.fork {
		more = []workloads.Kind{workloads.KindFork, workloads.KindExit}
	}
	g := seqtest.NewGenerator(seed, len(b.files), more...)
	var steps []seqtest.Step
	for range count {
		s := w.models.Next(g)
		steps = append(steps, s)
		if err = w.do(s); err != nil {
			break
		}
	}
	if err == nil {
		err = w.compareContents()
	}
	w.close()
	if err == nil {
		return w.ops
	}
	t.Logf("seed %d, %+v: drift: %v", seed, sh, err)
	steps = shrink.Sequence(steps, nil, func(shorter []seqtest.Step) bool { return b.replay(t, sh, shorter) != nil })
	for _, s := range steps {
		t.Logf("  %v", s)
	}
	t.Fatalf("shortest: %v", b.replay(t, sh, steps))
	return 0
}

// hostTime is how long each shape is driven: SEQMODEL_HOST_TIME (a Go
// duration) or a moment.
func hostTime(t *testing.T) time.Duration {
	text := os.Getenv("SEQMODEL_HOST_TIME")
	if text == "" {
		return 300 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// TestHost drives the model and the running kernel with the same random
// operations and compares errno, address, bytes, layout, flags and residency.
// SEQMODEL_HOST_TIME=1m makes it long, SEQMODEL_SEED=N starts elsewhere.
func TestHost(t *testing.T) {
	var firstSeed uint64 = 1
	if text := os.Getenv("SEQMODEL_SEED"); text != "" {
		fmt.Sscan(text, &firstSeed)
	}
	for _, c := range []struct {
		name  string
		sh    shape
		count int
	}{
		{"tiny", shape{pages: 16, smaps: 32}, 300},
		{"small", shape{pages: 64, smaps: 32}, 500},
		{"fork", shape{pages: 32, smaps: 32, fork: true}, 400},
		{"large", shape{pages: 64 << 20 >> linux.PageShift, smaps: 64}, 300},
		{"limit", shape{pages: 64, room: 8}, 1500},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			if c.sh.room != 0 {
				b.lab.Require(t, host.Room)
			}
			seed, ops := firstSeed, 0
			for deadline := time.Now().Add(hostTime(t)); time.Now().Before(deadline); seed++ {
				ops += b.sequence(t, c.sh, seed, c.count)
			}
			t.Logf("%d operations without drift, seeds %d to %d", ops, firstSeed, seed-1)
		})
	}
}
