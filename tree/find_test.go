package tree

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/vma"
)

// TestFloor is held to a search one by one, at and beside each start, with every number of entries.
func TestFloor(t *testing.T) {
	for n := range fanout + 1 {
		l := &leaf{}
		l.clear()
		l.n = n
		for i := range n {
			l.start[i], l.end[i] = uint64(i+1)*0x3000, uint64(i+1)*0x3000+0x2000
		}
		for addr := uint64(0); addr < (fanout+2)*0x3000; addr += 0x800 {
			want := -1
			for i := range n {
				if l.start[i] <= addr {
					want = i
				}
			}
			if got := l.floor(addr); got != want {
				t.Fatalf("%d entries: floor of %#x is %d, want %d", n, addr, got, want)
			}
		}
	}
}

// TestLeavesAreAligned: groups of eight starts, among which floor searches, are lines of the processor's caches.
func TestLeavesAreAligned(t *testing.T) {
	for range 4 {
		l := newEmptied().leaf
		if at := uintptr(unsafe.Pointer(&l.start)) % 64; at != 0 {
			t.Errorf("the starts begin %d bytes behind the beginning of a cache line", at)
		}
	}
}

// TestLookupsAgree: looking where the last walk ended, and through the flat index, finds what a walk through the index finds, in trees that
// change meanwhile and that tasks take turns to look at.
func TestLookupsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tk := task.New(0, "t", nil)
	trees := []*Tree{New(tk, nil), New(tk, nil), New(tk, nil)}
	v := &vma.VMA{}
	const pages, page = 4000, 0x1000
	flat := 0
	for step := range 3000 {
		tr := trees[rng.IntN(len(trees))]
		if step%50 < 20 {
			for range 20 {
				start := rng.Uint64N(pages)
				what := v
				if rng.IntN(4) == 0 {
					what = nil
				}
				tr.Store(tk, start*page, (start+1+rng.Uint64N(3))*page, what)
			}
		}
		near := rng.Uint64N(pages)
		for range 100 {
			if rng.IntN(8) == 0 {
				near = rng.Uint64N(pages)
			}
			near = (near + rng.Uint64N(3)) % pages
			want, _ := tr.Walk(tk, near*page)
			if got := tr.Lookup(tk, near*page+rng.Uint64N(page)); got != want {
				t.Fatalf("step %d: at page %d there is %p, want %p", step, near, got, want)
			}
		}
		if tr.flat.Peek() != nil {
			flat++
		}
	}
	if flat < 100 {
		t.Errorf("the index was flat in %d of 3000 steps", flat)
	}
}

// TestLookupsAmongMany: so does a walk among so many leaves that their lines are fetched early.
func TestLookupsAmongMany(t *testing.T) {
	tk := task.New(0, "t", nil)
	tr := New(tk, nil)
	const page = 0x1000
	var entries []Entry
	for i := range uint64(manyLeaves * fanout) {
		entries = append(entries, Entry{2 * i * page, (2*i + 1) * page, &vma.VMA{}})
	}
	tr.Fill(tk, entries)
	if n := tr.index.Peek().Len(); n <= manyLeaves {
		t.Fatalf("%d leaves, want more than %d", n, manyLeaves)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		i, at := rng.IntN(len(entries)), rng.Uint64N(2*page)
		want := entries[i].VMA
		if at >= page {
			want = nil
		}
		if got := tr.Lookup(tk, entries[i].Start+at); got != want {
			t.Fatalf("at %#x there is %p, want %p", entries[i].Start+at, got, want)
		}
	}
	noted := 0
	for i, e := range entries[:1000] {
		tk.Hint.Next = nil
		if got := tr.Lookup(tk, e.Start); got != e.VMA {
			t.Fatalf("in order: at %#x there is %p, want %p", e.Start, got, e.VMA)
		}
		if next := (*vma.VMA)(tk.Hint.Next); next != nil {
			noted++
			if next != entries[i+1].VMA {
				t.Fatalf("noted as next after %#x: %p, want %p", e.Start, next, entries[i+1].VMA)
			}
		}
	}
	if noted < 800 {
		t.Errorf("the next VMA was noted by %d walks of 1000", noted)
	}
	vma.FetchNext(tk)
	if tk.Hint.Next != nil {
		t.Error("what was fetched would be fetched again")
	}
}

// TestLookupsBesideStores: readers with hints and flat indexes, and a writer that changes the index, at the same time; the race detector looks on.
func TestLookupsBesideStores(t *testing.T) {
	const fixed, page = 1000, 0x1000 // each second page is never taken away
	rcu := ksync.NewDomain(task.SlotRCU)
	writer := task.New(0, "writer", nil)
	rcu.Register(writer)
	tr := New(writer, rcu)
	v := &vma.VMA{}
	for i := range uint64(fixed) {
		tr.Store(writer, 2*i*page, (2*i+1)*page, v)
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	for id := range 3 {
		readers.Go(func() {
			tk := task.New(id+1, "reader", nil)
			rcu.Register(tk)
			rng := rand.New(rand.NewPCG(3, uint64(id)))
			for n := 0; !done.Load() || n < 2*fixed; n++ {
				rcu.ReadLock(tk)
				if at := 2 * rng.Uint64N(fixed) * page; tr.Lookup(tk, at) != v {
					t.Errorf("nothing at %#x", at)
				}
				rcu.ReadUnlock(tk)
			}
		})
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for range 3000 {
		i := 2*rng.Uint64N(fixed) + 1
		tr.Store(writer, i*page, (i+1)*page, v)
		i = 2*rng.Uint64N(fixed) + 1
		tr.Store(writer, i*page, (i+1)*page, nil)
	}
	done.Store(true)
	readers.Wait()
}
