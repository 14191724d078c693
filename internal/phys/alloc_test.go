package phys

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"vmasim/internal/invariants"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

func TestAllocAscending(t *testing.T) {
	m, tk := newMemory(t, 64<<20), newTask(t, 0)
	take := func(n int) []PFN {
		pfns := make([]PFN, n)
		for i := range pfns {
			pfns[i], _ = m.Alloc(tk)
		}
		return pfns
	}
	pfns := take(4 * 64)
	if !slices.IsSorted(pfns) {
		t.Errorf("fresh frames do not ascend: %v", pfns)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(pfns), func(i, j int) { pfns[i], pfns[j] = pfns[j], pfns[i] })
	for _, pfn := range pfns {
		m.Put(tk, pfn)
	}
	m.Drain(tk)
	if got := take(len(pfns)); !slices.IsSorted(got) {
		t.Errorf("frames freed at random do not ascend: %v", got)
	}
}

func TestPutAllReversesReuse(t *testing.T) {
	m, tk := newMemory(t, 64<<20), newTask(t, 0)
	var pfns []PFN
	for range 32 {
		pfn, _ := m.Alloc(tk)
		pfns = append(pfns, pfn)
	}
	m.PutAll(tk, pfns)
	for i, want := range pfns {
		if got, _ := m.Alloc(tk); got != want {
			t.Fatalf("frame %d of the batch: %d, want %d", i, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	pfn, _ := m.AllocZeroed(tk)
	m.Get(tk, pfn)
	m.Put(tk, pfn)
	if n := m.Stats().FramesInUse; n != 1 {
		t.Errorf("in use with one reference left: %d", n)
	}
	m.Put(tk, pfn)
	if n := m.Stats().FramesInUse; n != 0 {
		t.Errorf("in use without references: %d", n)
	}
}

func TestAllocZeroed(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	for range 3 {
		pfn, err := m.AllocZeroed(tk)
		if err != nil {
			t.Fatal(err)
		}
		if *m.Bytes(pfn) != [linux.PageSize]byte{} {
			t.Fatal("not zero")
		}
		copy(m.Bytes(pfn)[:], bytes.Repeat([]byte{7}, linux.PageSize))
		m.Put(tk, pfn)
	}
}

func TestWrongFreesAreReported(t *testing.T) {
	m := newMemory(t, MinSize)
	tk, got := collect(0)
	pfn, _ := m.Alloc(tk)
	m.Put(tk, pfn)
	m.Put(tk, pfn)
	if o := oracles(*got); !slices.Contains(o, "double-free") {
		t.Errorf("double free reported as %v", o)
	}
	if n := m.Stats().FramesInUse; n != 0 {
		t.Errorf("the second free freed something: %d in use", n)
	}
	*got = nil
	pfn, _ = m.Alloc(tk)
	m.Page(pfn).Mapcount.FetchAdd(tk, 1)
	m.Put(tk, pfn)
	if o := oracles(*got); !slices.Equal(o, []string{"bad-page"}) {
		t.Errorf("free of a mapped frame reported as %v", o)
	}
}

func TestWriteAfterFreeIsReported(t *testing.T) {
	if !invariants.Enabled {
		t.Skip("needs the invariants tag")
	}
	m := newMemory(t, MinSize)
	tk, got := collect(0)
	pfn, _ := m.Alloc(tk)
	m.Put(tk, pfn)
	m.Bytes(pfn)[100] = 1
	if again, _ := m.Alloc(tk); again != pfn {
		t.Fatalf("frame %d instead of %d", again, pfn)
	}
	if o := oracles(*got); !slices.Equal(o, []string{"write-after-free"}) {
		t.Errorf("reported %v", o)
	}
}

func TestAllocFailsByChoice(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	tk.Observer = failer{}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := m.AllocZeroed(tk); !errors.Is(err, linux.ENOMEM) {
			t.Errorf("got %v", err)
		}
	}); n != 0 {
		t.Errorf("a failing allocation allocates %v times", n)
	}
}

// TestExhaustion lets one task hold nothing while idle tasks cache all they may.
func TestExhaustion(t *testing.T) {
	for _, size := range []uint64{MinSize, 8 << 20, 64 << 20} {
		m := newMemory(t, size)
		for id := 1; id < 40; id++ { // each leaves its cache as full as it gets
			tk := newTask(t, id)
			var pfns []PFN
			for range 3 * maxCached {
				pfn, err := m.Alloc(tk)
				if err != nil {
					break
				}
				pfns = append(pfns, pfn)
			}
			m.PutAll(tk, pfns)
		}
		tk, n := newTask(t, 0), 0
		for n <= m.Stats().FramesTotal {
			if _, err := m.Alloc(tk); err != nil {
				break
			}
			n++
		}
		s := m.Stats()
		if s.FramesInUse != n {
			t.Errorf("%d MiB: %d in use, %d were allocated", size>>20, s.FramesInUse, n)
		}
		if least := s.FramesTotal - s.FramesTotal/hoardedShare - 1; n < least {
			t.Errorf("%d MiB: ENOMEM after %d frames of %d, want at least %d", size>>20, n, s.FramesTotal, least)
		}
		if size == MinSize && n != s.FramesTotal {
			t.Errorf("ENOMEM after %d frames of %d: nobody may hoard in a small arena", n, s.FramesTotal)
		}
	}
}

func TestDrainGivesTheGrantBack(t *testing.T) {
	m, tk := newMemory(t, 16<<20), newTask(t, 0)
	before := m.budget
	pfn, _ := m.Alloc(tk)
	if m.budget == before {
		t.Error("no budget was granted")
	}
	m.Put(tk, pfn)
	m.Drain(tk)
	if m.budget != before || m.free.count != m.usable {
		t.Errorf("budget %d, want %d; %d frames free, want %d", m.budget, before, m.free.count, m.usable)
	}
}

// TestCached: a cache is what it was once the frames taken from it are given back in reverse.
func TestCached(t *testing.T) {
	m, tk := newMemory(t, 64<<20), newTask(t, 0)
	if n := len(m.Cached(tk)); n != 0 {
		t.Fatalf("%d frames are cached at first", n)
	}
	first, _ := m.Alloc(tk)
	m.Put(tk, first)
	before := slices.Clone(m.Cached(tk))
	a, _ := m.Alloc(tk)
	b, _ := m.Alloc(tk)
	m.Put(tk, b)
	m.Put(tk, a)
	if a != first || !slices.Equal(m.Cached(tk), before) {
		t.Errorf("frames %d, then %d; cached %v, then %v", first, a, before, m.Cached(tk))
	}
	a, _ = m.Alloc(tk)
	b, _ = m.Alloc(tk)
	m.Put(tk, a)
	m.Put(tk, b)
	if slices.Equal(m.Cached(tk), before) {
		t.Error("the order in which frames are given back leaves no trace")
	}
}

func TestReclaim(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	var held []PFN
	calls := 0
	m.Reclaim = func(tk *task.Task) {
		calls++
		if calls == 1 {
			m.Put(tk, held[0])
		}
	}
	for len(held) <= m.Stats().FramesTotal+1 {
		pfn, err := m.Alloc(tk)
		if err != nil {
			break
		}
		held = append(held, pfn)
	}
	if want := m.Stats().FramesTotal + 1; len(held) != want || calls != 2 {
		t.Errorf("%d allocations and %d calls, want %d and 2", len(held), calls, want)
	}
}

func TestConcurrentAllocPut(t *testing.T) {
	m := newMemory(t, 8<<20)
	const tasks, rounds = 4, 300
	var wg sync.WaitGroup
	for id := range tasks {
		wg.Go(func() {
			tk := newTask(t, id)
			rng := rand.New(rand.NewPCG(uint64(id), 1))
			var held []PFN
			for range rounds {
				for range rng.IntN(150) {
					pfn, err := m.Alloc(tk)
					if err != nil {
						break
					}
					m.Page(pfn).Owner.Write(tk, uint32(id)) // a race, if two tasks got the frame
					m.Word(pfn, 0).WriteOnce(tk, uint64(id))
					held = append(held, pfn)
				}
				n := rng.IntN(len(held) + 1)
				for _, pfn := range held[n:] {
					if got := m.Word(pfn, 0).ReadOnce(tk); got != uint64(id) {
						t.Errorf("frame %d of task %d was written by %d", pfn, id, got)
					}
				}
				m.PutAll(tk, held[n:])
				held = held[:n]
			}
			m.PutAll(tk, held)
			m.Drain(tk)
		})
	}
	wg.Wait()
	if s := m.Stats(); s.FramesInUse != 0 || m.free.count != m.usable {
		t.Errorf("leaked: %+v, %d free of %d", s, m.free.count, m.usable)
	}
}
