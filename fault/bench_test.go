package fault

import (
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

// benchMM returns an address space with n one-page VMAs that cannot merge, and one more of 512 pages.
func benchMM(b *testing.B, n int) (*mm.Machine, *task.Task, *mm.MM, uint64) {
	rs, _ := rules.Parse("")
	m, err := mm.NewMachine(mm.Config{Rules: rs, MaxMapCount: 2 << 20})
	if err != nil {
		b.Fatal(err)
	}
	t := m.NewTask("bench")
	a, err := m.NewMM(t, "main")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		a.Put(t)
		m.EndTask(t)
		_ = m.Close()
	})
	base := uint64(1 << 40)
	for i := range n {
		prot := unix.PROT_READ | unix.PROT_WRITE*(i&1)
		if _, err := a.Mmap(t, mm.MmapArgs{Addr: base + uint64(i)*page, Len: page, Prot: prot, Flags: privateAnon | unix.MAP_FIXED}); err != nil {
			b.Fatal(err)
		}
	}
	big := base + uint64(n+1)*page
	if _, err := a.Mmap(t, mm.MmapArgs{Addr: big, Len: 512 * page, Prot: rw, Flags: privateAnon | unix.MAP_FIXED}); err != nil {
		b.Fatal(err)
	}
	return m, t, a, big
}

func benchmarkFault(b *testing.B, n int) {
	_, t, m, addr := benchMM(b, n)
	const pages = 64
	b.ReportAllocs()
	for i := 0; i < b.N; i += pages {
		for j := range uint64(pages) {
			if res := Handle(t, m, addr+j*page, Write, false); res != OK {
				b.Fatal(res)
			}
		}
		b.StopTimer()
		if err := m.Madvise(t, addr, pages*page, unix.MADV_DONTNEED); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkFault10(b *testing.B)   { benchmarkFault(b, 10) }
func BenchmarkFault1000(b *testing.B) { benchmarkFault(b, 1000) }

func BenchmarkLock1000(b *testing.B) {
	_, t, m, addr := benchMM(b, 1000)
	b.ReportAllocs()
	for i := range b.N {
		v := m.LockVMAUnderRCU(t, addr-uint64(i%1000+2)*page)
		v.EndRead(t)
	}
}

func BenchmarkMmapMunmap1000(b *testing.B) {
	_, t, m, addr := benchMM(b, 1000)
	b.ReportAllocs()
	for range b.N {
		a, err := m.Mmap(t, mm.MmapArgs{Addr: addr + 1<<30, Len: page, Prot: rw, Flags: privateAnon})
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Munmap(t, a, page); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMprotect1000(b *testing.B) {
	_, t, m, addr := benchMM(b, 1000)
	b.ReportAllocs()
	for range b.N {
		for _, prot := range [...]int{unix.PROT_READ, rw} {
			if err := m.Mprotect(t, addr+100*page, page, prot); err != nil {
				b.Fatal(err)
			}
		}
	}
}
