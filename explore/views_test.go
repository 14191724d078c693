package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore/lkmm"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// weakProgram is a program as package lkmm writes them, with statements on locks, references, pointers and RCU besides.
type weakProgram struct {
	PlainProgram
	threads [][][]string // statements as words
	vars    []string     // to be told of in the end
}

func newWeakProgram(text string, vars ...string) *weakProgram {
	p := &weakProgram{vars: vars}
	for _, thread := range strings.Split(text, "|") {
		var body [][]string
		for _, s := range strings.Split(thread, ";") {
			body = append(body, strings.Fields(s))
		}
		p.threads = append(p.threads, body)
	}
	return p
}

type weakWorld struct {
	PlainWorld
	program *weakProgram
	words   map[string]*ksync.Atomic64
	counts  map[string]*ksync.Refcount
	locks   map[string]*ksync.SpinLock
	pointer ksync.Pointer[genObject]
	objects [2]genObject
	rcu     *ksync.Domain
	srcu    *ksync.Domain
	tasks   []Task
	reads   [][]uint64
}

func (p *weakProgram) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	w := &weakWorld{
		program: p, words: map[string]*ksync.Atomic64{}, counts: map[string]*ksync.Refcount{}, locks: map[string]*ksync.SpinLock{},
		rcu: ksync.NewDomain(task.SlotRCU), srcu: ksync.NewDomain(task.SlotAccess), reads: make([][]uint64, len(p.threads)),
	}
	boot := task.New(len(p.threads), "boot", report)
	for i := range w.objects {
		x.Born(boot, unsafe.Pointer(&w.objects[i]), genLayout)
	}
	w.pointer.Init(&w.objects[0])
	for i, body := range p.threads {
		for _, s := range body {
			if len(s) > 1 {
				w.words[s[1]], w.counts[s[1]], w.locks[s[1]] = &ksync.Atomic64{}, &ksync.Refcount{}, &ksync.SpinLock{}
			}
		}
		t := task.New(i, string(rune('a'+i)), report)
		w.rcu.Register(t)
		w.srcu.Register(t)
		w.tasks = append(w.tasks, Task{t.Name, t, func() { w.run(i, t, body) }})
	}
	return w, nil
}

func (w *weakWorld) run(i int, t *task.Task, body [][]string) {
	var found *genObject
	note := func(v uint64) { w.reads[i] = append(w.reads[i], v) }
	for _, s := range body {
		name, v := "", uint64(0)
		if len(s) > 1 {
			name = s[1]
		}
		if len(s) > 2 {
			v, _ = strconv.ParseUint(s[2], 10, 64)
		}
		switch s[0] {
		case "W":
			w.words[name].WriteOnce(t, v)
		case "Wdata": // what was read last
			w.words[name].WriteOnce(t, w.reads[i][len(w.reads[i])-1])
		case "Wrel":
			w.words[name].StoreRelease(t, v)
		case "R":
			note(w.words[name].ReadOnce(t))
		case "Racq":
			note(w.words[name].LoadAcquire(t))
		case "xchg":
			note(w.words[name].Xchg(t, v))
		case "mb":
			t.Fence(task.OpMB)
		case "wmb":
			t.Fence(task.OpWMB)
		case "rmb":
			t.Fence(task.OpRMB)
		case "set":
			w.counts[name].SetRelease(t, int32(v))
		case "inc":
			w.counts[name].IncNotZero(t)
		case "incacq":
			old, _ := w.counts[name].IncNotZeroLimitedAcquire(t, 100)
			note(uint64(old))
		case "ref":
			note(uint64(w.counts[name].Read(t)))
		case "lock":
			w.locks[name].Lock(t)
		case "unlock":
			w.locks[name].Unlock(t)
		case "rcu":
			w.rcu.ReadLock(t)
		case "unrcu":
			w.rcu.ReadUnlock(t)
		case "sync":
			w.rcu.Synchronize(t)
		case "srcu":
			w.srcu.ReadLock(t)
		case "unsrcu":
			w.srcu.ReadUnlock(t)
		case "srcusync":
			w.srcu.Synchronize(t)
		case "when": // the rest depends on what was read last
			if last := w.reads[i][len(w.reads[i])-1]; len(s) == 1 && last == 0 || len(s) > 1 && fmt.Sprint(last) != s[1] {
				return
			}
		case "init":
			w.objects[1].value.WriteOnce(t, 1)
		case "assign":
			w.pointer.StoreRelease(t, &w.objects[1])
		case "assignonce":
			w.pointer.WriteOnce(t, &w.objects[1])
		case "deref":
			found = w.pointer.ReadOnce(t)
			note(uint64((uintptr(unsafe.Pointer(found)) - uintptr(unsafe.Pointer(&w.objects[0]))) / unsafe.Sizeof(w.objects[0])))
		case "use":
			note(found.value.ReadOnce(t))
		default:
			panic(s[0])
		}
	}
}

func (w *weakWorld) Tasks() []Task { return w.tasks }
func (w *weakWorld) Abandon()      {}
func (w *weakWorld) Finish() string {
	final := make([]uint64, len(w.program.vars))
	for i, name := range w.program.vars {
		final[i] = w.words[name].Peek()
	}
	return lkmm.Outcome(w.reads, w.program.vars, final)
}

// weakTests are litmus tests with names in the literature. allowed is what the kernel's memory model says; missed, that the model of the explorer
// leaves it out.
var weakTests = []lkmmTest{
	{"CoRR", "W x 1 | R x; R x", "1:0=1 1:1=0", false, false},
	{"CoRW", "R x; W x 1 | W x 2", "0:0=1", false, false},
	{"CoWR", "W x 1; R x | W x 2", "0:0=0", false, false},
	{"CoWW", "W x 1; W x 2", "x=1", false, false},
	{"MP+poonceonces", "W x 1; W y 1 | R y; R x", "1:0=1 1:1=0", true, false},
	{"MP+wmb+rmb", "W x 1; wmb; W y 1 | R y; rmb; R x", "1:0=1 1:1=0", false, false},
	{"MP+wmb+po", "W x 1; wmb; W y 1 | R y; R x", "1:0=1 1:1=0", true, false},
	{"MP+po+rmb", "W x 1; W y 1 | R y; rmb; R x", "1:0=1 1:1=0", true, false},
	{"MP+rel+acq", "W x 1; Wrel y 1 | Racq y; R x", "1:0=1 1:1=0", false, false},
	{"MP+rel+po", "W x 1; Wrel y 1 | R y; R x", "1:0=1 1:1=0", true, false},
	{"MP+po+acq", "W x 1; W y 1 | Racq y; R x", "1:0=1 1:1=0", true, false},
	{"MP+mb+mb", "W x 1; mb; W y 1 | R y; mb; R x", "1:0=1 1:1=0", false, false},
	{"MP+onceassign+derefonce", "init; assign | deref; use", "1:0=1 1:1=0", false, false},
	{"MP+once+derefonce", "init; assignonce | deref; use", "1:0=1 1:1=0", true, false},
	{"MP+rel+acq of a third word", "W x 1; Wrel y 1 | R y; Racq z; R x", "1:0=1 1:2=0", true, false},
	{"MP+polocks", "W x 1; lock a; W y 1; unlock a | lock a; R y; unlock a; R x", "1:0=1 1:1=0", false, false},
	{"MP+porevlocks", "lock a; W x 1; unlock a; W y 1 | R y; lock a; R x; unlock a", "1:0=1 1:1=0", false, false},
	{"MP+release sequence", "W x 1; set r 1 | inc r | incacq r; R x", "2:0=2 2:1=0", false, false},
	{"MP+rel+relaxed update", "W x 1; set r 1 | inc r; ref r; R x", "1:0=2 1:1=0", true, false},
	{"MP+failed increment", "W x 1; set r 200 | incacq r; R x", "1:0=200 1:1=0", true, false},
	{"MP+unlock-lock", "lock a; W x 1; unlock a; lock b; W y 1; unlock b | R y; rmb; R x", "1:0=1 1:1=0", false, false},
	{"SB+poonceonces", "W x 1; R y | W y 1; R x", "0:0=0 1:0=0", true, false},
	{"SB+mbs", "W x 1; mb; R y | W y 1; mb; R x", "0:0=0 1:0=0", false, false},
	{"SB+rel+acq", "Wrel x 1; Racq y | Wrel y 1; Racq x", "0:0=0 1:0=0", true, false},
	{"SB+mb+po", "W x 1; mb; R y | W y 1; R x", "0:0=0 1:0=0", true, false},
	{"SB+xchg", "xchg x 1; R y | xchg y 1; R x", "0:1=0 1:1=0", false, false},
	{"SB+rfi-po", "W x 1; R x; R y | W y 1; R y; R x", "0:0=1 0:1=0 1:0=1 1:1=0", true, false},
	{"MP+mb+rfi-acq", "W x 1; mb; W y 1 | R y; W z 1; Racq z; R x", "1:0=1 1:2=0", true, false},
	{"MP+rel+rfi-rel-acq", "W x 1; Wrel y 1 | R y; Wrel z 1; Racq z; R x", "1:0=1 1:2=0", true, false},
	{"LB+poonceonces", "R x; W y 1 | R y; W x 1", "0:0=1 1:0=1", true, true},
	{"LB+data", "R x; Wdata y | R y; Wdata x", "0:0=1 1:0=1", false, false},
	{"LB+acq+rel", "R x; Wrel y 1 | Racq y; W x 1", "0:0=1 1:0=1", false, false},
	{"S+poonceonces", "W x 2; W y 1 | R y; W x 1", "1:0=1 x=2", true, false},
	{"S+wmb+acq", "W x 2; wmb; W y 1 | Racq y; W x 1", "1:0=1 x=2", false, false},
	{"R+poonceonces", "W x 1; W y 1 | W y 2; R x", "1:0=0 y=2", true, false},
	{"R+mbs", "W x 1; mb; W y 1 | W y 2; mb; R x", "1:0=0 y=2", false, false},
	{"R+wmb+mb", "W x 1; wmb; W y 1 | W y 2; mb; R x", "1:0=0 y=2", true, false},
	{"2+2W+poonceonces", "W x 1; W y 2 | W y 1; W x 2", "x=1 y=1", true, false},
	{"2+2W+wmbs", "W x 1; wmb; W y 2 | W y 1; wmb; W x 2", "x=1 y=1", true, false},
	{"2+2W+mbs", "W x 1; mb; W y 2 | W y 1; mb; W x 2", "x=1 y=1", false, false},
	{"WRC+poonceonces", "W x 1 | R x; W y 1 | R y; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"WRC+rel+rmb", "W x 1 | R x; Wrel y 1 | R y; rmb; R x", "1:0=1 2:0=1 2:1=0", false, false},
	{"WRC+data+acq", "W x 1 | R x; Wdata y | Racq y; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"WRC+wmb+acq", "W x 1 | R x; wmb; W y 1 | Racq y; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"ISA2+poonceonces", "W x 1; W y 1 | R y; W z 1 | R z; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"ISA2+rel+acqrel+acq", "W x 1; Wrel y 1 | Racq y; Wrel z 1 | Racq z; R x", "1:0=1 2:0=1 2:1=0", false, false},
	{"ISA2+rel+po-rel+acq", "W x 1; Wrel y 1 | R y; Wrel z 1 | Racq z; R x", "1:0=1 2:0=1 2:1=0", false, false},
	{"IRIW+poonceonces", "W x 1 | R x; R y | W y 1 | R y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", true, false},
	{"IRIW+acqs", "W x 1 | Racq x; R y | W y 1 | Racq y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", true, false},
	{"IRIW+rmbs", "W x 1 | R x; rmb; R y | W y 1 | R y; rmb; R x", "1:0=1 1:1=0 3:0=1 3:1=0", true, false},
	{"IRIW+mbs", "W x 1 | R x; mb; R y | W y 1 | R y; mb; R x", "1:0=1 1:1=0 3:0=1 3:1=0", false, false},
	{"ISA2+mb+acq-po+acq", "W x 1; mb; W y 1 | Racq y; W z 1 | Racq z; R x", "1:0=1 2:0=1 2:1=0", false, false},
	{"ISA2+mb+data+acq", "W x 1; mb; W y 1 | R y; Wdata z | Racq z; R x", "1:0=1 2:0=1 2:1=0", false, false},
	{"ISA2+mb+acq-po+po", "W x 1; mb; W y 1 | Racq y; W z 1 | R z; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"ISA2+wmb+acq-po+acq", "W x 1; wmb; W y 1 | Racq y; W z 1 | Racq z; R x", "1:0=1 2:0=1 2:1=0", true, false},
	{"ISA2+mb+lock+acq", "W x 1; mb; W y 1 | lock a; R y; unlock a | lock a; unlock a; W z 1 | Racq z; R x", "1:0=1 3:0=1 3:1=0", true, false},
	{"Z6.2+mb+acq-po+po-rel", "W x 2; mb; W y 1 | Racq y; W z 1 | R z; Wrel x 1", "1:0=1 2:0=1 x=2", false, false},
	{"Z6.0+rel+acqrel+mb", "W x 1; Wrel y 1 | Racq y; Wrel z 1 | W z 2; mb; R x", "1:0=1 2:0=0 z=2", true, false},
	{"RCU-MP", "W x 1; sync; W y 1 | rcu; R y; R x; unrcu", "1:0=1 1:1=0", false, false},
	{"RCU-MP reversed", "W x 1; sync; W y 1 | rcu; R x; R y; unrcu", "1:0=0 1:1=1", false, false},
	{"RCU-deferred-free", "rcu; R x; R y; unrcu | W x 1; sync; W y 1", "0:0=0 0:1=1", false, false},
	{"RCU-SB", "rcu; W x 1; R y; unrcu | W y 1; sync; R x", "0:0=0 1:0=0", false, false},
	{"RCU-MP without a section", "W x 1; sync; W y 1 | R y; R x", "1:0=1 1:1=0", true, false},
	{"RCU-MP in two sections", "W x 1; sync; W y 1 | rcu; R y; unrcu; rcu; R x; unrcu", "1:0=1 1:1=0", false, false},
}

// finals returns the variables that a condition is about.
func finals(asked string) (vars []string) {
	for _, word := range strings.Fields(asked) {
		if name, _, _ := strings.Cut(word, "="); !strings.Contains(name, ":") {
			vars = append(vars, name)
		}
	}
	return vars
}

// lkmmTest is a litmus test and what the kernel's memory model says of it.
type lkmmTest struct {
	name, program, asked string
	allowed, missed      bool
}

func weak(s Strategy) Options { return Options{Strategy: s, Memory: MemoryModel{Views: true}} }

// TestLitmusTests holds the views to the kernel's memory model, test by test, and the reduced search to the plain one.
func TestLitmusTests(t *testing.T) {
	for _, c := range append(weakTests, publishedTests...) {
		p := newWeakProgram(c.program, finals(c.asked)...)
		sc := explored(t, p, Options{})
		r := explored(t, p, weak(DPOR))
		plain := weak(DFS)
		plain.Executions = 6_000
		all := explored(t, p, plain)
		seen := false
		for o := range r.DistinctOutcomes {
			seen = seen || lkmm.Holds(o, c.asked)
		}
		if want := c.allowed && !c.missed; seen != want || !r.Complete {
			t.Errorf("%s: %s is seen: %t, expected %t; complete %t", c.name, c.asked, seen, want, r.Complete)
		}
		if a, b := slices.Sorted(maps.Keys(r.DistinctOutcomes)), slices.Sorted(maps.Keys(all.DistinctOutcomes)); all.Complete && !slices.Equal(a, b) {
			t.Errorf("%s: the reduced search sees %v, the plain one %v", c.name, a, b)
		}
		t.Logf("%-28s %t, %d executions under sc, %d under views, %d not reduced", c.name, seen, sc.Executions, r.Executions, all.Executions)
	}
}

// randomWeak draws a program of marked accesses.
func randomWeak(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 7))
	words := []string{"x", "y", "z"}[:2+r.IntN(2)]
	threads := make([]string, 2+r.IntN(2))
	for i := range threads {
		n := 2 + r.IntN(2)
		if len(threads) == 2 {
			n += r.IntN(2)
		}
		body := make([]string, n)
		for j := range body {
			word, value := words[r.IntN(len(words))], 10*(i+1)+j
			switch r.IntN(10) {
			case 0, 1, 2:
				body[j] = fmt.Sprintf("W %s %d", word, value)
			case 3:
				body[j] = fmt.Sprintf("Wrel %s %d", word, value)
			case 4, 5, 6:
				body[j] = "R " + word
			case 7:
				body[j] = "Racq " + word
			case 8:
				body[j] = []string{"mb", "wmb", "rmb"}[r.IntN(3)]
			default:
				body[j] = fmt.Sprintf("xchg %s %d", word, value)
			}
		}
		threads[i] = strings.Join(body, "; ")
	}
	return strings.Join(threads, " | ")
}

// randomCircle draws a program as those of most litmus tests are: each task makes an access to one word and, maybe behind a barrier, to the next.
func randomCircle(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 13))
	threads := make([]string, 3+r.IntN(2))
	for i := range threads {
		here, next := string(rune('x'+i)), string(rune('x'+(i+1)%len(threads)))
		first := []string{"R " + here, "Racq " + here, "W " + here + " 1", "xchg " + here + " 1"}[min(r.IntN(7)/2, 3)]
		last := []string{"R " + next, "W " + next + " 2", "Wrel " + next + " 2", "xchg " + next + " 2"}[min(r.IntN(7)/2, 3)]
		mine := string(rune('a' + i)) // a store of its own, forwarded to its load, orders nothing
		between := []string{"; ", "; ", "; mb; ", "; mb; ", "; wmb; ", "; rmb; ",
			"; W " + mine + " 1; Racq " + mine + "; ", "; Wrel " + mine + " 1; Racq " + mine + "; ", "; xchg " + mine + " 1; Racq " + mine + "; "}[r.IntN(9)]
		threads[i] = first + between + last
	}
	return strings.ReplaceAll(strings.Join(threads, " | "), "{", "w")
}

// readsOften reports whether a task may lose patience.
func readsOften(body []lkmm.Instr) bool {
	reads := map[string]int{}
	for _, i := range body {
		if i.Op == lkmm.Read || i.Op == lkmm.Acquire {
			reads[i.Var]++
		}
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(reads)), func(n int) bool { return n > patience })
}

// TestViewsAgreeWithLKMM: no outcome of a random program is one that the kernel's memory model forbids, and those that are missed are of the two
// kinds that are left out.
func TestViewsAgreeWithLKMM(t *testing.T) {
	programs := uint64(2000)
	if testing.Short() {
		programs = 200
	}
	equal, compared, buffering, late := 0, 0, 0, 0
	for seed := range programs {
		text := randomWeak(seed / 2)
		if seed%2 == 1 {
			text = randomCircle(seed / 2)
		}
		p, err := lkmm.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		o := weak(DPOR)
		o.Executions = 20_000
		r := explored(t, newWeakProgram(text, p.Vars()...), o)
		if !r.Complete {
			continue
		}
		if slices.ContainsFunc(p, func(body []lkmm.Instr) bool { return readsOften(body) }) {
			continue
		}
		compared++
		allowed := p.Outcomes()
		for outcome := range r.DistinctOutcomes {
			if _, ok := allowed[outcome]; !ok {
				t.Errorf("seed %d: %s: %s is forbidden", seed, text, outcome)
			}
		}
		if len(r.DistinctOutcomes) == len(allowed) {
			equal++
		}
		for outcome, kind := range allowed {
			switch {
			case r.DistinctOutcomes[outcome] > 0:
			case !kind.NoBuffering:
				buffering++
			case !kind.InOrder:
				late++
			default:
				t.Errorf("seed %d: %s: %s is missed", seed, text, outcome)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, %d with exactly the outcomes of LKMM; missed: %d with load buffering, %d with stores out of order", compared, equal, buffering, late)
}
