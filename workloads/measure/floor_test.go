package measure

import (
	"bytes"
	"fmt"
	"testing"

	"vmasim/internal/linux"
)

func TestZeroFramesZeroesEachInTurn(t *testing.T) {
	z := NewZeroFrames(4)
	for i := range z.arena {
		z.arena[i] = 1
	}
	z.Zero(3)
	if bytes.Count(z.arena, []byte{0}) != 3*linux.PageSize || z.arena[3*linux.PageSize] != 1 {
		t.Error("not exactly the first three frames were zeroed")
	}
	z.Zero(2)
	if bytes.Count(z.arena, []byte{0}) != 4*linux.PageSize || z.next != linux.PageSize {
		t.Errorf("the frames do not go round: next at %d", z.next)
	}
}

func TestReferencesPair(t *testing.T) {
	r := NewReferences()
	r.Pair(10)
	if got := r.count.Load(); got != 1 {
		t.Errorf("%d references left, want 1", got)
	}
	r.count.Store(0)
	if r.Pair(1); r.count.Load() != 0 {
		t.Error("a reference was taken to an object without one")
	}
}

// TestMemory: reads go through every line before they come to the first one again.
func TestMemory(t *testing.T) {
	m := NewMemory(1000 * 64)
	seen := map[uint64]bool{}
	for range 1000 {
		m.Read(1)
		seen[m.at] = true
	}
	if len(seen) != 1000 || m.at != 0 {
		t.Errorf("%d of 1000 lines read, the last is %d", len(seen), m.at)
	}
}

func TestPingPong(t *testing.T) {
	p := new(PingPong)
	done := make(chan struct{})
	go func() { p.Play(1, 1000); close(done) }()
	p.Play(0, 1000)
	<-done
	if got := p.turn.Load(); got != 2000 {
		t.Errorf("the line was taken %d times, want 2000", got)
	}
}

// BenchmarkFloor prints what no simulated fault can undercut on this machine.
func BenchmarkFloor(b *testing.B) {
	c := New("floor")
	c.Add("zero", Loop(NewZeroFrames(64).Zero))
	c.Add("references", Loop(NewReferences().Pair))
	var res *Result
	for b.Loop() {
		res = c.Run()
	}
	fmt.Fprintln(b.Output(), res)
}
