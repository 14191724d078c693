package program

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

// The flags of TestTable.
var (
	tableFlag       = flag.Bool("table", false, "print the tables of scenarios and strategies")
	tableExecutions = flag.Int("table-executions", 200_000, "with -table: executions after which a search is given up")
	tableTime       = flag.Duration("table-time", 20*time.Second, "with -table: the time after which a search is given up")
	tableSeeds      = flag.Int("table-seeds", 20, "with -table: seeds of the random strategies; the median is shown")
)

// effort is what a search took.
type effort struct {
	executions int
	reached    bool // what was searched for; otherwise it was given up
	complete   bool // there was no more to be searched
}

func (e effort) String() string {
	if !e.reached {
		return fmt.Sprintf("> %d", e.executions)
	}
	return strconv.Itoa(e.executions)
}

// rank orders efforts: those that reached nothing come last.
func (e effort) rank() int {
	if e.reached {
		return e.executions
	}
	return math.MaxInt
}

// limits are where searches are given up, and how many seeds a random one has.
type limits struct {
	executions int
	time       time.Duration
	seeds      int
}

func (l limits) search(t *testing.T, sc *workloads.Scenario, spec string, o explore.Options) *explore.Report {
	t.Helper()
	p, err := New(sc, Setting{Rules: spec})
	if err != nil {
		t.Fatal(err)
	}
	o.Executions, o.Time, o.Watch, o.Choices = l.executions, l.time, p.Watch, p.choices()
	r, err := explore.Search(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	return r
}

// toFailure measures the way to the first violation.
func (l limits) toFailure(t *testing.T, sc *workloads.Scenario, spec string, s explore.StrategyInfo) effort {
	t.Helper()
	seeds := l.seeds
	if s.Finishes {
		seeds = 1
	}
	var all []effort
	for seed, failed := 0, 0; seed < seeds && failed <= seeds/2; seed++ {
		r := l.search(t, sc, spec, explore.Options{Strategy: s.Name, Seed: uint64(seed)})
		e := effort{r.Executions, len(r.Violations) > 0, r.Complete}
		if !e.reached {
			failed++
			if failed > seeds/2 { // so is the median
				return e
			}
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y effort) int { return cmp.Compare(x.rank(), y.rank()) })
	return all[len(all)/2]
}

// toCompletion measures a search to its end.
func (l limits) toCompletion(t *testing.T, sc *workloads.Scenario, spec string, s explore.Strategy) effort {
	t.Helper()
	r := l.search(t, sc, spec, explore.Options{Strategy: s})
	if len(r.Violations) > 0 {
		t.Errorf("%s, %s: %v", sc.Name, spec, r.Violations[0].String())
	}
	return effort{r.Executions, r.Complete, r.Complete}
}

// strategies are the columns of a table. Those that remember states are none of them: they take a world that knows its own state.
func strategies(finish bool) (all []explore.StrategyInfo) {
	for _, s := range explore.Strategies() {
		if !s.Name.Remembers() && (s.Finishes || !finish) {
			all = append(all, s)
		}
	}
	return all
}

// table is one in markdown.
type table struct{ strings.Builder }

func (tb *table) row(cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(tb, "| %v ", c)
	}
	tb.WriteString("|\n")
}

func newTable(strategies []explore.StrategyInfo) *table {
	tb := &table{}
	head, line := []any{"scenario", "rules"}, []any{"---", "---"}
	for _, s := range strategies {
		head, line = append(head, s.Name), append(line, "---:")
	}
	tb.row(head...)
	tb.row(line...)
	return tb
}

// failures is the table of what each strategy takes to find the violation that a scenario states first.
func (l limits) failures(t *testing.T, scenarios []*workloads.Scenario) string {
	tb := newTable(strategies(false))
	for _, sc := range scenarios {
		i := slices.IndexFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return !v.Verified() })
		if i < 0 {
			continue
		}
		row := []any{sc.Name, sc.Verdicts[i].Rules}
		first := l.toFailure(t, sc, sc.Verdicts[i].Rules, strategies(false)[0])
		if first.complete && !first.reached {
			continue // what it states is an answer, or comes under a memory model
		}
		row = append(row, first)
		for _, s := range strategies(false)[1:] {
			row = append(row, l.toFailure(t, sc, sc.Verdicts[i].Rules, s))
		}
		tb.row(row...)
	}
	return tb.String()
}

// completions is the table of what it takes to find nothing: under the rules of the kernel.
func (l limits) completions(t *testing.T, scenarios []*workloads.Scenario) string {
	tb := newTable(strategies(true))
	for _, sc := range scenarios {
		if slices.ContainsFunc(sc.Verdicts, func(v *workloads.Verdict) bool { return v.Rules == rules.Default && !v.Verified() }) {
			continue
		}
		row := []any{sc.Name, rules.Default}
		for _, s := range strategies(true) {
			row = append(row, l.toCompletion(t, sc, rules.Default, s.Name))
		}
		tb.row(row...)
	}
	return tb.String()
}

// oneWriterTwoReaders are the sizes by which exploring is measured.
func oneWriterTwoReaders(t *testing.T) (detach, munmap *workloads.Scenario) {
	detach = parse(t, "init\n\tmmap A 4K rw private anon\nthread reader * 2\n\tlock A => ok | EAGAIN\nthread writer\n\tmunmap A\n")
	detach.Name = "detach race, two readers"
	munmap = parse(t, "init\n\tmmap A 4K rw private anon\nthread reader * 2\n\tload A => 0 | SEGV_MAPERR\nthread writer\n\tmunmap A\n")
	munmap.Name = "one munmap, two that fault"
	return detach, munmap
}

func builtin(t testing.TB, names ...string) (all []*workloads.Scenario) {
	t.Helper()
	for _, name := range names {
		sc, err := workloads.LoadBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	return all
}

// replacePart writes a part of docs/performance.md.
func replacePart(t *testing.T, name, text string) {
	t.Helper()
	const manual, end = "../../docs/performance.md", "<!-- end -->"
	old, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	open := "<!-- " + name + " -->\n"
	before, rest, ok := strings.Cut(string(old), open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part %s", manual, name)
	}
	if err := os.WriteFile(manual, []byte(before+open+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTable prints, with -table (and -v, outside this folder), what each strategy takes: to the first violation, and to
// completion under the right rules. With -rewrite it writes both tables into docs/performance.md, for make strategies.
// Without, it makes small ones. Reduction has to leave at most a tenth of all executions of the detach race: with two readers,
// and in the small version with one.
func TestTable(t *testing.T) {
	detach, munmap := oneWriterTwoReaders(t)
	if *tableFlag {
		l := limits{*tableExecutions, *tableTime, *tableSeeds}
		var names []string
		for _, info := range workloads.Litmus() {
			names = append(names, info.Name)
		}
		litmus := builtin(t, names...)
		found, finished := l.failures(t, litmus), l.completions(t, append(litmus, detach, munmap))
		if *rewrite {
			replacePart(t, "litmus-found", found)
			replacePart(t, "litmus-finished", finished)
		} else {
			fmt.Printf("Executions to the first violation; random strategies: the median of %d seeds; >: given up.\n\n%s\n", l.seeds, found)
			fmt.Printf("To completion under the right rules.\n\n%s\n", finished)
		}
	} else {
		l := limits{2000, time.Minute, 3}
		small := builtin(t, "detach-race")
		for _, text := range []string{l.failures(t, small), l.completions(t, small)} {
			if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != 3 || strings.Count(lines[2], "|") != strings.Count(lines[0], "|") {
				t.Errorf("not a table of one scenario:\n%s", text)
			}
		}
		detach = small[0]
	}
	reduced := limits{time: 5 * time.Minute}.toCompletion(t, detach, rules.Default, explore.DPOR)
	plain := limits{executions: 10 * reduced.executions, time: 10 * time.Minute}.toCompletion(t, detach, rules.Default, explore.DFS)
	t.Logf("%s: dpor %v, dfs %v", detach.Name, reduced, plain)
	if !reduced.reached || plain.reached || plain.executions < 10*reduced.executions {
		t.Errorf("%s: dpor took %v, dfs %v: not a tenth", detach.Name, reduced, plain)
	}
}
