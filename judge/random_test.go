package judge

import (
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
)

// TestStatementsRoundTrip: whatever the generator makes can be written into a scenario, and read again as the same.
func TestStatementsRoundTrip(t *testing.T) {
	sc, err := workloads.Parse("sequence", []byte(sequenceScenario))
	if err != nil {
		t.Fatal(err)
	}
	window := host.Window{Base: host.DefaultBase, Size: 64 * linux.PageSize, Heap: host.DefaultBase + 32*linux.PageSize}
	w := &world{set: setting{scenario: sc, window: window}, spaces: make([]*space, len(sc.MMs))}
	areas := []area{
		{start: window.Base, end: window.Base + 4*linux.PageSize, prot: 3},
		{start: window.Base + 4*linux.PageSize, end: window.Base + 9*linux.PageSize, prot: 1, shared: true},
	}
	kinds := map[workloads.Kind]bool{}
	for seed := range uint64(60) {
		g := newGenerator(seed, seed)
		g.use(w, areas)
		for range 200 {
			s := g.next()
			kinds[s.Kind] = true
			if s.Kind == workloads.KindFork || s.Kind == workloads.KindExit { // they need more of a scenario around them
				continue
			}
			checkStatementRoundTrip(t, s)
		}
	}
	for _, k := range []workloads.Kind{workloads.KindMmap, workloads.KindMprotect, workloads.KindRemapFilePages, workloads.KindPrctl, workloads.KindPeek, workloads.KindPoke} {
		if !kinds[k] {
			t.Errorf("no %v was made", k)
		}
	}
}

func checkStatementRoundTrip(t *testing.T, s *workloads.Stmt) {
	t.Helper()
	source := strings.Replace(sequenceScenario, "    yield\n", "    "+s.String()+"\n", 1)
	sc, err := workloads.Parse("x", []byte(source))
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	got := sc.Init.Body[0]
	value := func(e *workloads.Expr) uint64 {
		if e == nil {
			return 1<<63 + 1 // no generator makes this
		}
		return e.Value
	}
	switch {
	case got.String() != s.String(), got.Kind != s.Kind, got.Prot != s.Prot, got.Flags != s.Flags, got.Advice != s.Advice,
		got.Backing.Sharing != s.Backing.Sharing, value(got.Addr) != value(s.Addr), value(got.Size) != value(s.Size),
		value(got.NewSize) != value(s.NewSize), value(got.To) != value(s.To), value(got.Value) != value(s.Value),
		value(got.Backing.Offset) != value(s.Backing.Offset), got.Option != s.Option, got.Limit != s.Limit, got.Access != s.Access:
		t.Fatalf("%v is read as %v", s, got)
	}
}
