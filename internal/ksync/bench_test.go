package ksync

import (
	"sync/atomic"
	"testing"

	"vmasim/internal/task"
)

// BenchmarkSeam compares ten cells, each with its nil check, with the same ten operations on bare atomics.
func BenchmarkSeam(b *testing.B) {
	tk := task.New(0, "t", nil)
	b.Run("raw", func(b *testing.B) {
		var x atomic.Uint32
		var y atomic.Uint64
		var p atomic.Pointer[int]
		var c uint64
		for b.Loop() {
			x.Load()
			y.Load()
			p.Load()
			c += y.Load()
			x.Load()
			c++
			x.Add(1)
			y.CompareAndSwap(1, 2)
			y.Store(c)
			x.Store(1)
		}
	})
	b.Run("cells", func(b *testing.B) {
		var x Atomic32
		var y Atomic64
		var p Pointer[int]
		var c Plain[uint64]
		for b.Loop() {
			x.ReadOnce(tk)
			y.LoadAcquire(tk)
			p.ReadOnce(tk)
			c.Write(tk, c.Read(tk)+y.ReadOnce(tk))
			x.LoadAcquire(tk)
			c.Write(tk, c.Read(tk)+1)
			x.FetchAdd(tk, 1)
			y.CmpXchg(tk, 1, 2)
			y.StoreRelease(tk, c.Read(tk))
			x.WriteOnce(tk, 1)
		}
	})
}

func BenchmarkPairs(b *testing.B) {
	tk := task.New(0, "t", nil)
	d := NewDomain(task.SlotRCU)
	d.Register(tk)
	for _, c := range []struct {
		name string
		pair func(b *testing.B)
	}{
		{"refcount", func(b *testing.B) {
			var r Refcount
			r.Init(1)
			for b.Loop() {
				r.IncNotZeroLimitedAcquire(tk, 1<<30-1)
				r.DecAndTest(tk)
			}
		}},
		{"section", func(b *testing.B) {
			for b.Loop() {
				d.ReadLock(tk)
				d.ReadUnlock(tk)
			}
		}},
		{"spinlock", func(b *testing.B) {
			var l SpinLock
			for b.Loop() {
				l.Lock(tk)
				l.Unlock(tk)
			}
		}},
		{"mutex", func(b *testing.B) {
			var m Mutex
			for b.Loop() {
				m.Lock(tk)
				m.Unlock(tk)
			}
		}},
		{"rwsem-read", func(b *testing.B) {
			var s RWSem
			for b.Loop() {
				s.DownRead(tk)
				s.UpRead(tk)
			}
		}},
		{"rwsem-write", func(b *testing.B) {
			var s RWSem
			for b.Loop() {
				s.DownWrite(tk)
				s.UpWrite(tk)
			}
		}},
		{"slab", func(b *testing.B) {
			s := slabOf(TypeSafe, nil)
			for b.Loop() {
				p, _ := s.Alloc(tk)
				s.Free(tk, p)
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) { b.ReportAllocs(); c.pair(b) })
	}
}
