package pgtable

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// sites are addresses whose tables meet at every level.
func sites() *rapid.Generator[uint64] {
	return rapid.Custom(func(t *rapid.T) uint64 {
		return uint64(rapid.SampledFrom([]int{0, 1, 255}).Draw(t, "pgd"))<<PGDShift |
			uint64(rapid.SampledFrom([]int{0, 1, 511}).Draw(t, "pud"))<<PUDShift |
			uint64(rapid.SampledFrom([]int{0, 1, 2, 511}).Draw(t, "pmd"))<<PMDShift |
			uint64(rapid.SampledFrom([]int{0, 1, 200, 511}).Draw(t, "pte"))<<linux.PageShift
	})
}

// TestChunksVisitWhatExists compares with one Find per page of a range in which everything lies.
func TestChunksVisitWhatExists(t *testing.T) {
	tb, tk := newTables(t)
	rapid.Check(t, func(t *rapid.T) {
		set := map[uint64]bool{}
		for _, addr := range rapid.SliceOfN(sites(), 0, 12).Draw(t, "addrs") {
			s := mustAllocRapid(t, tb, tk, addr)
			s.Set(tk, Make(1, ReadOnly))
			set[addr] = true
		}
		start, end := sites().Draw(t, "start"), sites().Draw(t, "end")+linux.PageSize
		seen, at := map[uint64]bool{}, start
		err := tb.Chunks(tk, start, end, func(c Chunk) error {
			if c.Addr < at || len(c.Entries) == 0 || c.Addr+uint64(len(c.Entries))<<linux.PageShift > end {
				t.Fatalf("chunk %#x+%d outside [%#x, %#x)", c.Addr, len(c.Entries), at, end)
			}
			for i := range c.Entries {
				addr := c.Addr + uint64(i)<<linux.PageShift
				s, ok := tb.Find(tk, addr)
				if !ok || s.Entry != &c.Entries[i] || s.lock != c.Lock {
					t.Fatalf("%#x: not the entry that Find finds", addr)
				}
				if !c.Entries[i].Get(tk).None() {
					seen[addr] = true
				}
			}
			at = c.Addr + uint64(len(c.Entries))<<linux.PageShift
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for addr := range set {
			if want := addr >= start && addr < end; seen[addr] != want {
				t.Fatalf("%#x visited: %v, want %v", addr, seen[addr], want)
			}
			s, _ := tb.Find(tk, addr)
			s.GetAndClear(tk)
		}
		tb.FreeRange(tk, 0, AddressLimit, 0, 0)
	})
}

// TestAllocChunk: the entries are those that Find finds, up to the end of the range or of the table; Head and Tail divide them.
func TestAllocChunk(t *testing.T) {
	tb, tk := newTables(t)
	rapid.Check(t, func(t *rapid.T) {
		start := sites().Draw(t, "start")
		pages := rapid.Uint64Range(1, 600).Draw(t, "pages")
		c, err := tb.AllocChunk(tk, start, start+pages<<linux.PageShift)
		if err != nil {
			t.Fatal(err)
		}
		if left := (next(start, PMDShift) - start) >> linux.PageShift; c.Addr != start || uint64(len(c.Entries)) != min(pages, left) {
			t.Fatalf("chunk %#x+%d for %#x+%d", c.Addr, len(c.Entries), start, pages)
		}
		n := rapid.IntRange(0, len(c.Entries)).Draw(t, "n")
		for _, part := range []Chunk{c.Head(n), c.Tail(n)} {
			for i := range part.Entries {
				if s, ok := tb.Find(tk, part.Addr+uint64(i)<<linux.PageShift); !ok || s != part.Slot(i) {
					t.Fatalf("%#x+%d: not the entry that Find finds", part.Addr, i)
				}
			}
		}
		if len(c.Head(n).Entries)+len(c.Tail(n).Entries) != len(c.Entries) {
			t.Fatal("head and tail are not all")
		}
		tb.FreeRange(tk, 0, AddressLimit, 0, 0)
	})
}

func mustAllocRapid(t *rapid.T, tb *Tables, tk *task.Task, addr uint64) Slot {
	s, err := tb.Alloc(tk, addr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestObservedChunks: a task that is observed, which walks from the root each time, finds the same tables.
func TestObservedChunks(t *testing.T) {
	tb, tk := newTables(t)
	watched := task.New(1, "watched", nil)
	watched.Observer = task.NoObserver{}
	addrs := []uint64{0, linux.PageSize, PMDSize, 3 << 30, 700 << 30, AddressLimit - linux.PageSize}
	for _, addr := range addrs {
		mustAlloc(t, tb, tk, addr)
	}
	for _, start := range addrs {
		for _, end := range addrs {
			var found [2][]uint64
			for i, by := range []*task.Task{tk, watched} {
				err := tb.Chunks(by, start, end, func(c Chunk) error {
					found[i] = append(found[i], c.Addr, uint64(len(c.Entries)))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(found[0], found[1]) {
				t.Errorf("%#x..%#x: %#x, observed %#x", start, end, found[0], found[1])
			}
			a, b := tb.Populated(tk, start, end)
			if c, d := tb.Populated(watched, start, end); a != c || b != d {
				t.Errorf("%#x..%#x is populated: %t %t, observed %t %t", start, end, a, b, c, d)
			}
		}
	}
}

func TestChunksStopAtError(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, 0)
	mustAlloc(t, tb, tk, PMDSize)
	wrong, calls := errors.New("wrong"), 0
	err := tb.Chunks(tk, 0, AddressLimit, func(Chunk) error { calls++; return wrong })
	if !errors.Is(err, wrong) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestChunksUnlocked reminds that the lock is the caller's to take.
func TestChunksUnlocked(t *testing.T) {
	tb, tk := newTables(t)
	mustAlloc(t, tb, tk, 0)
	_ = tb.Chunks(tk, 0, PMDSize, func(c Chunk) error {
		if c.Lock.Held() {
			t.Error("the table is locked already")
		}
		return nil
	})
}

// TestUsed: the first entry in use is found wherever it lies.
func TestUsed(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 5, 9} {
		for at := -1; at < n; at++ {
			for from := 0; from <= n; from++ {
				c := Chunk{Entries: make([]Entry, n)}
				want := n
				if at >= 0 {
					c.Entries[at].word.Init(1)
				}
				if at >= from {
					want = at
				}
				if got := c.Used(from); got != want {
					t.Errorf("entry %d of %d in use, from %d: got %d", at, n, from, got)
				}
			}
		}
	}
}
