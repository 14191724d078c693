package ksync

import (
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"vmasim/internal/task"
)

func TestRefcountOperations(t *testing.T) {
	type outcome struct {
		count  int32 // afterwards
		oracle string
	}
	const limit = 100
	inc := func(r *Refcount, t *task.Task) any { r.Inc(t); return nil }
	incNotZero := func(r *Refcount, t *task.Task) any { return r.IncNotZero(t) }
	limited := func(r *Refcount, t *task.Task) any { _, ok := r.IncNotZeroLimitedAcquire(t, limit); return ok }
	more := func(r *Refcount, t *task.Task) any { _, ok := r.IncMoreThanOneLimitedAcquire(t, limit); return ok }
	fromZero := func(r *Refcount, t *task.Task) any { _, ok := r.IncLimitedAcquire(t, limit); return ok }
	relaxed := func(r *Refcount, t *task.Task) any { return r.DecRelaxed(t) }
	add := func(r *Refcount, t *task.Task) any { return r.AddNotZero(t, 10) }
	sub := func(r *Refcount, t *task.Task) any { return r.SubRelease(t, 10) }
	dec := func(r *Refcount, t *task.Task) any { return r.DecAndTest(t) }
	const under, over = "refcount-underflow", "refcount-overflow"
	for _, c := range []struct {
		name   string
		from   int32
		do     func(*Refcount, *task.Task) any
		result any
		want   outcome
	}{
		{"inc", 1, inc, nil, outcome{2, ""}},
		{"inc of nothing", 0, inc, nil, outcome{1, under}},
		{"inc saturates", RefMax, inc, nil, outcome{RefMax, over}},
		{"inc not zero", 1, incNotZero, true, outcome{2, ""}},
		{"inc not zero declines", 0, incNotZero, false, outcome{0, ""}},
		{"inc not zero saturates", RefMax, incNotZero, true, outcome{RefMax, over}},
		{"limited", limit - 1, limited, true, outcome{limit, ""}},
		{"limited at the limit", limit, limited, false, outcome{limit, ""}},
		{"limited above", RefMax, limited, false, outcome{RefMax, ""}},
		{"limited declines", 0, limited, false, outcome{0, ""}},
		{"more than one", 2, more, true, outcome{3, ""}},
		{"more than one declines", 1, more, false, outcome{1, ""}},
		{"more than one declines none", 0, more, false, outcome{0, ""}},
		{"more than one at the limit", limit, more, false, outcome{limit, ""}},
		{"limited from zero", 0, fromZero, true, outcome{1, ""}},
		{"limited from zero, at the limit", limit, fromZero, false, outcome{limit, ""}},
		{"add", 1, add, true, outcome{11, ""}},
		{"add declines", 0, add, false, outcome{0, ""}},
		{"add saturates", RefMax - 9, add, true, outcome{RefMax, over}},
		{"add to the brim", RefMax - 10, add, true, outcome{RefMax, ""}},
		{"sub", 12, sub, int32(2), outcome{2, ""}},
		{"sub to zero", 10, sub, int32(0), outcome{0, ""}},
		{"sub too much", 9, sub, int32(-1), outcome{0, under}},
		{"dec", 2, dec, int32(1), outcome{1, ""}},
		{"dec to zero", 1, dec, int32(0), outcome{0, ""}},
		{"dec relaxed", 2, relaxed, int32(1), outcome{1, ""}},
		{"dec relaxed of nothing", 0, relaxed, int32(-1), outcome{0, under}},
		{"dec of nothing", 0, dec, int32(-1), outcome{0, under}},
	} {
		for _, watched := range []bool{false, true} {
			tk, ev, reports := observed(0)
			if !watched {
				tk.Observer = nil
			}
			var r Refcount
			r.Init(c.from)
			if got := c.do(&r, tk); got != c.result {
				t.Errorf("%s: %v, want %v", c.name, got, c.result)
			}
			if r.Peek() != c.want.count {
				t.Errorf("%s leaves %d, want %d", c.name, r.Peek(), c.want.count)
			}
			if c.want.oracle == "" {
				reports.want(t)
			} else {
				reports.want(t, c.want.oracle)
			}
			if watched && (len(ev.after) != 1 || ev.after[0].Old != uint64(c.from) || ev.after[0].New != uint64(c.want.count)) {
				t.Errorf("%s announces %+v", c.name, ev.after)
			}
		}
	}
}

func TestRefcountSetRelease(t *testing.T) {
	tk, ev, _ := observed(0)
	var r Refcount
	r.SetRelease(tk, 3)
	if r.Read(tk) != 3 || ev.after[0].New != 3 || ev.after[1].Old != 3 {
		t.Errorf("count %d, announced %+v", r.Peek(), ev.after)
	}
	tk.Observer = nil
	r.SetRelease(tk, 4)
	if r.Read(tk) != 4 {
		t.Errorf("count %d", r.Peek())
	}
}

// TestRefcountModel compares random operations, observed or not, with a plain number.
func TestRefcountModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tk, _, _ := observed(0)
		var r Refcount
		r.Init(1)
		model := int32(1)
		watcher := tk.Observer
		for range rapid.IntRange(1, 40).Draw(rt, "n") {
			tk.Observer = nil
			if rapid.Bool().Draw(rt, "observed") {
				tk.Observer = watcher
			}
			switch rapid.IntRange(0, 3).Draw(rt, "op") {
			case 0:
				if r.IncNotZero(tk) != (model > 0) {
					rt.Fatalf("IncNotZero at %d", model)
				}
				if model > 0 {
					model++
				}
			case 1:
				old, ok := r.IncNotZeroLimitedAcquire(tk, 5)
				if old != model || ok != (model > 0 && model < 5) {
					rt.Fatalf("limited at %d: %d, %v", model, old, ok)
				}
				if ok {
					model++
				}
			case 2:
				if got := r.DecAndTest(tk); got != model-1 {
					rt.Fatalf("DecAndTest at %d: %d", model, got)
				}
				model = max(model-1, 0)
			case 3:
				if got := r.SubRelease(tk, 2); got != model-2 {
					rt.Fatalf("SubRelease at %d: %d", model, got)
				}
				model = max(model-2, 0)
			}
			if r.Peek() != model {
				rt.Fatalf("count %d, model %d", r.Peek(), model)
			}
		}
	})
}

// TestRefcountLastOneSeesZero: with all references taken and dropped in parallel, exactly one drop sees zero, and the
// limit is never passed.
func TestRefcountLastOneSeesZero(t *testing.T) {
	const limit = 3
	for range 200 {
		reports := &reports{}
		var r Refcount
		r.Init(1)
		var zeros atomic.Int32
		together(reports.tasks(4), func(tk *task.Task) {
			for range 50 {
				if old, ok := r.IncNotZeroLimitedAcquire(tk, limit); ok {
					if old >= limit {
						t.Errorf("took a reference at %d", old)
					}
					if r.DecAndTest(tk) == 0 {
						zeros.Add(1)
					}
				}
			}
			if tk.ID == 0 && r.DecAndTest(tk) == 0 {
				zeros.Add(1)
			}
		})
		if zeros.Load() != 1 || r.Peek() != 0 {
			t.Fatalf("%d drops saw zero, count %d", zeros.Load(), r.Peek())
		}
		reports.want(t)
	}
}

func TestRefcountWithoutReporterPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("nobody heard of the underflow")
		}
	}()
	var r Refcount
	r.DecAndTest(task.New(0, "t", nil))
}
