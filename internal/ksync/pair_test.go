package ksync

import (
	"slices"
	"testing"
	"unsafe"

	"vmasim/internal/task"
)

// pairCells are what the functions of pair.go work on, at values that lead to each of their ends.
type pairCells struct {
	a        Atomic32
	seq      Seqcount
	lo, hi   Atomic64
	flags    Flags64
	lock     SpinLock
	count    Refcount
	pointer  Pointer[int]
	pointee  int
	recorded []uint64
}

func newPairCells(seq uint32, count int32) *pairCells {
	c := &pairCells{}
	c.a.Init(4)
	c.seq.Set(seq)
	c.lo.Init(10)
	c.hi.Init(20)
	c.flags.Write(task.New(0, "a", nil), 7)
	c.count.Init(count)
	c.pointer.Init(&c.pointee)
	return c
}

func (c *pairCells) tell(v ...uint64) { c.recorded = append(c.recorded, v...) }

func (c *pairCells) within(tk *task.Task, x uint64) {
	c.tell(b2u(seen(tk, Within[task.Observed], Within[task.Unobserved])(tk, x, &c.lo, &c.hi)))
}

func (c *pairCells) compare(tk *task.Task, x uint64) {
	c.tell(b2u(x >= c.lo.ReadOnce(tk) && x < c.hi.ReadOnce(tk)))
}

// seen returns that of two functions which is for the task.
func seen[F any](tk *task.Task, observed, unobserved F) F {
	if tk.Observer != nil {
		return observed
	}
	return unobserved
}

// TestPairsAreTheirParts: a pair tells its caller and an observer what its two accesses tell, in the same order, and leaves the cells alike.
func TestPairsAreTheirParts(t *testing.T) {
	for _, x := range []struct {
		name       string
		seq        uint32
		count      int32
		pair, both func(c *pairCells, tk *task.Task)
	}{
		{"SameOnce, equal", 4, 1,
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(seen(tk, SameOnce[task.Observed], SameOnce[task.Unobserved])(tk, &c.a, &c.seq)))
			},
			func(c *pairCells, tk *task.Task) { c.tell(b2u(c.a.ReadOnce(tk) == c.seq.ReadOnce(tk))) }},
		{"SameOnce, different", 5, 1,
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(seen(tk, SameOnce[task.Observed], SameOnce[task.Unobserved])(tk, &c.a, &c.seq)))
			},
			func(c *pairCells, tk *task.Task) { c.tell(b2u(c.a.ReadOnce(tk) == c.seq.ReadOnce(tk))) }},
		{"SameAcquire, equal", 4, 1,
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(seen(tk, SameAcquire[task.Observed], SameAcquire[task.Unobserved])(tk, &c.a, &c.seq)))
			},
			func(c *pairCells, tk *task.Task) { c.tell(b2u(c.a.ReadOnce(tk) == c.seq.ReadAcquire(tk))) }},
		{"SameAcquire, different", 5, 1,
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(seen(tk, SameAcquire[task.Observed], SameAcquire[task.Unobserved])(tk, &c.a, &c.seq)))
			},
			func(c *pairCells, tk *task.Task) { c.tell(b2u(c.a.ReadOnce(tk) == c.seq.ReadAcquire(tk))) }},
		{"ReadBoth", 4, 1,
			func(c *pairCells, tk *task.Task) { c.tell(pairOf(ReadBoth(tk, &c.flags, &c.lo))...) },
			func(c *pairCells, tk *task.Task) { c.tell(c.flags.Read(tk), c.lo.ReadOnce(tk)) }},
		{"IncAndRead", 4, 1, incAndRead3, incThenRead},
		{"IncAndRead, with readers", 4, 3, incAndRead3, incThenRead},
		{"IncAndRead, none", 4, 0, incAndRead3, incThenRead},
		{"IncAndRead, at the limit", 4, 4, incAndRead3, incThenRead},
		{"Within, below", 4, 1, func(c *pairCells, tk *task.Task) { c.within(tk, 9) }, func(c *pairCells, tk *task.Task) { c.compare(tk, 9) }},
		{"Within", 4, 1, func(c *pairCells, tk *task.Task) { c.within(tk, 10) }, func(c *pairCells, tk *task.Task) { c.compare(tk, 10) }},
		{"Within, above", 4, 1, func(c *pairCells, tk *task.Task) { c.within(tk, 20) }, func(c *pairCells, tk *task.Task) { c.compare(tk, 20) }},
		{"PointerOnce and DecAndTest", 4, 2,
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(seen(tk, PointerOnce[task.Observed, int], PointerOnce[task.Unobserved, int])(tk, &c.pointer) == &c.pointee))
				c.tell(uint64(seen(tk, DecAndTest[task.Observed], DecAndTest[task.Unobserved])(tk, &c.count)))
			},
			func(c *pairCells, tk *task.Task) {
				c.tell(b2u(c.pointer.ReadOnce(tk) == &c.pointee), uint64(c.count.DecAndTest(tk)))
			}},
		{"LockAndRead", 4, 1,
			func(c *pairCells, tk *task.Task) { c.tell(LockAndRead(tk, &c.lock, &c.lo)) },
			func(c *pairCells, tk *task.Task) { c.lock.Lock(tk); c.tell(c.lo.ReadOnce(tk)) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			one, two := newPairCells(x.seq, x.count), newPairCells(x.seq, x.count)
			var told [2][]said
			for i, run := range []func(*task.Task){func(tk *task.Task) { x.pair(one, tk) }, func(tk *task.Task) { x.both(two, tk) }} {
				tk, ev, _ := observed(0)
				run(tk)
				base := uintptr(unsafe.Pointer([]*pairCells{one, two}[i]))
				for _, e := range ev.after {
					told[i] = append(told[i], saidOf(e, base))
				}
			}
			if len(told[1]) == 0 || !slices.Equal(told[0], told[1]) {
				t.Errorf("announced %v, expected %v", told[0], told[1])
			}
			if !slices.Equal(one.recorded, two.recorded) || one.count.Peek() != two.count.Peek() || one.lock.Held() != two.lock.Held() {
				t.Errorf("observed: result %v, count %d, expected %v, %d", one.recorded, one.count.Peek(), two.recorded, two.count.Peek())
			}
			alone := newPairCells(x.seq, x.count)
			x.pair(alone, task.New(0, "a", nil))
			if !slices.Equal(alone.recorded, two.recorded) || alone.count.Peek() != two.count.Peek() || alone.lock.Held() != two.lock.Held() {
				t.Errorf("not observed: result %v, count %d, expected %v, %d", alone.recorded, alone.count.Peek(), two.recorded, two.count.Peek())
			}
		})
	}
}

// said is an event without what differs from one set of cells to another.
type said struct {
	op       task.Op
	offset   uintptr
	old, new uint64
}

func saidOf(e task.Event, base uintptr) said {
	w := said{e.Op, uintptr(e.Addr) - base, e.Old, e.New}
	if e.OldPtr != nil {
		w.old, w.new = 1, 1
	}
	return w
}

func incAndRead3(c *pairCells, tk *task.Task) {
	old, ok, p := seen(tk, IncAndRead[task.Observed, int], IncAndRead[task.Unobserved, int])(tk, &c.count, 4, &c.pointer)
	c.tell(uint64(old), b2u(ok), b2u(p == &c.pointee))
}

func incThenRead(c *pairCells, tk *task.Task) {
	old, ok := c.count.IncNotZeroLimitedAcquire(tk, 4)
	c.tell(uint64(old), b2u(ok), b2u(ok && c.pointer.ReadOnce(tk) == &c.pointee))
}

func pairOf(a, b uint64) []uint64 { return []uint64{a, b} }

// TestLockAndReadWaits: it spins while another task has the lock.
func TestLockAndReadWaits(t *testing.T) {
	r := &reports{}
	ts := r.tasks(2)
	var lock SpinLock
	var word Atomic64
	const rounds = 10000
	together(ts, func(tk *task.Task) {
		for range rounds {
			word.WriteOnce(tk, LockAndRead(tk, &lock, &word)+1)
			lock.Unlock(tk)
		}
	})
	if n := word.Peek(); n != 2*rounds {
		t.Errorf("counted %d, expected %d", n, 2*rounds)
	}
	r.want(t)
}
