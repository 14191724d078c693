package program

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/mm"
	"vmasim/workloads"
)

// handMade makes a world after an execution in which every statement had the result that it states, and what came before
// each: those of its task, and what order says, as in "a.1 < b.1".
func handMade(t *testing.T, src, order string) (*world, []statements) {
	t.Helper()
	sc := parse(t, src)
	p := newProgramOf(t, sc)
	a := &world{p: p, mms: make([]*mm.MM, 1)}
	index := map[string]int{}
	var before []statements
	perform := func(r *runner, log []entry) []entry {
		var earlier statements
		for n, s := range r.block.Body {
			e := entry{slot: -1, stmt: s, runner: r, outcome: stated(t, s), made: -1}
			if r != a.setup {
				index[fmt.Sprintf("%s.%d", r.block.Name, n+1)] = len(log)
				e.nth = len(log)
				before = append(before, earlier)
				earlier |= 1 << len(log)
			}
			if s.Kind == workloads.KindFork {
				e.made = len(a.mms)
				a.mms = append(a.mms, nil)
			}
			log = append(log, e)
		}
		return log
	}
	a.setup = &runner{world: a, block: sc.Init}
	a.prologue = perform(a.setup, nil)
	env := sc.Init.NewEnv(0, 0, nil)
	for i := range a.prologue {
		newEvent(&a.prologue[i], i, env)
	}
	a.regions = env.Regions
	for _, th := range sc.Threads {
		r := &runner{world: a, block: &th.Block}
		if th.MM.Index > 0 {
			r.space = 1 // the child of the fork
		}
		first := len(a.log)
		a.log = perform(r, a.log)
		for i := range a.log[first:] {
			a.log[first+i].space = r.space
		}
	}
	for pair := range strings.SplitSeq(order, ",") {
		if x, y, ok := strings.Cut(pair, " < "); ok {
			before[index[strings.TrimSpace(y)]] |= 1 << index[strings.TrimSpace(x)]
		}
	}
	return a, before
}

func newProgramOf(t *testing.T, sc *workloads.Scenario) *Program {
	t.Helper()
	p, err := New(sc, Setting{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// stated returns the result that a statement states; an mmap has to be at the address that it names.
func stated(t *testing.T, s *workloads.Stmt) (out workloads.Outcome) {
	t.Helper()
	if s.Expect != nil {
		r := &s.Expect.Results[0]
		out = workloads.Outcome{Kind: r.Kind, Errno: r.Errno}
		if r.Kind == workloads.ResultValue {
			out = workloads.Outcome{Value: r.Value.Value}
		}
	}
	if s.Kind == workloads.KindMmap && out == (workloads.Outcome{}) {
		out.Value = s.Addr.Value
	}
	return out
}

const twoPages = `
init
	mmap A 8K rw private anon at 0x100000000 fixed
	store A 1
	store A+4K 2
`

const onePage = `
init
	mmap A 4K rw private anon at 0x100000000 fixed
`

const twoVMAs = `
init
	mmap A 4K r private anon at 0x100000000 fixed
	mmap B 4K none private anon at 0x100001000 fixed
`

// manyWays are threads of which each order gives the same.
var manyWays = func() (src string) {
	for i := range 4 {
		src += fmt.Sprintf("thread t%d\n", i) + strings.Repeat("\tload A+4K => 2\n", 4)
	}
	return src
}()

// TestHandMadeHistories: what some order of the statements explains, and what none does.
func TestHandMadeHistories(t *testing.T) {
	for name, c := range map[string]struct {
		src, order string
		explained  bool
	}{
		"a load before":                {twoPages + "thread a\n\tstore A 5\nthread b\n\tload A => 1\n", "", true},
		"a load after":                 {twoPages + "thread a\n\tstore A 5\nthread b\n\tload A => 5\n", "", true},
		"a value from nowhere":         {twoPages + "thread a\n\tstore A 5\nthread b\n\tload A => 6\n", "", false},
		"an old value, too late":       {twoPages + "thread a\n\tstore A 5\nthread b\n\tload A => 1\n", "a.1 < b.1", false},
		"a value taken back":           {twoPages + "thread a\n\tstore A 5\nthread b\n\tload A => 5\n\tload A => 1\n", "", false},
		"one order for all":            {twoPages + "thread a\n\tstore A 5\nthread b\n\tstore A 6\nthread c\n\tload A => 5\n\tload A => 6\nthread d\n\tload A => 6\n\tload A => 5\n", "", false},
		"pages of a munmap, in turn":   {twoPages + "thread a\n\tmunmap A\nthread b\n\tload A => SEGV_MAPERR\n\tload A+4K => 2\n", "", true},
		"pages of a munmap, backwards": {twoPages + "thread a\n\tmunmap A\nthread b\n\tload A+4K => SEGV_MAPERR\n\tload A => 1\n", "", false},
		"a page that comes back":       {twoPages + "thread a\n\tmunmap A\nthread b\n\tload A => SEGV_MAPERR\n\tload A => 1\n", "", false},
		"a page after its munmap":      {twoPages + "thread a\n\tmunmap A\nthread b\n\tload A => 1\n", "a.1 < b.1", false},
		"a store behind a munmap":      {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A 8K exec => SEGV_MAPERR\n\tstore A 3\n", "", true},
		"a store after its munmap":     {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A 8K exec => SEGV_MAPERR\n\tstore A 3\n", "a.1 < b.2", false},
		"a store to a cleared page":    {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A read => SEGV_MAPERR\n\tstore A 3\n", "", false},
		"an entry that denied a write": {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A exec => SEGV_MAPERR\n\tstore A 3 => SEGV_MAPERR\n\tstore A 3\n", "", false},
		"an entry that was denied one": {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A exec => SEGV_MAPERR\n\tstore A 3 => SEGV_MAPERR\n\tload A => 1\n", "", true},
		"an entry that allowed one":    {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A exec => SEGV_MAPERR\n\tstore A 3\n\tstore A 3 => SEGV_MAPERR\n\tload A => 3\n", "", false},
		"a VMA that is gone is told":   {twoPages + "thread a\n\tmunmap A\nthread b\n\ttouch A exec => SEGV_MAPERR\n\ttouch A exec => SEGV_ACCERR\n", "", false},
		"an entry made during a fault": {onePage + "thread a\n\tmunmap A\nthread b\n\ttouch A read => SEGV_MAPERR\n\tstore A 3\nthread c\n\tstore A 2\n", "c.1 < a.1", true},
		"made before the fault":        {onePage + "thread a\n\tmunmap A\nthread b\n\ttouch A read => SEGV_MAPERR\n\tstore A 3\nthread c\n\tstore A 2\n", "c.1 < a.1, c.1 < b.1", false},
		"made by a fault that is late": {twoPages + "\tmadvise A+4K 4K dontneed\nthread a\n\tmunmap A\nthread b\n\tload A => SEGV_MAPERR\n\tload A+4K => 0\nthread c\n\tstore A+4K 9\n", "b.2 < c.1", true},
		"gone, with its pages there": {twoPages + "thread a\n\tmunmap A\nthread b\n\tlock A => ok\nthread c\n\tload A => 1\n",
			"", true},
		"a lock in the second phase":   {twoPages + "thread a\n\tmunmap A\nthread b\n\tload A => SEGV_MAPERR\n\tlock A => ok\n", "", false},
		"no lock":                      {twoPages + "thread b\n\tlock A => EAGAIN\n", "", true},
		"writers wait for a munmap":    {twoPages + "thread a\n\tmunmap A\nthread b\n\tmmap 4K rw private anon at 0x100000000 noreplace\n\tload A+4K => 2\n", "", false},
		"mmap over, before and after":  {twoPages + "thread a\n\tmmap 8K r private anon at 0x100000000 fixed\nthread b\n\tload A => 1\n\tload A+4K => 0\n", "", true},
		"mmap over, all at once":       {twoPages + "thread a\n\tmmap 8K r private anon at 0x100000000 fixed\nthread b\n\tload A => 0\n\tload A+4K => 2\n", "", false},
		"nothing is there already":     {twoPages + "thread a\n\tmmap 8K r private anon at 0x100000000 noreplace => EEXIST\n", "", true},
		"it is not":                    {twoPages + "thread a\n\tmmap 8K r private anon at 0x100004000 noreplace => EEXIST\n", "", false},
		"mprotect, VMA after VMA":      {twoVMAs + "thread a\n\tmprotect A 8K rw\nthread b\n\tstore A 1\n\tload B => SEGV_ACCERR\n", "", true},
		"mprotect, backwards":          {twoVMAs + "thread a\n\tmprotect A 8K rw\nthread b\n\tload B => 0\n\tstore A 1 => SEGV_ACCERR\n", "", false},
		"mprotect, one VMA at once":    {twoPages + "thread a\n\tmprotect A r\nthread b\n\tstore A 1 => SEGV_ACCERR\n\tstore A+4K 1\n", "", false},
		"mprotect that fails half way": {twoVMAs + "thread a\n\tmprotect A 12K rw => ENOMEM\nthread b\n\tstore B 1\n", "", true},
		"mprotect of nothing":          {twoVMAs + "thread a\n\tmprotect A 0 rw\n", "", true},
		"madvise, page after page":     {twoPages + "thread a\n\tmadvise A dontneed\nthread b\n\tload A => 0\n\tload A+4K => 2\n", "", true},
		"madvise, backwards":           {twoPages + "thread a\n\tmadvise A dontneed\nthread b\n\tload A+4K => 0\n\tload A => 1\n", "", false},
		"madvise over a hole":          {twoPages + "thread a\n\tmadvise A 12K dontneed => ENOMEM\nthread b\n\tload A => 0\n", "a.1 < b.1", true},
		"touch, page after page":       {twoPages + "thread a\n\tmunmap A+4K 4K\nthread b\n\ttouch A 8K read => SEGV_MAPERR\n", "", true},
		"touch of what is there":       {twoPages + "thread b\n\ttouch A 8K read => SEGV_MAPERR\n", "", false},
		"a walk may give up":           {twoPages + "thread b\n\twalk A => EFAULT\n", "", true},
		"a walk reads what is there":   {twoPages + "thread a\n\tmunmap A\nthread b\n\twalk A => 1\n", "a.1 < b.1", false},
		"a snapshot":                   {"mm child" + twoPages + "thread a\n\tstore A 3\n\tstore A+4K 4\nthread f\n\tfork child\nthread c in child\n\tload A => 3\n\tload A+4K => 2\n", "", true},
		"none":                         {"mm child" + twoPages + "thread a\n\tstore A 3\n\tstore A+4K 4\nthread f\n\tfork child\nthread c in child\n\tload A => 1\n\tload A+4K => 4\n", "", false},
		"a file's pages": {"file f temp 8K pattern\ninit\n\tmmap A 8K rw shared file f at 0x100000000 fixed\n\tmmap B 8K r private file f at 0x100004000 fixed\n" +
			"thread a\n\tstore A+8 5\nthread b\n\tload B+8 => 8\n\tload B+8 => 5\n\tload B+4K => 4096\n\tload B+8K => SEGV_MAPERR\n", "", true},
		"an order to be found late": {twoPages + manyWays + "thread a\n\tstore A 5\nthread b\n\tload A => 1\n\tstore A 7\n\tload A => 5\n", "", true},
		"63 million orders, none":   {twoPages + manyWays + "thread z\n\tload A => 6\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, before := handMade(t, c.src, c.order)
			w, found := a.explain(before)
			if found != c.explained {
				t.Fatalf("explained: %v, expected %v", found, c.explained)
			}
			if found && !w.respects(before) {
				t.Errorf("%+v does not respect %b", w, before)
			}
		})
	}
}

// TestLinearizationRemembers: an order serves all that it respects, a refutation all that allow no more.
func TestLinearizationRemembers(t *testing.T) {
	w := witness{first: []int{0, 1, 3}, last: []int{2, 1, 3}} // the second statement within the first
	for _, c := range []struct {
		before []statements
		want   bool
	}{{[]statements{0, 0, 0}, true}, {[]statements{0, 0, 3}, true}, {[]statements{0, 1, 0}, false}, {[]statements{2, 0, 0}, false}, {[]statements{4, 0, 0}, false}} {
		if w.respects(c.before) != c.want {
			t.Errorf("%b: %v", c.before, !c.want)
		}
	}
	l := linearization{refuted: [][]statements{{0, 1, 0}}}
	if !l.refutes([]statements{0, 1, 3}) || l.refutes([]statements{0, 0, 3}) {
		t.Error("what is refuted with fewer constraints is with more, and not the other way")
	}
}

// TestOnlyLinearizability: every value is allowed and no other oracle objects, but together they are no snapshot. The report
// names the orders that were given.
func TestOnlyLinearizability(t *testing.T) {
	sc, err := workloads.LoadBuiltin("fork-snapshot")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Explore(t.Context(), sc, Options{Options: explore.Options{KeepGoing: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) != 1 || r.Violations[0].Oracle() != linearOracle {
		t.Fatalf("%s %v", r.Verdict(), r.Broken())
	}
	if m := r.Violations[0].Message(); !strings.Contains(m, "forker.2=0; forker.3=2") {
		t.Error(m)
	}
	r, err = Explore(t.Context(), sc, Options{Setting: Setting{Without: []string{linearOracle}}})
	if err != nil || r.Verdict() != Verified {
		t.Errorf("without it: %s %v, %v", r.Verdict(), r.Broken(), err)
	}
}

// statementPool are statements that get into each other's way: what is mapped, unmapped, protected and dropped while it is
// accessed, in several VMAs and pages.
var statementPool = []string{
	"munmap A 4K => any", "munmap A => any", "munmap A+4K 8K => any", "mprotect A r => any", "mprotect A+4K 8K rw => any",
	"mprotect A 12K none => any", "madvise A dontneed => any", "madvise A 16K dontneed => any", "mmap 8K rw private anon at A fixed => any",
	"mmap 4K r private anon at A+4K noreplace => any", "mmap 8K rw private anon => any", "mmap 4K rw shared file f at A+8K fixed => any",
	"load A => any", "load A+4K => any", "load A+8K => any", "store A 7 => any", "store A+4K 8 => any", "store A+8K 9 => any",
	"touch A 12K read => any", "touch A 12K write => any", "touch A+4K exec => any", "touch A 8K exec => any", "touch A write => any", "lock A => any", "lock A+8K => any",
	"walk A => any", "walk A+8K => any", "fork child => any",
}

// TestRightRulesAreLinearizable: under the kernel's rules no interleaving of whatever statements is without explanation.
func TestRightRulesAreLinearizable(t *testing.T) {
	programs := 60
	if testing.Short() {
		programs = 15
	}
	for seed := range uint64(programs) {
		r := rand.New(rand.NewPCG(seed, 2))
		src := "mm child\nfile f temp 8K pattern\ninit\n\tmmap A 8K rw private anon\n\tmmap B 4K rw private file f at A+8K fixed\n\tstore A 1\n\tstore A+8K 3\n"
		for i := range 2 + r.IntN(2) {
			src += fmt.Sprintf("thread t%d\n", i)
			for range 1 + r.IntN(3) {
				src += "\t" + statementPool[r.IntN(len(statementPool))] + "\n"
			}
		}
		res := exploreSource(t, src, Options{Options: explore.Options{Strategy: explore.Random, Executions: 150, Seed: seed}})
		for _, v := range res.Violations {
			t.Errorf("seed %d: %s: %s\n%s", seed, v.Oracle(), v.Message(), src)
		}
	}
}

// TestManyStatements: an execution with more statements than a set of them has room for is not judged.
func TestManyStatements(t *testing.T) {
	for _, n := range []int{maxJudged, maxJudged + 1} {
		a, _ := handMade(t, twoPages+"\nthread many\n"+strings.Repeat("\ttouch A read\n", n), "")
		a.trail = &explore.Schedule{}
		if judged := a.judged(); judged != (n <= maxJudged) {
			t.Errorf("%d statements: judged %v", n, judged)
		}
	}
}
