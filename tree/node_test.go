package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// shape says what is wrong with the nodes of a tree, "" for nothing: leaves at different heights, nodes with too few slots, pivots that
// do not ascend, slots behind the last one of a node above, nodes that are dead, or alive and not in the tree.
func shape(tr *Tree) string {
	if tr.nodes == nil {
		return ""
	}
	count, height := 0, -1
	var look func(n *enode, min, max uint64, depth int) string
	look = func(n *enode, min, max uint64, depth int) string {
		count++
		parts := n.parts(max)
		switch {
		case n.parent.Peek() == n:
			return "a dead node is in the tree"
		case depth > 0 && len(parts) < nodeMin:
			return fmt.Sprintf("a node of %d slots is no root", len(parts))
		case n.leaf && height >= 0 && depth != height:
			return fmt.Sprintf("leaves at depth %d and %d", height, depth)
		case n.leaf:
			height = depth
		}
		for i, p := range parts {
			if p.last < min || p.last > max || n.leaf != (p.child == nil) {
				return fmt.Sprintf("slot %d of [%#x, %#x] is %+v", i, min, max, p)
			}
			if !n.leaf {
				if wrong := look(p.child, min, p.last, depth+1); wrong != "" {
					return wrong
				}
			}
			min = p.last + 1
		}
		return ""
	}
	if root := tr.root.Peek(); root != nil {
		if wrong := look(root, 0, maxAddr, 0); wrong != "" {
			return wrong
		}
	}
	if n := tr.nodes.InUse(); tr.nodes.rcu == nil && n != count {
		return fmt.Sprintf("%d nodes are alive, %d in the tree", n, count)
	}
	return ""
}

// entriesOf returns the content of a tree.
func entriesOf(t *task.Task, tr *Tree) (out []Entry) {
	tr.Ascend(t, 0, func(e Entry) bool {
		out = append(out, e)
		return true
	})
	return out
}

// TestTreesAgree performs random stores, erasures and fills on both trees, over ranges short and long, and compares every answer.
func TestTreesAgree(t *testing.T) {
	seeds, stores := 60, 2000
	if testing.Short() {
		seeds, stores = 8, 600
	}
	const size = 4000
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		tk := task.New(0, "test", func(v task.Violation) { t.Error(v.Message) })
		pool := vmas(tk, 200)
		rcu := ksync.NewDomain(task.SlotRCU)
		rcu.Register(tk)
		rcu.EndEarly()
		leaves, nodes := New(tk, rcu), kinds[1+seed%4].make(tk, rcu)
		both := [...]*Tree{leaves, nodes}
		longest := []uint64{3, 40, size}[seed%3]
		for i := range stores {
			start := r.Uint64N(size)
			end := min(size, start+1+r.Uint64N(longest))
			if old := entriesOf(tk, leaves); r.IntN(3) == 0 && len(old) > 1 { // exactly over some of them
				k := r.IntN(len(old))
				start, end = old[k].Start, old[min(len(old)-1, k+r.IntN(9))].End
			}
			var v *vma.VMA
			if r.IntN(3) > 0 {
				v = pool[i%len(pool)]
			}
			for _, tr := range both {
				if i%500 == 499 {
					tr.Fill(tk, entriesOf(tk, tr))
				}
				it := tr.Iterator()
				it.Store(tk, start, end, v)
			}
			if a, b := entriesOf(tk, leaves), entriesOf(tk, nodes); !slices.Equal(a, b) {
				t.Fatalf("seed %d, store %d of [%d, %d): \n%v with leaves,\n%v with nodes", seed, i, start, end, a, b)
			}
			if wrong := shape(nodes); wrong != "" {
				t.Fatalf("seed %d, store %d: %s", seed, i, wrong)
			}
			at, width := r.Uint64N(size), 1+r.Uint64N(20)
			if leaves.Lookup(tk, at) != nodes.Lookup(tk, at) || leaves.Find(tk, at) != nodes.Find(tk, at) || leaves.Prev(tk, at) != nodes.Prev(tk, at) {
				t.Fatalf("seed %d, store %d: different VMAs at %d", seed, i, at)
			}
			a, aok := leaves.HighestGap(width, at/2, size)
			if b, bok := nodes.HighestGap(width, at/2, size); a != b || aok != bok {
				t.Fatalf("seed %d, store %d: a hole of %d above %d at %d %v, and at %d %v", seed, i, width, at/2, a, aok, b, bok)
			}
		}
		for _, tr := range both {
			tr.Fill(tk, nil)
		}
		if rcu.Barrier(tk); nodes.nodes.InUse() != 0 {
			t.Errorf("seed %d leaves %d nodes alive", seed, nodes.nodes.InUse())
		}
	}
}

// nodesOf returns a tree under other rules than the default, with VMAs at the even ones of some ranges of ten, which it stores there, and what was
// reported.
func nodesOf(t *testing.T, spec string, vs []*vma.VMA) (tk *task.Task, tr *Tree, said *[]string) {
	said = new([]string)
	tk = task.New(0, "test", func(v task.Violation) { *said = append(*said, v.Oracle) })
	set, err := rules.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	rcu := ksync.NewDomain(task.SlotRCU)
	rcu.Register(tk)
	tr = &Tree{}
	tr.InitNodes(tk, NewNodes(&set, rcu, true))
	for i, v := range vs {
		tr.Store(tk, uint64(20*i+10), uint64(20*i+20), v)
	}
	return tk, tr, said
}

// between is an observer that lets f run before an operation on a cell of a node.
type between struct {
	task.NoObserver
	f func(*task.Task, *task.Event)
}

func (b *between) Before(t *task.Task, e *task.Event) { b.f(t, e) }

// TestStoresReplaceNodes: in RCU mode a store leaves the node as it was under a reader, and dead; without it changes that very node. An append in
// place changes it, too.
func TestStoresReplaceNodes(t *testing.T) {
	vs := vmas(newTask(), 3)
	for _, c := range []struct {
		spec    string
		replace bool
	}{
		{"linux-6.18,+maple-nodes", true},
		{"linux-6.18,+maple-nodes,-maple-rcu", false},
		{"linux-6.18,+maple-nodes,-append-alone", false},
	} {
		tk, tr, _ := nodesOf(t, c.spec, vs[:1])
		old := tr.root.Peek()
		before := old.parts(maxAddr)
		tr.Store(tk, 30, 40, vs[1])
		if replaced := tr.root.Peek() != old; replaced != c.replace {
			t.Errorf("%s: the node is replaced: %v", c.spec, replaced)
		}
		if same := slices.Equal(before, old.parts(maxAddr)); same != c.replace {
			t.Errorf("%s: the old node is as it was: %v", c.spec, same)
		}
		if dead := old.parent.Peek() == old; dead != c.replace {
			t.Errorf("%s: the old node is dead: %v", c.spec, dead)
		}
		if got := entriesOf(tk, tr); !slices.Equal(got, []Entry{{10, 20, vs[0]}, {30, 40, vs[1]}}) {
			t.Errorf("%s: %v", c.spec, got)
		}
	}
}

// TestReaderLeavesDeadNode: a reader that stands in a node when it is replaced goes on from the root, at the address where it was.
func TestReaderLeavesDeadNode(t *testing.T) {
	vs := vmas(newTask(), 20)
	tk, tr, said := nodesOf(t, "linux-6.18,+maple-nodes", vs)
	var seen []Entry
	tr.Ascend(tk, 0, func(e Entry) bool {
		if seen = append(seen, e); len(seen) == 5 {
			tr.Store(tk, 0, e.Start, nil)
			tr.Store(tk, e.Start, 2000, vs[7])
		}
		return true
	})
	if want := (Entry{90, 2000, vs[7]}); len(seen) != 6 || seen[4].VMA != vs[4] || seen[5] != want {
		t.Errorf("%v, expected what is there now", seen)
	}
	c := tr.descend(tk, 1999, false)
	at := Place{tree: tr, at: c}
	tr.Store(tk, 1500, 1600, nil)
	if at.Again(tk, 1999) != vs[7] || at.Again(tk, 1550) != nil || at.Again(tk, 100) != vs[7] {
		t.Error("a walk that goes on from a dead node finds something else")
	}
	if len(*said) > 0 {
		t.Error(*said)
	}
}

// TestHalfStore: where nodes are changed in place, a walk that a store comes upon finds a VMA at a range that it never had, and the oracle
// says so.
func TestHalfStore(t *testing.T) {
	vs := vmas(newTask(), 3)
	for spec, want := range map[string]bool{
		"linux-6.18,+maple-nodes":               false,
		"linux-6.18,+maple-nodes,-append-alone": true,
		"linux-6.18,+maple-nodes,-maple-rcu":    true,
	} {
		found := false
		for at := 1; at <= 30; at++ { // the step of the store before which the walk comes
			tk, tr, said := nodesOf(t, spec, vs[:1])
			tr.storeNodes(tk, 20, maxAddr, vs[1])
			reader := task.New(1, "reader", func(v task.Violation) { *said = append(*said, v.Oracle) })
			tr.nodes.rcu.Register(reader)
			n := 0
			tk.Observer = &between{f: func(*task.Task, *task.Event) {
				if n++; n == at {
					tr.Ascend(reader, 0, func(Entry) bool { return true })
				}
			}}
			tr.Store(tk, 20, 50, vs[2])
			found = found || slices.Contains(*said, "half-store")
		}
		if found != want {
			t.Errorf("%s: half a store is seen: %v", spec, found)
		}
	}
}

// TestEarlyPublication: a node that can be found before it has content leads a walk to nothing.
func TestEarlyPublication(t *testing.T) {
	vs := vmas(newTask(), 2)
	for spec, want := range map[string]bool{"linux-6.18,+maple-nodes": false, "linux-6.18,+maple-nodes,-publish-node": true} {
		tk, tr, _ := nodesOf(t, spec, vs[:1])
		reader, lost := newTask(), false
		tk.Observer = &between{f: func(*task.Task, *task.Event) { lost = lost || tr.Lookup(reader, 15) != vs[0] }}
		tr.Store(tk, 30, 40, vs[1])
		if lost != want {
			t.Errorf("%s: the VMA is lost for a while: %v", spec, lost)
		}
	}
}

// TestSpanningStore: a store over several leaves that ends with one of them leaves the next one alone, unless the rule for that is taken away.
func TestSpanningStore(t *testing.T) {
	vs := vmas(newTask(), 20)
	for spec, want := range map[string]bool{"linux-6.18,+maple-nodes": false, "linux-6.18,+maple-nodes,-span-edge": true} {
		lost := false
		for from := range 5 {
			for to := from + 1; to < 14; to++ {
				for _, end := range []int{20*to + 20, 20*to + 30} { // of a VMA, of a hole
					tk, tr, _ := nodesOf(t, spec, vs)
					leaves := New(tk, nil)
					leaves.Fill(tk, entriesOf(tk, tr))
					for _, each := range []*Tree{leaves, tr} {
						each.Store(tk, uint64(20*from+10), uint64(end), nil)
					}
					lost = lost || !slices.Equal(entriesOf(tk, leaves), entriesOf(tk, tr))
				}
			}
		}
		if lost != want {
			t.Errorf("%s: a range is lost: %v", spec, lost)
		}
	}
}
