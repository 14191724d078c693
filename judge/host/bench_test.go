package host

import (
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// benchmarkOperations performs a mix of operations in a window of 64 pages with
// about ten areas, and reads the state after each.
func benchmarkOperations(b *testing.B, state func(p *Process) error) {
	l := newLab(b)
	p := newProcess(b, l, Window{})
	for page := 0; page < 64; page += 8 {
		mapAnon(b, p, page, 6, []int{protR, protRW}[page/8%2])
	}
	b.ResetTimer()
	for i := range b.N {
		page := i * 5 % 64
		var err error
		switch i % 4 {
		case 0:
			_, err = p.Call(unix.SYS_MMAP, uintptr(at(p, page&^7)), 6*linux.PageSize, protRW, fixedAnon, ^uintptr(0), 0)
		case 1:
			_, err = p.Call(unix.SYS_MUNMAP, uintptr(at(p, page)), linux.PageSize)
		case 2:
			_, err = p.Touch(at(p, page), linux.Write)
		case 3:
			_, err = p.Call(unix.SYS_MADVISE, uintptr(at(p, page)), linux.PageSize, unix.MADV_DONTNEED)
			if err == unix.ENOMEM {
				err = nil
			}
		}
		must(b, err)
		if state != nil {
			must(b, state(p))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func pagesOf(p *Process) error {
	_, err := p.Pages(p.Window().Base, p.Window().Pages())
	return err
}

// BenchmarkCall is operations alone.
func BenchmarkCall(b *testing.B) { benchmarkOperations(b, nil) }

// BenchmarkMaps is operations with areas and pages.
func BenchmarkMaps(b *testing.B) {
	benchmarkOperations(b, func(p *Process) error {
		if _, err := p.Areas(); err != nil {
			return err
		}
		return pagesOf(p)
	})
}

// BenchmarkSmaps is operations with areas, flags and pages.
func BenchmarkSmaps(b *testing.B) {
	benchmarkOperations(b, func(p *Process) error {
		if _, err := p.Flags(); err != nil {
			return err
		}
		return pagesOf(p)
	})
}

// BenchmarkProcess is a process for a new sequence, and its end.
func BenchmarkProcess(b *testing.B) {
	l := newLab(b)
	newProcess(b, l, Window{}) // makes the template
	for b.Loop() {
		p, err := l.Process(Window{})
		must(b, err)
		p.Exit()
	}
}

// BenchmarkStart is a laboratory with its first process, and its end.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		l, err := Start(Options{})
		must(b, err)
		_, err = l.Process(Window{})
		must(b, err)
		l.Close()
	}
}
