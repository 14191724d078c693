package ksync

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"vmasim/internal/task"
)

// BenchmarkSeam compares ten cells, each with its nil check, with the same ten operations on bare words. The two take
// turns, so that what else the machine does hits both; the best turn of each counts.
func BenchmarkSeam(b *testing.B) {
	const perTurn = 1000
	tk := task.New(0, "t", nil)
	bare := &struct {
		x task.Word32
		y task.Word64
		p atomic.Pointer[int]
		c uint64
	}{}
	cells := &struct {
		x Atomic32
		y Atomic64
		p Pointer[int]
		c Plain[uint64]
	}{}
	best := func(best time.Duration, turn func()) time.Duration {
		start := time.Now()
		turn()
		return min(best, time.Since(start))
	}
	bareTime, cellTime := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		bareTime = best(bareTime, func() {
			for range perTurn {
				bare.c += bare.y.Load() + uint64(bare.x.Load())
				if bare.p.Load() != nil {
					bare.c++
				}
				bare.x.Add(1)
				bare.y.CompareAndSwap(1, 2)
				store64(&bare.y, bare.c)
				store32(&bare.x, 1)
			}
		})
		cellTime = best(cellTime, func() {
			for range perTurn {
				cells.c.Write(tk, cells.c.Read(tk)+cells.y.ReadOnce(tk)+uint64(cells.x.LoadAcquire(tk)))
				if cells.p.ReadOnce(tk) != nil {
					cells.c.Write(tk, cells.c.Read(tk)+1)
				}
				cells.x.FetchAdd(tk, 1)
				cells.y.CmpXchg(tk, 1, 2)
				cells.y.StoreRelease(tk, cells.c.Read(tk))
				cells.x.WriteOnce(tk, 1)
			}
		})
	}
	b.ReportMetric(float64(bareTime.Nanoseconds())/perTurn, "bare-ns")
	b.ReportMetric(float64(cellTime.Nanoseconds())/perTurn, "cells-ns")
	b.ReportMetric(float64(cellTime)/float64(bareTime), "cells/bare")
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
