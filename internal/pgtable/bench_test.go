package pgtable

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
)

const benchAddr = 0x7f12_3456_7000

func BenchmarkFind(b *testing.B) {
	tb, t := newTables(b)
	mustAlloc(b, tb, t, benchAddr)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tb.Find(t, benchAddr); !ok {
			b.Fatal("not found")
		}
	}
}

// BenchmarkFindChained makes each address depend on the entry read before: latency, where BenchmarkFind is throughput.
func BenchmarkFindChained(b *testing.B) {
	tb, t := newTables(b)
	mustAlloc(b, tb, t, benchAddr)
	addr := uint64(benchAddr)
	for b.Loop() {
		s, _ := tb.Find(t, addr)
		addr = benchAddr + uint64(s.Get(t))
	}
}

func BenchmarkAlloc(b *testing.B) {
	tb, t := newTables(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tb.Alloc(t, benchAddr); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInstall is the page-table part of a fault, and of the zap after it.
func BenchmarkInstall(b *testing.B) {
	tb, t := newTables(b)
	pfn := phys.PFN(1)
	b.ReportAllocs()
	for b.Loop() {
		s, err := tb.Alloc(t, benchAddr)
		if err != nil {
			b.Fatal(err)
		}
		s.Lock(t)
		if s.Get(t).None() {
			s.Set(t, Make(pfn, ReadWrite).MkDirty())
		}
		s.Unlock(t)
		s.GetAndClear(t)
	}
}

// BenchmarkChunksAbsent walks a terabyte without tables.
func BenchmarkChunksAbsent(b *testing.B) {
	tb, t := newTables(b)
	mustAlloc(b, tb, t, benchAddr)
	b.ReportAllocs()
	for b.Loop() {
		_ = tb.Chunks(t, 1<<40, 2<<40, func(Chunk) error { return nil })
	}
}

func BenchmarkFreeRange(b *testing.B) {
	tb, t := newTables(b)
	mustAlloc(b, tb, t, benchAddr)
	b.ReportAllocs()
	for b.Loop() {
		mustAlloc(b, tb, t, benchAddr+PMDSize)
		tb.FreeRange(t, benchAddr+PMDSize, benchAddr+PMDSize+linux.PageSize, benchAddr+linux.PageSize, 0)
	}
}
