package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vmasim/explore/lkmm"
)

func buffering(s Strategy) Options { return Options{Strategy: s, Memory: MemoryModel{TSO: true}} }

// TestLitmusTestsUnderTSO holds the buffers to what is known of x86, and the reduced search to the plain one.
func TestLitmusTestsUnderTSO(t *testing.T) {
	for _, c := range []struct {
		name, program, asked string
		allowed              bool
	}{
		{"SB", "W x 1; R y | W y 1; R x", "0:0=0 1:0=0", true},
		{"SB+rel+acq", "Wrel x 1; Racq y | Wrel y 1; Racq x", "0:0=0 1:0=0", true},
		{"SB+wmb+rmb", "W x 1; wmb; rmb; R y | W y 1; rmb; R x", "0:0=0 1:0=0", true},
		{"SB+mb+po", "W x 1; mb; R y | W y 1; R x", "0:0=0 1:0=0", true},
		{"SB+mbs", "W x 1; mb; R y | W y 1; mb; R x", "0:0=0 1:0=0", false},
		{"SB+xchg", "xchg x 1; R y | xchg y 1; R x", "0:1=0 1:1=0", false},
		{"SB+increments", "W x 1; inc r; R y | W y 1; inc s; R x", "0:0=0 1:0=0", true}, // of 0: they fail, and are loads
		{"SB+locks", "W x 1; lock a; unlock a; R y | W y 1; lock b; unlock b; R x", "0:0=0 1:0=0", false},
		{"SB+unlocks", "lock a; W x 1; unlock a; R y | lock b; W y 1; unlock b; R x", "0:0=0 1:0=0", true},
		{"SB+grace periods", "W x 1; sync; R y | W y 1; sync; R x", "0:0=0 1:0=0", false},
		{"SB+sections", "rcu; W x 1; R y; unrcu | rcu; W y 1; R x; unrcu", "0:0=0 1:0=0", true},
		{"RCU-SB", "rcu; W x 1; R y; unrcu | W y 1; sync; R x", "0:0=0 1:0=0", false},
		{"n6", "W x 1; R x; R y | W y 1; W x 2", "0:0=1 0:1=0 x=1", true},
		{"n5", "W x 1; R x | W x 2; R x", "0:0=2 1:0=1", false},
		{"n4", "R x; W x 1 | R x; W x 2", "0:0=2 1:0=1", false},
		{"SB+rfi-po", "W x 1; R x; R y | W y 1; R y; R x", "0:0=1 0:1=0 1:0=1 1:1=0", true},
		{"MP", "W x 1; W y 1 | R y; R x", "1:0=1 1:1=0", false},
		{"MP behind a store", "W x 1; W y 1 | W z 1; R y; R x", "1:0=1 1:1=0", false},
		{"LB", "R x; W y 1 | R y; W x 1", "0:0=1 1:0=1", false},
		{"S", "W x 2; W y 1 | R y; W x 1", "1:0=1 x=2", false},
		{"R", "W x 1; W y 1 | W y 2; R x", "1:0=0 y=2", true},
		{"R+po+mb", "W x 1; W y 1 | W y 2; mb; R x", "1:0=0 y=2", false},
		{"2+2W", "W x 1; W y 2 | W y 1; W x 2", "x=1 y=1", false},
		{"WRC", "W x 1 | R x; W y 1 | R y; R x", "1:0=1 2:0=1 2:1=0", false},
		{"IRIW", "W x 1 | R x; R y | W y 1 | R y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", false},
		{"IRIW behind stores", "W x 1 | W z 1; R x; R y | W y 1 | W w 1; R y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", false},
		{"RWC", "W x 1 | R x; R y | W y 1; R x", "1:0=1 1:1=0 2:0=0", true},
		{"RWC+mb", "W x 1 | R x; R y | W y 1; mb; R x", "1:0=1 1:1=0 2:0=0", false},
	} {
		p := newWeakProgram(c.program, finals(c.asked)...)
		r, all := explored(t, p, buffering(DPOR)), explored(t, p, buffering(DFS))
		seen := false
		for o := range r.DistinctOutcomes {
			seen = seen || lkmm.Holds(o, c.asked)
		}
		if seen != c.allowed || !r.Complete {
			t.Errorf("%s: %s is seen: %t, expected %t; complete %t", c.name, c.asked, seen, c.allowed, r.Complete)
		}
		if a, b := slices.Sorted(maps.Keys(r.DistinctOutcomes)), slices.Sorted(maps.Keys(all.DistinctOutcomes)); !slices.Equal(a, b) {
			t.Errorf("%s: the reduced search sees %v, the plain one %v", c.name, a, b)
		}
		t.Logf("%-28s %t, %d executions, %d not reduced", c.name, seen, r.Executions, all.Executions)
	}
}

// randomBuffered draws a program in which loads stand behind stores more often than in [randomWeak].
func randomBuffered(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 11))
	words := []string{"x", "y", "z"}[:2+r.IntN(2)]
	threads := make([]string, 2+r.IntN(3))
	for i := range threads {
		n := 2 + r.IntN(2)
		if len(threads) == 2 {
			n += r.IntN(3)
		}
		if len(threads) == 4 {
			n = 1 + r.IntN(2)
		}
		body := make([]string, n)
		for j := range body {
			word, value := words[r.IntN(len(words))], 10*(i+1)+j
			switch k := r.IntN(12); {
			case k < 4 || j == 0 && k < 7:
				body[j] = fmt.Sprintf("W %s %d", word, value)
			case k == 10:
				body[j] = []string{"mb", "mb", "wmb", "rmb"}[r.IntN(4)]
			case k == 11:
				body[j] = fmt.Sprintf("xchg %s %d", word, value)
			default:
				body[j] = []string{"R ", "Racq "}[r.IntN(2)] + word
			}
		}
		threads[i] = strings.Join(body, "; ")
	}
	return strings.Join(threads, " | ")
}

// TestTSOIsExact: a random program has the outcomes that the machine with buffers gives it, all and no others.
func TestTSOIsExact(t *testing.T) {
	programs := uint64(3000)
	if testing.Short() {
		programs = 300
	}
	compared, weaker := 0, 0
	for seed := range programs {
		text := randomBuffered(seed)
		p, err := lkmm.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(p, func(body []lkmm.Instr) bool { return readsOften(body) }) {
			continue
		}
		o := buffering(DPOR)
		o.Executions = 50_000
		r := explored(t, newWeakProgram(text, p.Vars()...), o)
		if !r.Complete {
			continue
		}
		compared++
		if got, want := slices.Sorted(maps.Keys(r.DistinctOutcomes)), lkmm.Names(p.TSO()); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %s:\n%s\nexpected\n%s", seed, text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if sc := explored(t, newWeakProgram(text, p.Vars()...), Options{}); len(sc.DistinctOutcomes) < len(r.DistinctOutcomes) {
			weaker++
		}
	}
	t.Logf("%d programs compared, %d of them with outcomes that are not sequentially consistent", compared, weaker)
	if compared < int(programs)*3/4 || weaker < compared/20 {
		t.Errorf("only %d programs were compared, %d of them weaker than sc", compared, weaker)
	}
}
