package measure

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRatioOfKnownWorkloads(t *testing.T) {
	c, m := newFake()
	c.Add("slow", Loop(func(n int) { m.work(time.Duration(n)*300, 1) }))
	c.Add("fast", Loop(func(n int) { m.work(time.Duration(n)*100, 1) }))
	c.Add("half", Loop(func(n int) { m.work(time.Duration(n)*50, 1) }))
	res := c.Run()
	if got, want := res.Ratio("slow", "fast"), (Interval{3, 3, 3, 11, true}); got != want {
		t.Errorf("slow/fast = %v, want %v", got, want)
	}
	if got, want := res.Ratio("slow", "fast", "half"), (Interval{2, 2, 2, 11, true}); got != want {
		t.Errorf("slow/(fast+half) = %v, want %v", got, want)
	}
	if got := res.NS("fast").Median; got != 100 {
		t.Errorf("fast takes %v ns, want 100", got)
	}
	if dropped, of := res.Dropped(); dropped != 0 || of != 33 {
		t.Errorf("dropped %d of %d, want 0 of 33", dropped, of)
	}
}

// A drift of the machine changes both candidates of a round alike, so the ratio must not see it.
func TestRatioIsTakenWithinRounds(t *testing.T) {
	c, m := newFake(Rounds(20))
	cost := time.Duration(100)
	c.Add("one", Workload{Ops: 10, Body: func(_, n int) { m.work(time.Duration(n)*cost, 1) }})
	c.Add("two", Workload{Ops: 10, Body: func(_, n int) { m.work(time.Duration(n)*2*cost, 1) }})
	samples := 0
	c.Add("drift", Workload{Ops: 10, Body: func(_, n int) {
		m.work(time.Duration(n), 1)
		if samples++; samples%10 == 0 {
			cost *= 2
		}
	}})
	res := c.Run()
	if ns := res.NS("one"); ns.Max < 2*ns.Min {
		t.Fatalf("the machine did not drift: %v", ns)
	}
	if got := res.Ratio("two", "one"); got.Median != 2 {
		t.Errorf("ratio %v, want a median of 2", got)
	}
}

func TestOrderRotates(t *testing.T) {
	c, m := newFake(Rounds(3))
	var order []string
	for _, name := range []string{"a", "b", "c"} {
		c.Add(name, Workload{Ops: 1, Body: func(_, n int) {
			order = append(order, name)
			m.work(time.Microsecond, 1)
		}})
	}
	c.Run()
	got := strings.Join(order[3:], "") // the first three are warm-up
	if want := "abc" + "bca" + "cab"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

func TestStarvedSampleIsDroppedAndTakenAgain(t *testing.T) {
	c, m := newFake(Rounds(4), Retries(3), Quiet(0.06, time.Second))
	runs := 0
	c.Add("x", Workload{Ops: 10, Body: func(_, n int) {
		if runs++; runs == 3 || runs == 4 { // twice in the second round: run 1 is the warm-up
			m.work(time.Duration(n)*1000, 0.5)
			return
		}
		m.work(time.Duration(n)*100, 0.95)
	}})
	res := c.Run()
	if got := res.NS("x"); got != (Stat{100, 100, 100}) {
		t.Errorf("starved samples counted: %v", got)
	}
	if dropped, of := res.Dropped("x"); dropped != 2 || of != 6 {
		t.Errorf("dropped %d of %d, want the 2 that were taken again, of 6", dropped, of)
	}
	if runs != 1+4+2 {
		t.Errorf("%d runs, want 7", runs)
	}
	if want := []int{0, 0, 0, 1, 2, 0, 0}; !slices.Equal(m.pins, want) {
		t.Errorf("CPUs %v, want %v: a retry goes to another CPU", m.pins, want)
	}
	if want := []time.Duration{time.Second, 0, 0}; !slices.Equal(m.waits, want) {
		t.Errorf("waited with patience %v, want %v: one patience for the whole run", m.waits, want)
	}
	if m.pinned != 0 {
		t.Errorf("%d threads left pinned", m.pinned)
	}
}

func TestHopelessSampleIsKeptAndMarked(t *testing.T) {
	c, m := newFake(Rounds(3), Retries(2))
	runs := 0
	shares := []float64{1, 0.3, 0.6, 0.5, 1, 1}
	c.Add("x", Workload{Ops: 1, Body: func(_, n int) {
		m.work(time.Duration(100/shares[runs]), shares[runs])
		runs++
	}})
	res := c.Run()
	if dropped, of := res.Dropped(); dropped != 3 || of != 5 {
		t.Errorf("dropped %d of %d, want 3 of 5", dropped, of)
	}
	if got := res.Ratio("x"); got.N != 2 {
		t.Errorf("%d rounds count, want 2", got.N)
	}
	if got := res.NS("x").Max; got < 160 || got > 170 {
		t.Errorf("kept the sample of %v ns, want the least bad one, 166 ns", got)
	}
}

// However starved, a Run ends: its retries are bounded in time as well as in number.
func TestRetriesOfARunAreBoundedInTime(t *testing.T) {
	c, m := newFake(Rounds(10), Retries(100))
	runs := 0
	c.Add("x", Workload{Ops: 1, Body: func(int, int) {
		runs++
		m.work(time.Second, 0.5)
	}})
	res := c.Run()
	if want := 1 + 10 + 2; runs != want {
		t.Errorf("%d runs of a second each, want %d: two seconds of retries", runs, want)
	}
	if dropped, of := res.Dropped(); dropped != 12 || of != 12 {
		t.Errorf("dropped %d of %d, want all 12", dropped, of)
	}
}

func TestFloatingThreadIsJudgedByWhatOthersUse(t *testing.T) {
	c, m := newFake(Rounds(1), Retries(0))
	c.Add("blocked", Workload{Ops: 1, Float: true, Body: func(int, int) { m.wall += 100 }})
	c.Add("starved", Workload{Ops: 1, Float: true, Body: func(int, int) { m.work(100, 0.5) }})
	res := c.Run()
	if dropped, _ := res.Dropped("blocked"); dropped != 0 {
		t.Error("a thread that only blocked counts as starved")
	}
	if dropped, _ := res.Dropped("starved"); dropped != 1 {
		t.Error("a thread that lost its CPU to others counts as good")
	}
	c.Add("many", Workload{Ops: 1, Threads: 16, Float: true, Body: func(int, int) {}})
	if dropped, _ := c.Run().Dropped("many"); dropped != 0 {
		t.Error("threads that nothing else keeps from the CPUs there are count as starved")
	}
	if len(m.pins) != 0 {
		t.Error("a floating thread was pinned")
	}
}

func TestCalibration(t *testing.T) {
	c, m := newFake(Rounds(1), SampleTime(time.Millisecond))
	c.Add("free", Loop(func(n int) { m.work(time.Duration(n)*100, 1) }))
	c.Add("passes", Workload{PassOps: 48, Body: func(_, n int) {
		if n != 48 {
			t.Errorf("a pass of %d operations, want 48", n)
		}
		m.work(time.Duration(n)*100, 1)
	}})
	c.Add("floating", Workload{Float: true, Body: func(_, n int) { m.work(time.Duration(n)*100, 1) }})
	c.Run()
	if took := time.Duration(c.candidates[2].ops) * 100; took < floatElapsed || took > 2*floatElapsed {
		t.Errorf("a floating sample takes %v, want about %v", took, floatElapsed)
	}
	for _, cand := range c.candidates[:2] {
		if took := time.Duration(cand.ops) * 100; took < time.Millisecond || took > 3*time.Millisecond {
			t.Errorf("%s: %d operations take %v, want about 1ms", cand.name, cand.ops, took)
		}
	}
	if ops := c.candidates[1].ops; ops%48 != 0 {
		t.Errorf("%d operations are no whole passes of 48", ops)
	}
}

func TestSameNameTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c, _ := newFake()
	c.Add("x", Loop(func(int) {}))
	c.Add("x", Loop(func(int) {}))
}
