package ksync

import (
	"math"
	"testing"

	"vmasim/internal/task"
)

func TestSeqcount(t *testing.T) {
	reports := &reports{}
	tk := reports.tasks(1)[0]
	var s Seqcount
	s.WriteBegin(tk)
	if s.ReadAcquire(tk) != 1 || s.ReadOnce(tk) != 1 {
		t.Errorf("inside: %d", s.Peek())
	}
	s.WriteEnd(tk)
	if s.Peek() != 2 {
		t.Errorf("after: %d", s.Peek())
	}
	reports.want(t)
	s.WriteEnd(tk)
	reports.want(t, "seqcount-parity") // the count is odd now
	s.WriteBegin(tk)
	reports.want(t, "seqcount-parity")
}

func TestSeqcountWrapsAround(t *testing.T) {
	tk, ev, reports := observed(0)
	var s Seqcount
	s.Set(math.MaxUint32 - 1)
	s.WriteBegin(tk)
	s.WriteEnd(tk)
	if s.Peek() != 0 || s.ReadAcquire(tk) != 0 {
		t.Errorf("after the wrap: %d", s.Peek())
	}
	reports.want(t)
	if e := ev.after[1]; e.Op != task.OpSeqEnd || e.Old != math.MaxUint32 || e.New != 0 {
		t.Errorf("the end announces %+v", e)
	}
}

// TestSeqcountAdvance: as a plain counter it has no parity.
func TestSeqcountAdvance(t *testing.T) {
	tk, ev, reports := observed(0)
	var s Seqcount
	s.Set(math.MaxUint32)
	s.Advance(tk)
	s.Advance(tk)
	if s.Peek() != 1 {
		t.Errorf("%d after two steps from the last number, expected 1", s.Peek())
	}
	reports.want(t)
	if e := ev.after[0]; e.Op.Info().Order != task.Release || e.Old != math.MaxUint32 || e.New != 0 {
		t.Errorf("the step announces %+v", e)
	}
}

// TestSeqcountReadersNeverSeeHalf: a reader that saw the same even number before and after saw both words of one write.
func TestSeqcountReadersNeverSeeHalf(t *testing.T) {
	r := &reports{}
	var s Seqcount
	var a, b Atomic64
	together(r.tasks(2), func(tk *task.Task) {
		for i := range uint64(3000) {
			if tk.ID == 0 {
				s.WriteBegin(tk)
				a.WriteOnce(tk, i)
				b.WriteOnce(tk, i)
				s.WriteEnd(tk)
				continue
			}
			seq := s.ReadAcquire(tk)
			x, y := a.LoadAcquire(tk), b.LoadAcquire(tk)
			if seq%2 == 0 && s.ReadOnce(tk) == seq && x != y {
				t.Errorf("sequence %d: read %d and %d", seq, x, y)
			}
		}
	})
	r.want(t)
}

// TestSeqcountAdvanceOnce: it moves on by one, and orders nothing.
func TestSeqcountAdvanceOnce(t *testing.T) {
	tk, ev, reports := observed(0)
	var s Seqcount
	s.AdvanceOnce(tk)
	reports.want(t)
	if e := ev.after[0]; s.Peek() != 1 || e.Op != task.OpWriteOnce || e.New != 1 {
		t.Errorf("it is %d, announced as %+v", s.Peek(), e)
	}
}
