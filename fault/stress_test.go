package fault

import (
	"math/rand/v2"
	"sync"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
)

// TestStressWithFilesAndForks lets tasks fault in an address space and in its children while others map, unmap, protect and
// fork it. Every word ever stored tells its page, so a page that shows up in a wrong place is found by its bytes.
func TestStressWithFilesAndForks(t *testing.T) {
	const (
		pages  = 48 // anonymous ones
		shared = 64 // here the shared file begins
		copied = 96 // and here the private one
		filed  = 24 // pages of it
		rounds = 1500
	)
	f := newFixture(t)
	file := f.open(filed * page)
	f.mapAnon(0, pages, rw)
	f.mapFile(file, shared, shared+filed, rw, linux.MAP_SHARED, 0)
	f.mapFile(file, copied, copied+filed, rw, linux.MAP_PRIVATE, 0)

	// tag is what a page holds once it was written; a file's page holds it from the beginning.
	tag := func(n int) uint64 {
		switch {
		case n >= copied:
			return word(n - copied)
		case n >= shared:
			return word(n - shared)
		}
		return uint64(n + 1)
	}
	random := func(r *rand.Rand) int {
		switch r.IntN(3) {
		case 0:
			return shared + r.IntN(filed)
		case 1:
			return copied + r.IntN(filed)
		}
		return r.IntN(pages)
	}
	access := func(tk *task.Task, m *mm.MM, r *rand.Rand) {
		n := random(r)
		var v uint64
		var res linux.AccessEnd
		if r.IntN(2) == 0 {
			res = Store(tk, m, at(n), tag(n))
		} else if v, res = Load(tk, m, at(n)); v != tag(n) && (v != 0 || n >= shared) && res == linux.OK {
			t.Errorf("%s, page %d holds %#x, expected %#x", m.Name, n, v, tag(n))
		}
		if res != linux.OK && res != linux.SegvMaperr && res != linux.SegvAccerr {
			t.Errorf("%s, page %d: %s", m.Name, n, res)
		}
	}

	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum task.Counters
	run := func(seed uint64, body func(tk *task.Task, r *rand.Rand)) {
		tk := f.m.NewTask("stress")
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 2))
			for range rounds {
				body(tk, r)
			}
			mu.Lock()
			sum.Add(&tk.Counters)
			mu.Unlock()
			f.m.EndTask(tk)
		})
	}
	for i := range uint64(2) {
		run(i, func(tk *task.Task, r *rand.Rand) {
			for range 8 {
				access(tk, f.mm, r)
			}
		})
	}
	run(10, func(tk *task.Task, r *rand.Rand) { // replaces and unmaps
		n := r.IntN(pages - 4)
		if r.IntN(2) == 0 {
			if err := f.mm.Munmap(tk, at(n), 2*page); err != nil {
				t.Error(err)
			}
		}
		if err := f.mmapBy(tk, n, n+4, rw); err != nil {
			t.Error(err)
		}
	})
	run(11, func(tk *task.Task, r *rand.Rand) { // the private file mapping comes and goes
		n := r.IntN(filed - 4)
		_, err := f.mm.Mmap(tk, mm.MmapArgs{Addr: at(copied + n), Len: 4 * page, Prot: rw, Flags: linux.MAP_PRIVATE | linux.MAP_FIXED, File: file, Offset: uint64(n) * page})
		if err != nil {
			t.Error(err)
		}
	})
	run(12, func(tk *task.Task, r *rand.Rand) { // a hole in the range gives ENOMEM
		n := random(r)
		_ = f.mm.Mprotect(tk, at(n), 2*page, []int{0, linux.PROT_READ, rw}[r.IntN(3)])
		_ = f.mm.Mprotect(tk, at(n), 2*page, rw)
		_ = f.mm.Madvise(tk, at(random(r)), 3*page, linux.MADV_DONTNEED)
	})
	run(13, func(tk *task.Task, r *rand.Rand) { // a child that lives on beside its parent for a while
		if r.IntN(10) > 0 {
			return
		}
		child, err := f.mm.Fork(tk, "child")
		if err != nil {
			t.Error(err)
			return
		}
		for range 40 {
			access(tk, child, r)
		}
		if grandchild, err := child.Fork(tk, "grandchild"); err != nil {
			t.Error(err)
		} else {
			for range 10 {
				access(tk, grandchild, r)
				access(tk, child, r)
			}
			grandchild.Put(tk)
		}
		child.Put(tk)
	})
	wg.Wait()
	f.valid(f.mm)
	if sum[task.VMALockSuccess]+sum[task.VMALockAbort]+sum[task.VMALockRetry] < sum[task.PgFault] {
		t.Errorf("counters %v: a fault that is told by none", sum)
	}
	for _, c := range []task.Counter{task.VMALockSuccess, task.VMALockRetry, task.PgFaultMmapLock} { // an abort takes luck
		if sum[c] == 0 {
			t.Errorf("no %s in all that", c)
		}
	}
	t.Log(sum)
}
