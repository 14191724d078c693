package fault_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/fault"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/internal/task/tasktest"
	"vmasim/mm"
	"vmasim/vma"
	"vmasim/workloads"
)

// TestLitmusVerdicts runs every litmus scenario under the rules of each of its verdicts, by turns in the schedules that can
// make a difference and in random ones, which find some things sooner: what is said to break must break, as it is said; what is said to be verified must not. Where there are too
// many schedules it is a search for bugs, no proof; LITMUS_RUNS=1000000 searches longer.
func TestLitmusVerdicts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, info := range workloads.Litmus() {
		sc, err := workloads.LoadBuiltin(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range sc.Verdicts {
			t.Run(info.Name+"/"+v.Rules, func(t *testing.T) { verifyVerdict(t, sc, v) })
		}
	}
}

func verifyVerdict(t *testing.T, sc *workloads.Scenario, v *workloads.Verdict) {
	limit := 200
	if !v.Verified() {
		limit = 8_000
	}
	if s := os.Getenv("LITMUS_RUNS"); s != "" {
		limit, _ = strconv.Atoi(s)
	}
	asked := newAnswers(sc)
	x := &search{}
	complete := false
	for runs := 0; runs < limit && !complete; runs++ {
		l := newLitmus(t, sc, v.Rules)
		if runs%4 != 3 {
			l.run(x, x.turn())
			complete = !x.backtrack()
		} else {
			l.run(x, turns(uint64(runs), x.lengths))
		}
		asked.note(l)
		switch found := l.first.Oracle; {
		case found == "":
		case slices.Contains(v.Oracles, found):
			t.Logf("%s in schedule %d", found, runs)
			return
		default:
			t.Fatalf("schedule %d: %s: %s\n%s", runs, found, l.first.Message, l.log)
		}
	}
	t.Logf("complete: %v", complete)
	if !v.Verified() {
		t.Error("nothing found")
	}
	if left := asked.unanswered(); left != "" && complete {
		t.Errorf("never: %s", left)
	}
}

// litmus is one execution of a scenario.
type litmus struct {
	t      *testing.T
	sc     *workloads.Scenario
	m      *mm.Machine
	boot   *task.Task
	spaces []*mm.MM // by workloads.MM
	env    *workloads.Env

	results [][]workloads.Outcome // by thread and statement
	first   task.Violation
	log     string
}

func newLitmus(t *testing.T, sc *workloads.Scenario, spec string) *litmus {
	rs, err := rules.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	l := &litmus{t: t, sc: sc}
	cfg := mm.Config{Rules: rs, Memory: 1 << 20, Report: l.report}
	for _, limit := range sc.Limits {
		if limit.Kind == workloads.LimitVMARefs {
			cfg.MaxVMARefs = int32(limit.Value)
		}
	}
	if l.m, err = mm.NewMachine(cfg); err != nil {
		t.Fatal(err)
	}
	l.boot = l.m.NewTask("boot")
	for _, space := range sc.MMs {
		var m *mm.MM
		if !space.Forked {
			if m, err = l.m.NewMM(l.boot, space.Name); err != nil {
				t.Fatal(err)
			}
		}
		l.spaces = append(l.spaces, m)
	}
	if sc.Init != nil {
		l.env = sc.Init.NewEnv(1, 0, nil)
		w := &walker{l, l.boot, l.spaces[0], l.env, nil}
		w.body(sc.Init.Body)
	}
	return l
}

func (l *litmus) report(v task.Violation) {
	if l.first.Oracle == "" {
		l.first = v
	}
}

// run runs the threads in the next schedule of a search, and what comes after them.
func (l *litmus) run(x *search, turn tasktest.Turn) {
	var program []tasktest.Task
	ids := map[*task.Task]int{}
	x.pending, x.cells = map[int]footprint{}, map[unsafe.Pointer]int{}
	l.results = make([][]workloads.Outcome, len(l.sc.Threads))
	for i, th := range l.sc.Threads {
		program = append(program, tasktest.Task{Name: th.Name, Body: func(t *task.Task) {
			ids[t] = i
			t.Observer = spy{t.Observer, x, i, ids}
			w := &walker{l, t, l.spaces[th.MM.Index], th.NewEnv(1, 0, l.env.Regions), &l.results[i]}
			w.body(th.Body)
		}})
	}
	var made []*task.Task
	cfg := tasktest.Config{Turn: turn, MaxSteps: 5000, New: func(_ int, name string, _ func(task.Violation)) *task.Task {
		made = append(made, l.m.NewTask(name))
		return made[len(made)-1]
	}}
	if len(l.sc.May) > 0 {
		cfg.Chooser = &coin{rand.New(rand.NewPCG(1, 1)), l.sc.May}
	}
	res, err := tasktest.Run(cfg, program...)
	l.log = res.Log
	x.measure(res.Steps, len(program))
	if _, stuck := errors.AsType[*tasktest.DeadlockError](err); stuck {
		l.report(task.Violation{Oracle: "deadlock", Message: err.Error()})
	} else if err != nil {
		l.report(task.Violation{Oracle: "livelock", Message: err.Error()})
	}
	if err == nil && l.first.Oracle == "" {
		l.finish(made)
	}
	_ = l.m.Close()
}

// finish checks what is left when the threads have ended.
func (l *litmus) finish(made []*task.Task) {
	for _, t := range made {
		t.Chooser = nil
		l.m.EndTask(t)
	}
	if f := l.sc.Finally; f != nil {
		w := &walker{l, l.boot, l.spaces[0], f.NewEnv(1, 0, l.env.Regions), nil}
		w.body(f.Body)
	}
	for _, space := range l.spaces {
		if space == nil {
			continue
		}
		space.MmapWriteLock(l.boot)
		for _, v := range space.Validate(l.boot) {
			l.report(v)
		}
		space.MmapWriteUnlock(l.boot)
		space.Put(l.boot)
	}
	l.m.Settle(l.boot)
	l.m.EndTask(l.boot)
	if leaks := l.m.Leaks(); leaks != "" {
		l.report(task.Violation{Oracle: "leak", Message: leaks})
	}
}

// coin lets what may go either way do so, now and then.
type coin struct {
	r   *rand.Rand
	may []*workloads.Choice
}

func (c *coin) Choose(_ *task.Task, what task.Choice, n int) int {
	if !slices.ContainsFunc(c.may, func(m *workloads.Choice) bool { return m.Name == string(what) }) || c.r.IntN(2) == 0 {
		return 0
	}
	return c.r.IntN(n)
}

// walker runs statements as one task.
type walker struct {
	*litmus
	task    *task.Task
	mm      *mm.MM
	env     *workloads.Env
	results *[]workloads.Outcome
}

func (w *walker) body(body []*workloads.Stmt) {
	for _, s := range body {
		if s.Kind == workloads.KindIn {
			outer := w.mm
			w.mm = w.spaces[s.MM.Index]
			w.mm.Get(w.task)
			w.body(s.Body)
			w.mm.Put(w.task)
			w.mm = outer
			continue
		}
		out := w.perform(s)
		if w.results != nil {
			*w.results = append(*w.results, out)
		}
		if !s.Expect.Allows(out, w.env) {
			w.report(task.Violation{Oracle: "result", Message: fmt.Sprintf("%v: %v gives %v (%d)", s.Pos, s, out, out.Value)})
		}
	}
}

func (w *walker) eval(e *workloads.Expr) uint64 {
	if e == nil {
		return 0
	}
	v, err := e.Eval(w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// size is the length of a range, of the whole region if none is given.
func (w *walker) size(s *workloads.Stmt) uint64 {
	if s.Size == nil {
		return w.env.Regions[s.Addr.Region.Index].Size
	}
	return w.eval(s.Size)
}

func (w *walker) perform(s *workloads.Stmt) workloads.Outcome {
	addr := w.eval(s.Addr)
	switch s.Kind {
	case workloads.KindMmap:
		got, err := w.mm.Mmap(w.task, mm.MmapArgs{Addr: addr, Len: w.eval(s.Size), Prot: int(s.Prot),
			Flags: s.Flags | unix.MAP_PRIVATE | unix.MAP_ANONYMOUS})
		if err == nil && s.Region != nil {
			w.env.Regions[s.Region.Index] = workloads.Region{Base: got, Size: w.eval(s.Size)}
		}
		return outcome(err)
	case workloads.KindMunmap:
		return outcome(w.mm.Munmap(w.task, addr, w.size(s)))
	case workloads.KindMprotect:
		return outcome(w.mm.Mprotect(w.task, addr, w.size(s), int(s.Prot)))
	case workloads.KindTouch:
		return signal(fault.Touch(w.task, w.mm, addr, fault.Access(s.Access)), 0)
	case workloads.KindStore:
		return signal(fault.Store(w.task, w.mm, addr, w.eval(s.Value)), 0)
	case workloads.KindLoad:
		v, res := fault.Load(w.task, w.mm, addr)
		return signal(res, v)
	case workloads.KindWalk:
		v, ok := fault.Walk(w.task, w.mm, addr)
		if !ok {
			return outcome(unix.EFAULT)
		}
		return signal(fault.OK, v)
	case workloads.KindLock:
		v := w.mm.LockVMAUnderRCU(w.task, addr)
		if v == nil {
			return outcome(unix.EAGAIN)
		}
		w.checkLocked(v, addr)
		v.EndRead(w.task)
		return outcome(nil)
	case workloads.KindFork:
		child, err := w.mm.Fork(w.task, s.MM.Name)
		w.spaces[s.MM.Index] = child
		return outcome(err)
	case workloads.KindExit:
		m := w.spaces[s.MM.Index]
		w.spaces[s.MM.Index] = nil
		m.Put(w.task)
		return outcome(nil)
	case workloads.KindSessions:
		w.mm.Age(s.Count)
		return outcome(nil)
	}
	w.t.Fatalf("%v cannot be run here", s)
	return workloads.Outcome{}
}

// checkLocked is the oracle wrong-vma.
func (w *walker) checkLocked(v *vma.VMA, addr uint64) {
	start, end, _, _ := v.Snapshot()
	_, _, refcnt, owner := v.Quiescent()
	if addr < start || addr >= end || owner != &w.mm.Locks || refcnt < 2 {
		w.report(task.Violation{Oracle: "wrong-vma", Message: fmt.Sprintf("%#x is locked by [%#x, %#x), vm_refcnt %d", addr, start, end, refcnt)})
	}
}

func outcome(err error) workloads.Outcome {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return workloads.Outcome{Kind: workloads.ResultErrno, Errno: errno}
	}
	return workloads.Outcome{}
}

func signal(res fault.Result, value uint64) workloads.Outcome {
	switch res {
	case fault.OK:
		return workloads.Outcome{Value: value}
	case fault.SegvMaperr:
		return workloads.Outcome{Kind: workloads.ResultSegvMaperr}
	case fault.SegvAccerr:
		return workloads.Outcome{Kind: workloads.ResultSegvAccerr}
	case fault.OOM:
		return outcome(unix.ENOMEM)
	}
	panic(res)
}

// answers collects which questions of a scenario have had a witness.
type answers struct{ witnessed map[*workloads.Question]bool }

func newAnswers(sc *workloads.Scenario) *answers {
	a := &answers{map[*workloads.Question]bool{}}
	for _, q := range sc.Questions {
		if q.Kind == workloads.KindExists {
			a.witnessed[q] = false
		}
	}
	return a
}

// note looks at the results of an execution that went well.
func (a *answers) note(l *litmus) {
	if l.first.Oracle != "" && l.first.Oracle != "always" {
		return
	}
	for _, q := range l.sc.Questions {
		all := q.Kind != workloads.KindNever
		for _, term := range q.Terms {
			all = all && term.Result.Allows(l.results[term.Thread.Index][term.Stmt-1], l.env)
		}
		switch {
		case q.Kind == workloads.KindExists && all:
			a.witnessed[q] = true
		case q.Kind == workloads.KindAlways && !all:
			l.first.Oracle = "always"
		}
	}
}

func (a *answers) unanswered() string {
	var left []string
	for q, seen := range a.witnessed {
		if !seen {
			left = append(left, q.String())
		}
	}
	slices.Sort(left)
	return strings.Join(left, "; ")
}
