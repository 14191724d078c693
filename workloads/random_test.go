package workloads

import (
	"math/rand/v2"
	"strings"
	"testing"

	"vmasim/internal/linux"
)

// drawScenario is what statements are drawn for. The statement that is tried stands in place of yield.
const drawScenario = `mm child grandchild
file F temp 48K pattern
file P pipe
file C closed
init
    yield
`

// testView is an address space of which the layout is given, with the first child forked.
type testView []Mapping

const testBase, testEnd = 1 << 45, 1<<45 + 64*linux.PageSize

func (testView) Window() (base, end uint64) { return testBase, testEnd }
func (testView) Heap() uint64               { return testBase + 32*linux.PageSize }
func (v testView) Areas() int               { return len(v) }
func (v testView) Area(i int) Mapping       { return v[i] }
func (testView) Exists(mm int) bool         { return mm < 2 }

var testViews = []testView{
	nil,
	{{testBase, testBase + linux.PageSize, 3, false}},
	{{testBase + 2*linux.PageSize, testBase + 9*linux.PageSize, 3, false}, {testBase + 9*linux.PageSize, testBase + 11*linux.PageSize, 1, true},
		{testEnd - linux.PageSize, testEnd, 0, false}},
}

func testGenerator(t *testing.T, seed uint64, kinds ...Kind) *Generator {
	t.Helper()
	sc, err := Parse("drawn", []byte(drawScenario))
	if err != nil {
		t.Fatal(err)
	}
	return NewGenerator(sc, rand.New(rand.NewPCG(seed, 1)), kinds...)
}

// TestEveryCallIsDrawn checks that each statement which gives a result has a weight and is drawn, if it is one of a kernel's or asked for.
func TestEveryCallIsDrawn(t *testing.T) {
	drawn := map[Kind]int{}
	for seed := range uint64(40) {
		g := testGenerator(t, seed)
		for i := range 200 {
			s := g.Next(testViews[i%len(testViews)])
			if drawn[s.Kind]++; !g.Draws(s.Kind) {
				t.Fatalf("%v is drawn, and Draws denies it", s)
			}
		}
	}
	for _, s := range specs {
		if want := s.Results != 0 && s.needs != onSimulator; want != (drawn[s.Kind] > 0) {
			t.Errorf("%v is drawn %d times", s.Kind, drawn[s.Kind])
		}
		if s.Results != 0 && !testGenerator(t, 1, s.Kind).Draws(s.Kind) {
			t.Errorf("%v is asked for, and not drawn", s.Kind)
		}
	}
}

// TestDrawnStatementsRoundTrip checks that what is drawn can be written into a scenario, and read again as the same.
func TestDrawnStatementsRoundTrip(t *testing.T) {
	for seed := range uint64(60) {
		g := testGenerator(t, seed)
		for i := range 200 {
			s := g.Next(testViews[i%len(testViews)])
			if s.Kind == KindFork || s.Kind == KindExit { // they need more of a scenario around them
				continue
			}
			checkDrawn(t, s)
		}
	}
}

func checkDrawn(t *testing.T, s *Stmt) {
	t.Helper()
	sc, err := Parse("x", []byte(strings.Replace(drawScenario, "    yield\n", "    "+s.String()+"\n", 1)))
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	got := sc.Init.Body[0]
	value := func(e *Expr) uint64 {
		if e == nil {
			return 1<<63 + 1 // which is never drawn
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

// TestDrawnRanges checks that ranges lie in the window, and that every border of what is mapped is drawn.
func TestDrawnRanges(t *testing.T) {
	for _, v := range testViews {
		g := testGenerator(t, 1, KindMunmap)
		g.features = 0 // no bad values
		seen := map[uint64]bool{}
		for range 3000 {
			s := g.Next(v)
			start, end := s.Addr.Value, s.Addr.Value+s.Size.Value
			seen[start], seen[end] = true, true
			if start < testBase || end > testEnd || start >= end || (start|end)&linux.PageMask != 0 {
				t.Fatalf("%v leaves the window", s)
			}
			if g.byteOf(s); s.Addr.Value < testBase || s.Addr.Value >= testEnd || s.Addr.Value%8 != 0 {
				t.Fatalf("a word at %v", s.Addr)
			}
		}
		for _, a := range v {
			if !seen[a.Start] || !seen[a.End] {
				t.Errorf("a border of %v is not drawn", a)
			}
		}
	}
}

// TestSameSeedSameStatements checks that nothing but the seed decides.
func TestSameSeedSameStatements(t *testing.T) {
	draw := func(seed uint64) string {
		g, text := testGenerator(t, seed), ""
		for range 100 {
			text += g.Next(testViews[2]).String() + "\n"
		}
		return text
	}
	first, again, other := draw(7), draw(7), draw(8)
	if first != again {
		t.Error("one seed draws differently")
	}
	if first == other {
		t.Error("two seeds draw alike")
	}
}
