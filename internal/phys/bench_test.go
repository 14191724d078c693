package phys

import (
	"testing"

	"vmasim/internal/linux"
)

func BenchmarkAllocPut(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		pfn, _ := m.Alloc(t)
		m.Put(t, pfn)
	}
}

func BenchmarkAllocZeroedPut(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		pfn, _ := m.AllocZeroed(t)
		m.Put(t, pfn)
	}
}

// BenchmarkClear is the part of AllocZeroed that no allocator can avoid.
func BenchmarkClear(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	pfn, _ := m.Alloc(t)
	for b.Loop() {
		clear(m.Bytes(pfn)[:])
	}
}

// BenchmarkAllocMany goes through the free list: what an allocation costs when no cache helps for long.
func BenchmarkAllocMany(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	pfns := make([]PFN, 8192)
	b.ReportAllocs()
	for b.Loop() {
		for i := range pfns {
			pfns[i], _ = m.Alloc(t)
		}
		m.PutAll(t, pfns)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(pfns)), "ns/frame")
}

func BenchmarkRefcountPair(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	pfn, _ := m.Alloc(t)
	for b.Loop() {
		m.Get(t, pfn)
		m.Put(t, pfn)
	}
}

func BenchmarkFilePageHit(b *testing.B) {
	m, t := newMemory(b, 64<<20), newTask(b, 0)
	f := openTemp(b, m, t, make([]byte, linux.PageSize), false)
	b.ReportAllocs()
	for b.Loop() {
		pfn, _ := f.Page(t, 0)
		m.Put(t, pfn)
	}
}
