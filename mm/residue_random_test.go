package mm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/workloads"
	"vmasim/workloads/interp"
	"vmasim/workloads/seqtest"
)

// anyFails lets the k-th point fail at which something can, counted from 0.
type anyFails struct {
	task.NoObserver
	k, n int
}

func (f *anyFails) Choose(_ *task.Task, what task.Choice, _ int) int {
	if what != task.AllocFails && what != task.ChargeFails && what != task.HookFails {
		return 0
	}
	f.n++
	if f.n-1 != f.k {
		return 0
	}
	return 1
}

// reached reports whether something has failed.
func (f *anyFails) reached() bool { return f.n > f.k }

// pageEnd is where the last page ends that a range of a call has a part of.
func pageEnd(addr, length uint64) uint64 { return (addr + length + linux.PageMask) &^ linux.PageMask }

// residues returns what a failed call may make of a model: the rows of K7.
func residues(m *seqmodel.Model, c *interp.Call) (all []*seqmodel.Model) {
	start, end := c.Addr, pageEnd(c.Addr, c.Len)
	like := func(change ...func(*seqmodel.Model)) {
		all = append(all, m.Clone())
		for _, do := range change {
			do(all[len(all)-1])
		}
	}
	cut := func(addr uint64) func(*seqmodel.Model) { return func(m *seqmodel.Model) { m.Cut(addr) } }
	unmap := func(addr, length uint64) func(*seqmodel.Model) {
		return func(m *seqmodel.Model) { _ = m.Munmap(addr, length) }
	}
	like()
	switch c.Kind {
	case workloads.KindMunmap, workloads.KindBrk: // to shrink; to grow leaves nothing
		like(cut(start))
		like(cut(end))
		like(cut(start), cut(end))
	case workloads.KindMmap:
		if c.Flags&linux.MAP_FIXED != 0 {
			like(cut(start))
			like(cut(end))
			like(cut(start), cut(end))
			like(unmap(c.Addr, c.Len))
		}
	case workloads.KindMprotect:
		like(cut(start))
		for _, r := range m.Maps() {
			if start < r.End && r.End < end {
				like(func(m *seqmodel.Model) { _ = m.Mprotect(c.Addr, r.End-c.Addr, c.Prot) })
			}
		}
	case workloads.KindMremap:
		mremapResidues(m, c, like)
	case workloads.KindTouch, workloads.KindLoad, workloads.KindStore:
		for _, access := range []linux.Access{linux.Read, linux.Write} {
			like(func(m *seqmodel.Model) { m.Touch(c.Addr, access) })
		}
	}
	return all
}

// mremapResidues adds what a failed mremap leaves: the areas before the one at which it failed have been moved, and of that one, as of the only
// one, the place where it was to go may be unmapped, what it was to lose, and each border of the two may be cut.
func mremapResidues(m *seqmodel.Model, c *interp.Call, like func(...func(*seqmodel.Model))) {
	var parts []interp.Call
	start, end := c.Addr, pageEnd(c.Addr, c.Len)
	for _, r := range m.Maps() {
		if part := *c; start < r.End && r.Start < end {
			part.Addr = max(start, r.Start)
			part.Len = min(end, r.End) - part.Addr
			part.NewAddr += part.Addr - start
			part.NewLen = part.Len
			parts = append(parts, part)
		}
	}
	if apart := end <= c.NewAddr || c.NewAddr+c.NewLen <= start; len(parts) < 2 || !apart || c.Flags&linux.MREMAP_FIXED == 0 || pageEnd(0, c.Len) != pageEnd(0, c.NewLen) {
		there := pageEnd(0, c.NewLen)
		for i := range parts {
			there = min(there, parts[i].Addr+parts[i].Len-start) // more is not there to be moved
		}
		mremapLeaves(c, there, nil, like)
		return
	}
	var moved []func(*seqmodel.Model)
	for i := range parts {
		part := &parts[i]
		mremapLeaves(part, part.Len, moved, like)
		moved = append(moved, func(m *seqmodel.Model) {
			_ = m.Munmap(part.NewAddr, part.Len)
			m.Move(part.Addr, part.Addr+part.Len, part.NewAddr, c.Flags&linux.MREMAP_DONTUNMAP != 0)
		})
	}
}

// mremapLeaves adds what one area's part of a failed mremap leaves, of which as much as there is mapped, after what was moved before.
func mremapLeaves(call *interp.Call, there uint64, moved []func(*seqmodel.Model), like func(...func(*seqmodel.Model))) {
	c := *call
	c.Len, c.NewLen = pageEnd(0, c.Len), pageEnd(0, c.NewLen)
	unmap := func(addr, length uint64) func(*seqmodel.Model) {
		return func(m *seqmodel.Model) { _ = m.Munmap(addr, length) }
	}
	for _, gone := range [][]func(*seqmodel.Model){nil, {unmap(c.NewAddr, c.NewLen)}, {unmap(c.NewAddr, there)}, {unmap(c.NewAddr, c.NewLen), unmap(c.Addr+c.NewLen, c.Len-c.NewLen)}, {unmap(c.Addr+c.NewLen, c.Len-c.NewLen)}} {
		cuts := []uint64{c.Addr, c.Addr + c.Len, c.Addr + c.NewLen, c.NewAddr, c.NewAddr + c.NewLen, c.NewAddr + there}
		for which := range 1 << len(cuts) {
			do := slices.Concat(moved, gone)
			for i, addr := range cuts {
				if which>>i&1 != 0 {
					do = append(do, func(m *seqmodel.Model) { m.Cut(addr) })
				}
			}
			like(do...)
		}
	}
}

// failures counts the statements that have failed, and of mremaps of several areas those that had moved the first.
type failures struct {
	of         map[workloads.Kind]int
	afterMoves int
}

// mapped reports whether a model has something at an address.
func mapped(m *seqmodel.Model, addr uint64) bool {
	return slices.ContainsFunc(m.Maps(), func(r seqmodel.Range) bool { return r.Start <= addr && addr < r.End })
}

// failStep performs a step with a point failing, and has the model follow what that leaves. It reports whether both can go on. failed counts
// the statements that have failed by it.
func (w *world) failStep(s seqtest.Step, k int, failed *failures) (on bool, err error) {
	model, space := w.models[s.Space], w.spaces[s.Space]
	fails := &anyFails{k: k}
	var c interp.Call
	var got workloads.Outcome
	heapEnd := space.Brk(w.t, 0) // which is refused
	w.actor.MM = space
	w.t.Observer = fails
	if s.Stmt.Kind == workloads.KindFork {
		child, forkErr := space.Fork(w.t, s.Stmt.MM.Name)
		if got.Kind = workloads.ResultOK; forkErr != nil {
			got.Kind = workloads.ResultErrno
		} else {
			w.models[s.Stmt.MM.Index], w.spaces[s.Stmt.MM.Index] = model.Fork(), child
		}
	} else {
		c = s.Call()
		got = w.actor.Do(&c)
	}
	w.t.Observer = nil
	if fails.reached() && got.Kind != workloads.ResultOK {
		failed.of[s.Stmt.Kind]++
	}
	if err := w.broken(); err != nil {
		return false, err
	}
	switch {
	case s.Stmt.Kind == workloads.KindBrk && got.Value == c.Addr:
		return w.heapEnds(s.Space, pageEnd(heapEnd, 0), pageEnd(c.Addr, 0))
	case s.Stmt.Kind == workloads.KindBrk && got.Value != heapEnd:
		return false, fmt.Errorf("point %d: brk to %#x gives %#x, the heap ended at %#x", k, c.Addr, got.Value, heapEnd)
	case s.Stmt.Kind == workloads.KindBrk && fails.reached():
		failed.of[s.Stmt.Kind]++
		if c.Addr = pageEnd(c.Addr, 0); c.Addr < heapEnd {
			c.Len = pageEnd(heapEnd, 0) - c.Addr
		}
	case got.Kind == workloads.ResultOK && s.Stmt.Kind == workloads.KindMremap, s.Stmt.Kind == workloads.KindMlock:
		return false, w.contents(model, &c) // of which the model knows no more
	case got.Kind == workloads.ResultOK && s.Stmt.Kind != workloads.KindFork && s.Stmt.Kind != workloads.KindBrk, !fails.reached() && s.Stmt.Kind != workloads.KindFork && s.Stmt.Kind != workloads.KindMremap && s.Stmt.Kind != workloads.KindBrk:
		if want := seqtest.Apply(model, &c, w.modelFiles); got != want {
			return false, fmt.Errorf("got %s, expected %s", interp.Describe(s.Stmt, got), interp.Describe(s.Stmt, want))
		}
		return true, w.compareMaps(model, space)
	}
	all := residues(model, &c)
	for _, m := range all {
		if err = w.compareMaps(m, space); err == nil {
			if c.Kind == workloads.KindMremap && mapped(model, c.Addr) && !mapped(m, c.Addr) {
				failed.afterMoves++
			}
			w.models[s.Space] = m
			return true, w.contents(m, &interp.Call{}) // of all pages: where they were, or where they have gone
		}
	}
	return false, fmt.Errorf("point %d: it gives %s and leaves what no row of K7 says: %w", k, interp.Describe(s.Stmt, got), w.compareMaps(all[0], space))
}

// heapEnds has the model follow a brk that has moved the end of the heap, and reports whether it can: a heap joins nothing above it, and a
// mapping of the model does.
func (w *world) heapEnds(i int, from, to uint64) (on bool, err error) {
	m := w.models[i].Clone()
	switch {
	case to < from:
		err = m.Munmap(to, from-to)
	case from < to:
		_, err = m.Mmap(from, to-from, linux.PROT_READ|linux.PROT_WRITE, linux.MAP_PRIVATE|linux.MAP_ANONYMOUS|linux.MAP_FIXED_NOREPLACE, nil, 0)
	}
	if err != nil {
		return false, fmt.Errorf("brk from %#x to %#x succeeds, where the model says %w", from, to, err)
	}
	if err = w.compareMaps(m, w.spaces[i]); err != nil && from < to {
		return false, nil
	}
	w.models[i] = m
	return err == nil, err
}

// contents compares the first word of each page of small areas, but for those that the call was about if the model does not know it.
func (w *world) contents(model *seqmodel.Model, c *interp.Call) error {
	for _, r := range model.Maps() {
		if r.Prot == 0 || r.End-r.Start > 64*linux.PageSize {
			continue
		}
		for addr := r.Start; addr < r.End; addr += linux.PageSize {
			if c.Kind == workloads.KindMremap && (addr < pageEnd(c.Addr, max(c.Len, c.NewLen)) && c.Addr <= addr || c.NewAddr <= addr && addr < pageEnd(c.NewAddr, c.NewLen)) {
				continue
			}
			load := interp.Call{Kind: workloads.KindLoad, Addr: addr}
			want := seqtest.Apply(model, &load, w.modelFiles)
			if got := w.actor.Do(&load); got != want {
				return fmt.Errorf("the page at %#x gives %v %#x, expected %v %#x", addr, got, got.Value, want, want.Value)
			}
		}
	}
	return nil
}

// TestRandomFailures lets points of random operations fail, and compares all address spaces with what the sequential model makes of the rows
// of K7: layout, accounting, anon_vmas, counts, and contents.
func TestRandomFailures(t *testing.T) {
	sequences := 1000
	if testing.Short() {
		sequences = 300
	}
	failed := &failures{of: map[workloads.Kind]int{}}
	for seed := range uint64(sequences) {
		steps, err := randomFailures(t, seed, failed)
		if err != nil {
			var b strings.Builder
			for _, s := range steps {
				fmt.Fprintf(&b, "\t%v\n", s)
			}
			t.Fatalf("seed %d:\n%sends with: %v", seed, b.String(), err)
		}
	}
	t.Logf("failed: %v", failed.of)
	for _, k := range []workloads.Kind{workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindMremap, workloads.KindMlock, workloads.KindTouch,
		workloads.KindLoad, workloads.KindStore, workloads.KindFork, workloads.KindBrk} {
		if failed.of[k] == 0 {
			t.Errorf("no %v has failed", k)
		}
	}
}

// randomFailures performs a sequence in which every second step has a point failing.
func randomFailures(t *testing.T, seed uint64, failed *failures) (steps []seqtest.Step, err error) {
	w, err := newWorld(t.TempDir(), seed%2 == 0)
	if err != nil {
		t.Fatal(err)
	}
	w.spaces[0].SetHeap(w.t, seqtest.HeapOf(w.models[0]))
	r := rand.New(rand.NewPCG(seed, 1))
	g := seqtest.NewGenerator(seed, len(fileModes), workloads.KindTouch, workloads.KindFork, workloads.KindExit, workloads.KindMremap, workloads.KindMlock, workloads.KindBrk)
	for on := true; on && len(steps) < 40; {
		s := w.models.Next(g)
		steps = append(steps, s)
		switch k := s.Stmt.Kind; {
		case k == workloads.KindExit, k == workloads.KindFork && w.models[s.Stmt.MM.Index] != nil,
			k != workloads.KindMremap && k != workloads.KindMlock && k != workloads.KindBrk && r.IntN(2) == 0:
			err = w.do(s)
		default:
			on, err = w.failStep(s, r.IntN(6), failed)
		}
		if err != nil {
			_ = w.close() // the first error is the one to tell
			return steps, err
		}
	}
	return steps, w.close()
}

// TestSeveralMovesFail does the same for mremaps of two to four areas, of which one in two has been moved when a later one fails.
func TestSeveralMovesFail(t *testing.T) {
	sequences := 1000
	if testing.Short() {
		sequences = 300
	}
	failed := &failures{of: map[workloads.Kind]int{}}
	for seed := range uint64(sequences) {
		r := rand.New(rand.NewPCG(seed, 2))
		var text strings.Builder
		text.WriteString("init\n")
		from, to, at := uint64(windowStart+1<<20), uint64(windowStart+8<<20), uint64(0)
		for range 2 + r.IntN(3) {
			pages := 1 + r.Uint64N(4)
			fmt.Fprintf(&text, "    mmap %#x %dK %s private anon fixed\n", from+at, 4*pages, []string{"rw", "rw", "r", "rx"}[r.IntN(4)])
			for n := range pages {
				if r.IntN(2) == 0 {
					fmt.Fprintf(&text, "    store %#x %d => any\n", from+at+n*linux.PageSize, 1+r.IntN(100))
				}
			}
			at += (pages + r.Uint64N(2)) * linux.PageSize
		}
		if r.IntN(2) == 0 { // the copies meet others
			fmt.Fprintf(&text, "    mmap %#x 16K rw private anon fixed\n", to+r.Uint64N(4)*linux.PageSize)
		}
		flags := []string{"maymove fixed", "maymove fixed dontunmap"}[r.IntN(2)]
		fmt.Fprintf(&text, "    mremap %#x %dK to %[2]dK at %#x %s => any\n", from, at>>10, to, flags)
		if err := severalMoves(t, text.String(), r.IntN(24), failed); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text.String())
		}
	}
	t.Logf("failed: %v; after a move: %d", failed.of, failed.afterMoves)
	if failed.afterMoves < sequences/50 {
		t.Errorf("only %d of %d have failed after a move", failed.afterMoves, sequences)
	}
}

// severalMoves performs a scenario's init, in the last statement of which point k fails.
func severalMoves(t *testing.T, text string, k int, failed *failures) error {
	sc, err := workloads.Parse("several.vma", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorld(t.TempDir(), k%2 == 0)
	if err != nil {
		t.Fatal(err)
	}
	body := sc.Init.Body
	for _, s := range body[:len(body)-1] {
		if err := w.do(seqtest.Step{Stmt: s}); err != nil {
			return err
		}
	}
	if _, err := w.failStep(seqtest.Step{Stmt: body[len(body)-1]}, k, failed); err != nil {
		return err
	}
	return w.close()
}
