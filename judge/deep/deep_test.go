package deep

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/judge/host"
)

func TestMain(m *testing.M) {
	host.Main()
	os.Exit(m.Run())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// open opens a reader, and makes a process to read. It skips where the kernel does not let us.
func open(tb testing.TB, w host.Window) (*Reader, *host.Process) {
	tb.Helper()
	r, err := Open()
	if err != nil {
		tb.Skip(err)
	}
	tb.Cleanup(r.Close)
	l := host.StartFor(tb)
	p, err := l.Process(w)
	must(tb, err)
	return r, p
}

func read(tb testing.TB, r *Reader, p *host.Process) []VMA {
	tb.Helper()
	vmas, err := r.VMAs(p.PID(), p.Window().Base, p.Window().End())
	must(tb, err)
	return vmas
}

const page = 4096

// at is the address of a page of the window.
func at(p *host.Process, n int) uintptr { return uintptr(p.Window().Base) + uintptr(n)*page }

// mapPages maps private anonymous memory at pages of the window.
func mapPages(tb testing.TB, p *host.Process, n, count, prot int) {
	tb.Helper()
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	_, err := p.Call(unix.SYS_MMAP, at(p, n), uintptr(count)*page, uintptr(prot), flags, ^uintptr(0), 0)
	must(tb, err)
}

func write(tb testing.TB, p *host.Process, n int) {
	tb.Helper()
	if f, err := p.Touch(uint64(at(p, n)), linux.Write); err != nil || !f.OK() {
		tb.Fatal(f, err)
	}
}

const (
	protR  = unix.PROT_READ
	protRW = unix.PROT_READ | unix.PROT_WRITE
)

// flagBits are flags that both smaps and vm_flags show.
var flagBits = map[string]uint64{"rd": 1 << 0, "wr": 1 << 1, "mw": 1 << 5, "nr": 1 << 21, "lo": 1 << 13, "ac": 1 << 20, "sl": 1 << 42}

func TestAgreesWithProc(t *testing.T) {
	r, p := open(t, host.Window{})
	mapPages(t, p, 0, 3, protRW)
	mapPages(t, p, 3, 5, protR)
	mapPages(t, p, 20, 1, protRW)
	_, err := p.Call(unix.SYS_MLOCK, at(p, 20), page)
	must(t, err)
	_, err = p.Call(unix.SYS_MSEAL, at(p, 4), page, 0)
	must(t, err)
	areas, err := p.Flags()
	must(t, err)
	vmas := read(t, r, p)
	if len(vmas) != len(areas) {
		t.Fatalf("%v, /proc has %v", vmas, areas)
	}
	for i, v := range vmas {
		a := areas[i]
		if v.Start != a.Start || v.End != a.End || v.Pgoff != v.Start/page {
			t.Errorf("%v, /proc has %v", v, a)
		}
		for code, bit := range flagBits {
			if a.Flags.Has(code) != (v.Flags&bit != 0) {
				t.Errorf("%v: %s, /proc has %v", v, code, a)
			}
		}
	}
}

func TestAnonVMAs(t *testing.T) {
	r, p := open(t, host.Window{})
	mapPages(t, p, 0, 4, protRW)  // will be split
	mapPages(t, p, 8, 1, protRW)  // stays unfaulted
	mapPages(t, p, 16, 1, protRW) // by itself
	write(t, p, 1)
	write(t, p, 16)
	_, err := p.Call(unix.SYS_MPROTECT, at(p, 2), 2*page, protR)
	must(t, err)
	_, err = p.Call(unix.SYS_MREMAP, at(p, 16), page, page, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, at(p, 32))
	must(t, err)
	v := read(t, r, p)
	if len(v) != 4 {
		t.Fatal(v)
	}
	if v[0].AnonVMA == 0 || v[0].AnonVMA != v[1].AnonVMA {
		t.Errorf("halves of one area: %v, %v", v[0], v[1])
	}
	if v[2].AnonVMA != 0 {
		t.Errorf("never written: %v", v[2])
	}
	if v[3].AnonVMA == 0 || v[3].AnonVMA == v[0].AnonVMA {
		t.Errorf("another area: %v, %v", v[0], v[3])
	}
	if v[3].Pgoff != uint64(at(p, 16))/page {
		t.Errorf("moved after it was written, page offset is not the old one: %v", v[3])
	}

	child, err := p.Fork()
	must(t, err)
	for i, c := range read(t, r, child) {
		switch {
		case v[i].Inherited:
			t.Errorf("inherited before the fork: %v", v[i])
		case c.Inherited != (v[i].AnonVMA != 0):
			t.Errorf("parent %v, child %v", v[i], c)
		case c.Inherited && c.AnonVMA == v[i].AnonVMA:
			t.Errorf("the child has the parent's: %v", c)
		}
	}
}

// TestMany reads more than one run of the program can report.
func TestMany(t *testing.T) {
	const areas = maxVMAs + 10
	r, p := open(t, host.Window{Size: areas * page})
	for i := range areas {
		mapPages(t, p, i, 1, []int{protR, protRW}[i%2])
	}
	v := read(t, r, p)
	if len(v) != areas {
		t.Fatalf("%d areas, want %d", len(v), areas)
	}
	for i := range v {
		if v[i].Start != uint64(at(p, i)) {
			t.Fatalf("%d: %v", i, v[i])
		}
	}
}

// TestRange reads from the middle of an area: it begins below, so it is not listed.
func TestRange(t *testing.T) {
	r, p := open(t, host.Window{})
	mapPages(t, p, 0, 2, protR)
	mapPages(t, p, 2, 2, protRW)
	mapPages(t, p, 4, 2, protR)
	v, err := r.VMAs(p.PID(), uint64(at(p, 1)), uint64(at(p, 4)))
	must(t, err)
	if len(v) != 1 || v[0].Start != uint64(at(p, 2)) {
		t.Error(v)
	}
}

func TestNoSuchProcess(t *testing.T) {
	r, p := open(t, host.Window{})
	p.Exit()
	if _, err := r.VMAs(p.PID(), 0, ^uint64(0)); !errors.Is(err, unix.ESRCH) {
		t.Error(err)
	}
}

// BenchmarkVMAs reads ten areas.
func BenchmarkVMAs(b *testing.B) {
	r, p := open(b, host.Window{})
	for i := range 10 {
		mapPages(b, p, 2*i, 1, protRW)
		write(b, p, 2*i)
	}
	b.ResetTimer()
	for range b.N {
		if n := len(read(b, r, p)); n != 10 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}
