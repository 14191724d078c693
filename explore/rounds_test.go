package explore

import (
	"maps"
	"testing"

	"vmasim/internal/task"
)

// TestRoundsMissNothing: over random programs, a search in rounds, however short they are, finds what one in one piece finds, in about as many
// executions, and one that goes through every interleaving.
func TestRoundsMissNothing(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 5
	}
	choices := []task.Choice{task.AllocFails, task.ReuseLater, task.GraceDelayed}
	compared, plain, one, rounds := 0, 0, 0, 0
	for seed := range seeds {
		for _, o := range []Options{{}, {Choices: choices}, {Memory: MemoryModel{Views: true, Limit: 1}}} {
			o.KeepGoing = 100
			whole := explored(t, apart{generate(90_000 + seed)}, o)
			every := o
			every.Strategy, every.Executions = DFS, 3_000
			if all := explored(t, apart{generate(90_000 + seed)}, every); !all.Stopped {
				plain++
				if got, want := keysOf(whole), keysOf(all); !maps.Equal(got, want) {
					t.Fatalf("seed %d, %s: %v, by every interleaving %v", seed, o.Memory, got, want)
				}
			}
			for _, alone := range []int{1, 3, 10} {
				o.aloneFor = alone
				r := explored(t, apart{generate(90_000 + seed)}, o)
				if got, want := keysOf(r), keysOf(whole); !maps.Equal(got, want) || !r.Complete {
					t.Fatalf("seed %d, %s, rounds of %d: %v, in one piece %v", seed, o.Memory, alone, got, want)
				}
				compared, one, rounds = compared+1, one+whole.Executions, rounds+r.Executions
			}
		}
	}
	t.Logf("%d searches, %d held against every interleaving: %d executions in one piece, %d in rounds", compared, plain, one, rounds)
	if one < 20*compared/2 || rounds > one+one/50 || rounds < one-one/50 {
		t.Errorf("%d searches: %d executions in one piece, %d in rounds", compared, one, rounds)
	}
}

// TestRoundsEnd: where many branches are live, none is taken apart, and the search comes to its end all the same.
func TestRoundsEnd(t *testing.T) {
	whole := explored(t, newDetachRace(t, 2, 1, 1, ""), Options{aloneFor: 1 << 30})
	x := newExecutor(newDetachRace(t, 2, 1, 1, ""), &Options{})
	defer x.close()
	p, most, made := &roundsPlan{o: &Options{aloneFor: 5}}, 0, 0
	for n, left := 0, true; p.more(n, left); n++ {
		ph, err := p.phase(x, n)
		if err != nil {
			t.Fatal(err)
		}
		left = false
		for i := 0; ph.part(i) != nil; i++ {
			part := ph.part(i)
			x.use(part)
			for part.next() {
				if _, err := x.run(); err != nil {
					t.Fatal(err)
				}
				made++
			}
			left, most = left || part.leftOut(), max(most, i+1)
		}
		if ph.done < 0 || ph.done > ph.total {
			t.Fatalf("round %d: %g of %g is done", n, ph.done, ph.total)
		}
	}
	if most < 2*enoughLive || made > whole.Executions*101/100 || made < whole.Executions*99/100 {
		t.Errorf("at most %d branches, %d executions, in one piece %d", most, made, whole.Executions)
	}
}
