package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// mpWorld is message passing: a writer publishes by a pointer and tells of it by a flag, a reader looks at both.
type mpWorld struct {
	PlainWorld
	p       ksync.Pointer[int]
	flag    ksync.Atomic64
	other   ksync.Atomic64
	plain   ksync.Plain[int]
	spin    ksync.SpinLock
	sem     ksync.RWSem
	mutex   ksync.Mutex
	rcu     *ksync.Domain
	access  *ksync.Domain
	tasks   []Task
	results []int

	killed, passed bool
}

type mpBody func(w *mpWorld, t *task.Task)

type mp struct {
	PlainProgram
	bodies []mpBody
}

var mpValues [3]int

func (p *mp) NewWorld(*Executor, func(task.Violation)) (World, error) {
	w := &mpWorld{rcu: ksync.NewDomain(task.SlotRCU), access: ksync.NewDomain(task.SlotAccess)}
	w.rcu.EndEarly()
	w.p.Init(&mpValues[0])
	for i, body := range p.bodies {
		t := task.New(i, string(rune('a'+i)), func(v task.Violation) { panic(v.String()) })
		w.rcu.Register(t)
		w.access.Register(t)
		w.tasks = append(w.tasks, Task{t.Name, t, func() { body(w, t) }})
	}
	return w, nil
}

func (w *mpWorld) Tasks() []Task { return w.tasks }
func (w *mpWorld) Abandon()      {}
func (w *mpWorld) Finish() string {
	if w.killed || w.passed {
		return fmt.Sprint(w.results, w.killed, w.passed)
	}
	return fmt.Sprint(w.results)
}

func (w *mpWorld) note(v uint64) { w.results = append(w.results, int(v)) }

// look notes which store of the pointer the task sees.
func (w *mpWorld) look(t *task.Task) {
	p := w.p.LoadEarly(t, task.StaleWalk)
	w.note(uint64(slices.IndexFunc(mpValues[:], func(v int) bool { return &mpValues[v] == p })))
}

func publish(n int) mpBody {
	return func(w *mpWorld, t *task.Task) { w.p.StoreRelease(t, &mpValues[n]) }
}

func flag(w *mpWorld, t *task.Task)     { w.flag.WriteOnce(t, 1) }
func readFlag(w *mpWorld, t *task.Task) { w.note(w.flag.ReadOnce(t)) }

func in(bodies ...mpBody) mpBody {
	return func(w *mpWorld, t *task.Task) {
		for _, body := range bodies {
			body(w, t)
		}
	}
}

func locked(body mpBody) mpBody {
	return func(w *mpWorld, t *task.Task) {
		w.sem.DownWrite(t)
		body(w, t)
		w.sem.UpWrite(t)
	}
}

func inSection(body mpBody) mpBody {
	return func(w *mpWorld, t *task.Task) {
		w.rcu.ReadLock(t)
		body(w, t)
		w.rcu.ReadUnlock(t)
	}
}

// look is mpWorld.look as a body.
func look(w *mpWorld, t *task.Task) { w.look(t) }

// TestWhatLoadsMaySee: after a reader has seen the flag, which is set after the pointer, it may still see the old pointer,
// unless something orders its load.
func TestWhatLoadsMaySee(t *testing.T) {
	for i := range mpValues {
		mpValues[i] = i
	}
	writer := in(publish(1), flag)
	for _, c := range []struct {
		name  string
		tasks []mpBody
		stale string // the outcome that only an early load gives
		may   bool
	}{
		{"relaxed", []mpBody{writer, in(readFlag, look)}, "[1 0]", true},
		{"in a section", []mpBody{writer, in(readFlag, inSection(look))}, "[1 0]", true},
		{"stores in between", []mpBody{writer, in(readFlag, func(w *mpWorld, t *task.Task) { w.other.StoreRelease(t, 1) }, look)}, "[1 0]", true},
		{"a plain load", []mpBody{in(publish(1), func(w *mpWorld, t *task.Task) { w.plain.Write(t, 1) }),
			in(func(w *mpWorld, t *task.Task) { w.note(uint64(w.plain.Read(t))) }, look)}, "[1 0]", true},
		{"acquire", []mpBody{writer, in(func(w *mpWorld, t *task.Task) { w.note(w.flag.LoadAcquire(t)) }, look)}, "[1 0]", false},
		{"an acquire afterwards", []mpBody{writer, in(readFlag, func(w *mpWorld, t *task.Task) { w.other.LoadAcquire(t) }, look)}, "[1 0]", false},
		{"a read-modify-write", []mpBody{writer, in(readFlag, func(w *mpWorld, t *task.Task) { w.other.Add(t, 1) }, look)}, "[1 0]", false},
		{"a lock", []mpBody{writer, in(readFlag, func(w *mpWorld, t *task.Task) { w.spin.Lock(t); w.spin.Unlock(t) }, look)}, "[1 0]", false},
		{"a lock that both take", []mpBody{locked(writer), in(locked(readFlag), look)}, "[1 0]", false},
		{"a lock before", []mpBody{writer, in(locked(func(*mpWorld, *task.Task) {}), readFlag, look)}, "[1 0]", true},
		{"the writer itself", []mpBody{in(publish(1), look)}, "[0]", false},
		{"two stores", []mpBody{in(publish(1), publish(2), flag), in(readFlag, look)}, "[1 0]", true},
		{"the newer of two", []mpBody{in(publish(1), publish(2), flag), in(readFlag, look)}, "[1 1]", true},
		{"coherence", []mpBody{writer, in(look, look)}, "[1 0]", false},
		{"coherence of what is stale", []mpBody{in(publish(1), publish(2), flag), in(readFlag, look, look)}, "[1 1 0]", false},
		{"stale twice", []mpBody{writer, in(readFlag, look, look)}, "[1 0 0]", true},
		{"a third task tells", []mpBody{publish(1), in(look, flag), in(func(w *mpWorld, t *task.Task) { w.note(10 + w.flag.LoadAcquire(t)) }, look)}, "[1 11 0]", false},
		{"a third task tells and nothing orders", []mpBody{publish(1), in(look, flag), in(func(w *mpWorld, t *task.Task) { w.note(10 + w.flag.ReadOnce(t)) }, look)}, "[1 11 0]", true},
		{"a grace period", []mpBody{in(publish(1), func(w *mpWorld, t *task.Task) { w.rcu.Synchronize(t) }, flag), in(readFlag, inSection(look))}, "[1 0]", false},
		{"a grace period that is polled for", []mpBody{in(publish(1), func(w *mpWorld, t *task.Task) { w.rcu.StartPoll(t) }, flag), in(readFlag, inSection(look))}, "[1 0]", false},
		{"a callback", []mpBody{in(publish(1), func(w *mpWorld, t *task.Task) { w.rcu.Call(t, func(*task.Task) {}) }, flag), in(readFlag, inSection(look))}, "[1 0]", false},
		{"a section from before", []mpBody{in(publish(1), func(w *mpWorld, t *task.Task) { w.rcu.StartPoll(t) }, flag), inSection(in(readFlag, look))}, "[1 0]", true},
		{"an exception", []mpBody{writer, in(inAccess(readFlag), trap, look)}, "[1 0]", false},
		{"an exception of a later access", []mpBody{writer, in(inAccess(readFlag), inAccess(func(w *mpWorld, t *task.Task) { w.other.ReadOnce(t) }), trap, look)}, "[1 0]", true},
		{"a wait", []mpBody{locked(writer), in(readFlag, func(w *mpWorld, t *task.Task) { w.mutex.Lock(t) }, look)}, "[1 0]", false},
	} {
		for _, strategy := range []Strategy{DPOR, DFS} {
			rep := explored(t, &mp{bodies: c.tasks}, Options{Strategy: strategy, Choices: []task.Choice{task.StaleWalk}, MaxChosen: 2})
			if got := rep.DistinctOutcomes[c.stale] > 0; got != c.may || !rep.Complete {
				t.Errorf("%s, %s: %s found: %v, want %v; all: %v", c.name, strategy, c.stale, got, c.may, rep.DistinctOutcomes)
			}
		}
		rep := explored(t, &mp{bodies: c.tasks}, Options{})
		if rep.DistinctOutcomes[c.stale] > 0 {
			t.Errorf("%s: %s without the choice", c.name, c.stale)
		}
	}
}

func inAccess(body mpBody) mpBody {
	return func(w *mpWorld, t *task.Task) {
		w.access.ReadLock(t)
		body(w, t)
		w.access.ReadUnlock(t)
	}
}

func trap(_ *mpWorld, t *task.Task) { t.EnterTrap("do_user_addr_fault") }

// weakStatements are what the programs below are made of.
var weakStatements = []statement{
	{name: "read", do: func(w *genWorld, t *genTask, s statement) { t.note(w.words[s.cell].ReadOnce(t.Task)) }},
	{name: "write", do: func(w *genWorld, t *genTask, s statement) { w.words[s.cell].WriteOnce(t.Task, uint64(t.ID)) }},
	{name: "acquire", do: func(w *genWorld, t *genTask, s statement) { t.note(w.words[s.cell].LoadAcquire(t.Task)) }},
	{name: "cmpxchg", do: func(w *genWorld, t *genTask, s statement) {
		t.note(w.words[s.cell].CmpXchg(t.Task, 0, uint64(t.ID)))
	}},
	{name: "publish", do: func(w *genWorld, t *genTask, s statement) {
		w.slot.StoreRelease(t.Task, &genObject{index: 10*t.ID + s.cell})
	}},
	{name: "early", do: func(w *genWorld, t *genTask, s statement) { t.note(w.slot.LoadEarly(t.Task, task.StaleWalk).index) }},
	{name: "early in section", do: func(w *genWorld, t *genTask, s statement) {
		w.rcu[0].ReadLock(t.Task)
		t.note(w.slot.LoadEarly(t.Task, task.StaleWalk).index)
		w.rcu[0].ReadUnlock(t.Task)
	}},
	{name: "poll", do: func(w *genWorld, t *genTask, s statement) { t.note(w.rcu[0].Poll(t.Task, w.rcu[0].StartPoll(t.Task))) }},
	{name: "spin", do: func(w *genWorld, t *genTask, s statement) {
		w.spins[s.cell].Lock(t.Task)
		run(w, t, s.body)
		w.spins[s.cell].Unlock(t.Task)
	}},
	{name: "killable write sem", do: func(w *genWorld, t *genTask, s statement) {
		if err := w.sem.DownWriteKillable(t.Task); err != nil {
			t.note("EINTR")
			return
		}
		run(w, t, s.body)
		w.sem.UpWrite(t.Task)
		t.note(t.Killed())
	}},
	{name: "killable read sem", do: func(w *genWorld, t *genTask, s statement) {
		if err := w.sem.DownReadKillable(t.Task); err != nil {
			t.note("EINTR")
			return
		}
		run(w, t, s.body)
		w.sem.UpRead(t.Task)
	}},
	{name: "try read sem", do: func(w *genWorld, t *genTask, s statement) {
		got := w.sem.DownReadTrylock(t.Task)
		if t.note(got); got {
			w.sem.UpRead(t.Task)
		}
	}},
	{name: "killable await", do: func(w *genWorld, t *genTask, s statement) {
		word := &w.words[s.cell]
		w.mutexes[0].Lock(t.Task) // one at a time may wait
		t.note(w.wait.WaitEvent(t.Task, unsafe.Pointer(word), task.Killable, func() bool { return word.Peek() != 0 }) == nil)
		w.mutexes[0].Unlock(t.Task)
	}},
	{name: "signal", do: func(w *genWorld, t *genTask, s statement) {
		w.words[s.cell].Add(t.Task, 1)
		w.wait.WakeUp(t.Task)
	}},
	{name: "kill", do: func(w *genWorld, t *genTask, s statement) { w.tasks[s.cell%len(w.tasks)].Kill(t.Task) }},
}

// signalling are the names of those that a signal matters to.
var signalling = []string{"killable write sem", "killable read sem", "killable write sem", "try read sem", "kill", "read"}

// generateWeak returns a program of statements that choices, signals and grace periods matter to.
func generateWeak(seed uint64) *generated {
	r := rand.New(rand.NewPCG(seed, 2))
	few := seed%2 == 1 // killable waits and signals, and hardly more, in three tasks
	var kinds []statement
	for range 3 + r.IntN(3) {
		s := weakStatements[r.IntN(len(weakStatements))]
		if few {
			name := signalling[r.IntN(len(signalling))]
			s = weakStatements[slices.IndexFunc(weakStatements, func(s statement) bool { return s.name == name })]
		}
		kinds = append(kinds, s)
	}
	cells := 1 + r.IntN(2)
	one := func() statement {
		s := kinds[r.IntN(len(kinds))]
		s.cell = r.IntN(cells)
		return s
	}
	p := &generated{}
	tasks, length := 2+r.IntN(2), 3
	if few {
		tasks, length = 3, 2
	}
	for range tasks {
		var body []statement
		for range 1 + r.IntN(length) {
			s := one()
			if strings.HasPrefix(s.name, "killable") && s.name != "killable await" || s.name == "spin" {
				if inner := one(); !strings.Contains(inner.name, "sem") && inner.name != "spin" && inner.name != "killable await" && inner.name != "poll" {
					s.body = append(s.body, inner)
				}
			}
			body = append(body, s)
		}
		p.tasks = append(p.tasks, body)
	}
	return p
}

// TestReductionMissesNoSignal compares the reduced search with the plain one where signals arrive and loads come early.
func TestReductionMissesNoSignal(t *testing.T) {
	programs, limit, least := uint64(600), 800, 20
	if testing.Short() {
		programs, limit, least = 120, 200, 2
	}
	all := []string{"kill ", "killable write", "killable await", "early", "poll"}
	choices := []task.Choice{task.Signal, task.StaleWalk}
	compared, found := 0, map[string]int{}
	for seed := range programs {
		p := generateWeak(seed)
		chosen := int(1 + seed%2)
		o := Options{Strategy: DFS, Choices: choices, MaxChosen: chosen}
		reduced := o
		reduced.Strategy = DPOR
		_, _, kinds, ok := compare(t, seed, p, o, reduced, limit)
		if !ok {
			continue
		}
		compared++
		text := p.String()
		for _, what := range all {
			if strings.Contains(text, what) && len(kinds) > 0 {
				found[what]++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, with %v", compared, found)
	for _, what := range all {
		if found[what] < least {
			t.Errorf("only %d programs with %s, expected at least %d", found[what], what, least)
		}
	}
}

// TestSignalBetween: a signal can end a wait after one step on the lock and before the next, which hands it over.
func TestSignalBetween(t *testing.T) {
	holder := func(w *mpWorld, t *task.Task) {
		if w.sem.DownReadTrylock(t) {
			w.sem.UpRead(t)
		}
	}
	killed := func(w *mpWorld, t *task.Task) {
		w.killed = w.sem.DownWriteKillable(t) != nil // it keeps the lock: giving it back would be a step that shows the race, too
	}
	passer := func(w *mpWorld, t *task.Task) {
		if w.passed = w.sem.DownReadTrylock(t); w.passed {
			w.sem.UpRead(t)
		}
	}
	bodies := []mpBody{holder, killed, passer}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		p := &mp{}
		for _, i := range order {
			p.bodies = append(p.bodies, bodies[i])
		}
		for _, strategy := range []Strategy{DFS, DPOR} {
			rep := explored(t, p, Options{Strategy: strategy, Choices: []task.Choice{task.Signal}})
			if len(rep.DistinctOutcomes) != 4 || !rep.Complete {
				t.Errorf("order %v, %s: %v, want killed or not, passed or not", order, strategy, rep.DistinctOutcomes)
			}
		}
	}
}
