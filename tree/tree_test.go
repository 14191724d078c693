package tree

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// reference is the content that the tree should have: each unit of a small address space on its own.
type reference [256]*vma.VMA

func (r *reference) entries() (out []Entry) {
	for i := 0; i < len(r); {
		j := i + 1
		for j < len(r) && r[j] == r[i] {
			j++
		}
		if r[i] != nil {
			out = append(out, Entry{uint64(i), uint64(j), r[i]})
		}
		i = j
	}
	return out
}

func (r *reference) highest(size, low, high uint64) (uint64, bool) {
	free := uint64(0)
	for a := high; a > low; a-- {
		if r[a-1] != nil {
			free = 0
			continue
		}
		if free++; free == size {
			return a - 1, true
		}
	}
	return 0, false
}

func newTask() *task.Task { return task.New(0, "test", nil) }

func vmas(t *task.Task, n int) []*vma.VMA {
	cache := vma.NewCache(ksync.TypeSafe, nil)
	out := make([]*vma.VMA, n)
	for i := range out {
		out[i], _ = cache.Alloc(t, new(vma.MMLock), 0, 0, 0, 0)
	}
	return out
}

// check compares the tree with the reference at every address.
func check(t *rapid.T, tk *task.Task, tr *Tree, ref *reference) {
	var got []Entry
	tr.Ascend(tk, 0, func(e Entry) bool {
		// A VMA stored in pieces may stand in several entries next to each other.
		if n := len(got); n > 0 && got[n-1].End == e.Start && got[n-1].VMA == e.VMA {
			got[n-1].End = e.End
		} else {
			got = append(got, e)
		}
		return true
	})
	if want := ref.entries(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("entries\n%v, expected\n%v", got, want)
	}
	for a := range uint64(len(ref)) {
		if v := tr.Lookup(tk, a); v != ref[a] {
			t.Fatalf("Lookup(%d) = %p, expected %p", a, v, ref[a])
		}
		var next, prev *vma.VMA
		for i := a; i < uint64(len(ref)) && next == nil; i++ {
			next = ref[i]
		}
		for i := a; i > 0 && prev == nil; i-- {
			prev = ref[i-1]
		}
		if v := tr.Find(tk, a); v != next {
			t.Fatalf("Find(%d) = %p, expected %p", a, v, next)
		}
		if v := tr.Prev(tk, a); v != prev {
			t.Fatalf("Prev(%d) = %p, expected %p", a, v, prev)
		}
	}
}

// kinds are the two trees. withNodes has nodes, under readers if there is an rcu.
var kinds = []struct {
	name string
	make func(*task.Task, *ksync.Domain) *Tree
}{{"leaves", New}, {"nodes", withNodes("linux-6.18,+maple-nodes")}, {"nodes in place", withNodes("linux-6.18,+maple-nodes,-maple-rcu")},
	{"nodes appended to", withNodes("linux-6.18,+maple-nodes,-append-alone")}, {"nodes published early", withNodes("linux-6.18,+maple-nodes,-publish-node")}}

func withNodes(spec string) func(*task.Task, *ksync.Domain) *Tree {
	return func(t *task.Task, rcu *ksync.Domain) *Tree {
		set, err := rules.Parse(spec)
		if err != nil {
			panic(err)
		}
		tr := &Tree{}
		tr.InitNodes(t, NewNodes(&set, rcu, rcu == nil))
		return tr
	}
}

func TestAgainstReference(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) { againstReference(t, kind.make) })
	}
}

func againstReference(t *testing.T, build func(*task.Task, *ksync.Domain) *Tree) {
	tk := task.New(0, "test", func(v task.Violation) { t.Error(v.Message) })
	pool := vmas(tk, 40)
	rapid.Check(t, func(t *rapid.T) {
		tr, ref := build(tk, nil), reference{}
		it := tr.Iterator()
		check(t, tk, tr, &ref)
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				start := rapid.IntRange(0, len(ref)-1).Draw(t, "start")
				end := min(len(ref), start+rapid.SampledFrom([]int{1, 1, 1, 2, 3, 8, 100, 256}).Draw(t, "length"))
				var v *vma.VMA
				if rapid.IntRange(0, 3).Draw(t, "erase") > 0 {
					v = rapid.SampledFrom(pool).Draw(t, "vma")
				}
				if a := uint64(end) * 7 % uint64(len(ref)); it.Find(tk, a) != tr.Find(tk, a) || it.Prev(tk, a) != tr.Prev(tk, a) {
					t.Fatalf("the iterator differs at %d", a)
				}
				if start%2 == 0 {
					it.Store(tk, uint64(start), uint64(end), v)
				} else {
					tr.Store(tk, uint64(start), uint64(end), v)
				}
				for a := start; a < end; a++ {
					ref[a] = v
				}
			},
			"fill": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					tr.Fill(tk, ref.entries())
				}
			},
			"gap": func(t *rapid.T) {
				low := uint64(rapid.IntRange(0, len(ref)).Draw(t, "low"))
				high := uint64(rapid.IntRange(int(low), len(ref)).Draw(t, "high"))
				size := uint64(rapid.IntRange(1, 20).Draw(t, "size"))
				got, ok := tr.HighestGap(size, low, high)
				want, wantOK := ref.highest(size, low, high)
				if got != want || ok != wantOK {
					t.Fatalf("HighestGap(%d, %d, %d) = %d %v, expected %d %v in %v", size, low, high, got, ok, want, wantOK, ref.entries())
				}
			},
			"": func(t *rapid.T) {
				check(t, tk, tr, &ref)
				if wrong := shape(tr); wrong != "" {
					t.Fatal(wrong)
				}
			},
		})
	})
}

// TestManyVMAs fills and empties a tree in several orders and looks at the leaves it leaves.
func TestManyVMAs(t *testing.T) {
	const n = 20000
	orders := map[string]func(int) uint64{
		"ascending":  func(i int) uint64 { return uint64(i) },
		"descending": func(i int) uint64 { return uint64(n - 1 - i) },
		"scattered":  func(i int) uint64 { return uint64(i) * 7919 % n },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			tk := newTask()
			v := vmas(tk, 1)[0]
			tr := New(tk, nil)
			for i := range n {
				a := order(i) * 4
				tr.Store(tk, a, a+2, v)
			}
			leaves := tr.index.Peek().Len()
			if fill := float64(n) / float64(leaves); fill < fanout/2-1 {
				t.Errorf("%d leaves for %d entries, %.1f each", leaves, n, fill)
			}
			if a, ok := tr.HighestGap(2, 0, 4*n); !ok || a != 4*n-2 {
				t.Errorf("HighestGap(2) = %d %v, expected %d", a, ok, 4*n-2)
			}
			if _, ok := tr.HighestGap(3, 0, 4*n); ok {
				t.Error("HighestGap(3) finds a hole where none is that wide")
			}
			depth := 0
			var walk func(g *gapNode, d int)
			walk = func(g *gapNode, d int) {
				if g != nil {
					depth = max(depth, d)
					walk(g.left, d+1)
					walk(g.right, d+1)
				}
			}
			walk(tr.gaps.root, 1)
			if depth > 50 {
				t.Errorf("the gap tree over %d leaves is %d deep", leaves, depth)
			}
			for i := range n {
				a := order(i) * 4
				tr.Store(tk, a, a+2, nil)
			}
			if leaves := tr.index.Peek().Len(); leaves != 1 {
				t.Errorf("an empty tree has %d leaves", leaves)
			}
		})
	}
}

// TestReadersSeeWholeStores has readers look while a writer moves a VMA about: they find it or a hole, never anything
// else, and the neighbours always.
func TestReadersSeeWholeStores(t *testing.T) {
	for kind, stores := range []int{100000, 10000} { // with leaves, and with nodes
		t.Run(kinds[kind].name, func(t *testing.T) { readersSeeWholeStores(t, kinds[kind].make, stores) })
	}
}

func readersSeeWholeStores(t *testing.T, build func(*task.Task, *ksync.Domain) *Tree, stores int) {
	tk := newTask()
	pool := vmas(tk, 2)
	fixed, moving := pool[0], pool[1]
	rcu := ksync.NewDomain(task.SlotRCU)
	tr := build(tk, rcu)
	for a := uint64(0); a < 4000; a += 4 {
		tr.Store(tk, a, a+1, fixed)
	}
	stop, done := make(chan struct{}), make(chan error)
	for range 2 {
		go func() {
			rt := newTask()
			rcu.Register(rt)
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				a := i * 4 % 4000
				rcu.ReadLock(rt)
				if v := tr.Lookup(rt, a); v != fixed {
					done <- fmt.Errorf("Lookup(%d) lost its VMA", a)
					return
				}
				if v := tr.Lookup(rt, a+1); v != nil && v != moving {
					done <- fmt.Errorf("Lookup(%d) found a VMA that was never there", a+1)
					return
				}
				rcu.ReadUnlock(rt)
			}
		}()
	}
	for i := range stores {
		a := uint64(i)*52%4000 + 1
		tr.Store(tk, a, a+2, moving)
		tr.Store(tk, a, a+2, nil)
	}
	close(stop)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// yesterday is an observer that makes every walk see what was there before the last store.
type yesterday struct {
	task.NoObserver
	older map[unsafe.Pointer]unsafe.Pointer
}

func (y *yesterday) Load(_ *task.Task, what task.Choice, addr, latest unsafe.Pointer) unsafe.Pointer {
	if older := y.older[addr]; what == task.StaleWalk && older != nil {
		return older
	}
	return latest
}

func (y *yesterday) After(_ *task.Task, e *task.Event) {
	if e.Op == task.OpStoreRelease {
		y.older[e.Addr] = e.OldPtr
	}
}

// TestStaleWalk: only a walk without mmap_lock sees a replaced leaf, or a replaced index, and what was in it.
func TestStaleWalk(t *testing.T) {
	for _, n := range []int{2, 3 * fanout} {
		tk := newTask()
		vs := vmas(tk, n+1)
		tr := New(tk, nil)
		for i, v := range vs[:n] {
			tr.Store(tk, uint64(2*i), uint64(2*i+1), v)
		}
		y := &yesterday{older: map[unsafe.Pointer]unsafe.Pointer{}}
		tk.Observer = y
		if tr.Lookup(tk, 2) != vs[1] {
			t.Error("nothing was stored, but the walk does not see the tree")
		}
		if n > fanout {
			tr.Fill(tk, nil) // a new index
		} else {
			tr.Store(tk, 2, 3, vs[n])
		}
		if got := tr.Lookup(tk, 2); got != vs[1] {
			t.Errorf("%d VMAs: the stale walk finds %p, want %p", n, got, vs[1])
		}
		if got := tr.Find(tk, 2); got == vs[1] {
			t.Errorf("%d VMAs: a walk under mmap_lock is stale", n)
		}
	}
}

// TestInit: a tree's next life begins empty, in the memory of the last one, whatever was stored.
func TestInit(t *testing.T) {
	tk := newTask()
	all := vmas(tk, 100)
	rcu := ksync.NewDomain(task.SlotRCU)
	tr := New(tk, rcu)
	var index *index
	for life := range 5 {
		if life == 1 {
			index = tr.index.Peek()
		} else if life > 1 && tr.index.Peek() != index {
			t.Error("a life begins in new memory")
		}
		tr.Ascend(tk, 0, func(e Entry) bool {
			t.Errorf("life %d begins with %v", life, e)
			return true
		})
		if at, ok := tr.HighestGap(10, 0, 1000); !ok || at != 990 {
			t.Errorf("life %d begins with a gap at %d", life, at)
		}
		n := []int{1, 100, 20, 0, 3}[life] // within a leaf and over several
		for i := range n {
			tr.Store(tk, uint64(10*i), uint64(10*i+5), all[i])
		}
		for i := range n {
			if tr.Lookup(tk, uint64(10*i+1)) != all[i] || tr.Lookup(tk, uint64(10*i+6)) != nil {
				t.Errorf("life %d has lost entry %d", life, i)
			}
		}
		if life%2 == 0 {
			tr.Fill(tk, nil)
		}
		tr.Init(tk, rcu)
	}
}

// TestLivesLieAlike: the same stores put a tree's nodes into the same memory in each of its lives, over several leaves, too, and by fork's bulk store.
func TestLivesLieAlike(t *testing.T) {
	tk := newTask()
	all := vmas(tk, 60)
	var entries []Entry
	for i, v := range all {
		entries = append(entries, Entry{uint64(10 * i), uint64(10*i + 5), v})
	}
	rcu := ksync.NewDomain(task.SlotRCU)
	tr := New(tk, rcu)
	nodes := func(marks []unsafe.Pointer) []unsafe.Pointer {
		m := tr.index.Peek()
		m.Scan(func(_ uint64, h *holder) bool {
			marks = append(marks, unsafe.Pointer(h), unsafe.Pointer(h.leaf.Peek()))
			return true
		})
		return append(marks, unsafe.Pointer(m))
	}
	live := func() (marks []unsafe.Pointer) {
		tr.Init(tk, rcu)
		tr.Fill(tk, entries[:50])
		marks = nodes(nil)
		for _, e := range entries[50:] {
			tr.Store(tk, e.Start, e.End, e.VMA)
			if tr.Lookup(tk, e.Start) != e.VMA {
				t.Fatalf("what was stored at %d is not there", e.Start)
			}
		}
		tk.Revive() // a walk of the next life must not begin where one of this life has ended
		return nodes(marks)
	}
	if first := live(); len(first) < 8 || !slices.Equal(first, live()) || !slices.Equal(first, live()) {
		t.Errorf("of %d nodes some lie elsewhere in another life", len(first))
	}
}

// TestIteratorNext: Next goes on behind the range that the iterator was set to, wherever it has looked since.
func TestIteratorNext(t *testing.T) {
	task := &task.Task{}
	tr := New(task, nil)
	a, b := &vma.VMA{}, &vma.VMA{}
	it := tr.Iterator()
	it.Store(task, 0x1000, 0x2000, a)
	it.Store(task, 0x3000, 0x5000, b)
	it.StandOn(0x2000)
	if it.Prev(task, 0x1000) != nil || it.Next(task) != b || it.Next(task) != b {
		t.Error("behind the first stands another than the second")
	}
	if it.StandOn(0x5000); it.Next(task) != nil {
		t.Error("behind the last stands one")
	}
}
