package explore

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// generated is a random program over every kind of cell.
type generated struct {
	PlainProgram
	tasks [][]statement
	late  bool      // callbacks run in barriers only
	last  *genWorld // of the execution that runs
	sums  bool      // its worlds tell what tasks have noted as a sum, not as what they remember
	again bool      // a world in which all tasks have ended is used again: it has no use for slabs
}

// statement is something that a task of a generated program does.
type statement struct {
	name string
	cell int
	do   func(w *genWorld, t *genTask, s statement)
	body []statement
}

func (s statement) String() string {
	text := fmt.Sprintf("%s %d", s.name, s.cell)
	if len(s.body) > 0 {
		text += fmt.Sprint(" ", s.body)
	}
	return text
}

// genWorld is what the tasks of a generated program share.
type genWorld struct {
	PlainWorld
	program *generated
	words   [2]ksync.Atomic64
	plain   ksync.Plain[int]
	count   ksync.Refcount
	spins   [2]ksync.SpinLock
	mutexes [2]ksync.Mutex
	sem     ksync.RWSem
	wait    ksync.RCUWait
	rcu     [2]*ksync.Domain
	typed   *ksync.Slab[genObject, *genObject]
	late    *ksync.Slab[genObject, *genObject]
	slot    ksync.Pointer[genObject]
	frame   [2]ksync.Atomic64 // accessed word by word and as a whole
	tasks   []*genTask
	ended   bool // all tasks have, and hold nothing
	by      *Executor
}

type genTask struct {
	*task.Task
	log  strings.Builder
	done int // of its statements
	sum  uint64
}

type genObject struct {
	ksync.Life
	index int
	value ksync.Atomic64
}

var frameLayout = &task.Layout{Type: "frame", Size: unsafe.Sizeof(genWorld{}.frame)}

var genLayout = &task.Layout{Type: "object", Size: unsafe.Sizeof(genObject{})}

func (t *genTask) note(v any) { fmt.Fprint(&t.log, " ", v) }

func (p *generated) NewWorld(x *Executor, report func(task.Violation)) (World, error) {
	if p.again && p.last != nil && p.last.ended && p.last.by == x {
		p.last.reset(x)
		return p.last, nil
	}
	w := &genWorld{program: p, by: x, rcu: [2]*ksync.Domain{ksync.NewDomain(task.SlotRCU), ksync.NewDomain(task.SlotAccess)}}
	for _, d := range w.rcu {
		if p.late {
			d.EndLate()
		} else {
			d.EndEarly()
		}
	}
	p.last = w
	slab := func(reuse ksync.Reuse) *ksync.Slab[genObject, *genObject] {
		return ksync.NewSlab[genObject, *genObject](ksync.SlabConfig[genObject]{
			Name: "object", Reuse: reuse, RCU: w.rcu[0], Layout: genLayout,
			Poison: func(t *task.Task, o *genObject) { o.value.WriteOnce(t, 99) },
			Init:   func(o *genObject, i int) { o.index = i },
		})
	}
	w.typed, w.late = slab(ksync.TypeSafe), slab(ksync.AfterGracePeriod)
	w.count.Init(1)
	boot := task.New(0, "boot", report)
	boot.Observer = x
	boot.Born(unsafe.Pointer(&w.frame), frameLayout)
	o, err := w.typed.Alloc(boot)
	if err != nil {
		return nil, err
	}
	w.slot.Init(o)
	for i := range p.tasks {
		t := &genTask{Task: task.New(i+1, string(rune('A'+i)), report)}
		for _, d := range w.rcu {
			d.Register(t.Task)
		}
		w.tasks = append(w.tasks, t)
	}
	return w, nil
}

// reset makes the world what it was at first.
func (w *genWorld) reset(x *Executor) {
	for i := range w.words {
		w.words[i].Init(0)
		w.frame[i].Init(0)
	}
	w.plain.Init(0)
	w.count.Init(1)
	w.sem, w.wait, w.ended = ksync.RWSem{}, ksync.RCUWait{}, false
	x.Born(nil, unsafe.Pointer(&w.frame), frameLayout)
	x.Born(nil, unsafe.Pointer(w.slot.Peek()), genLayout)
	for _, t := range w.tasks {
		t.log.Reset()
		t.done, t.sum = 0, 0
	}
}

func (w *genWorld) Tasks() []Task {
	var all []Task
	for i, t := range w.tasks {
		all = append(all, Task{t.Name, t.Task, func() {
			for _, s := range w.program.tasks[i] {
				from := t.log.Len()
				s.do(w, t, s)
				t.did(i, t.log.String()[from:])
			}
		}})
	}
	return all
}

// did notes that task i has performed a statement in which it has noted something.
func (t *genTask) did(i int, noted string) {
	t.done++
	t.sum += Mix(Mix(uint64(i), uint64(t.done)), hashText(noted))
}

// Past implements [World].
func (w *genWorld) Past(over bool) (sum uint64) {
	if !w.program.sums {
		return 0
	}
	for _, t := range w.tasks {
		sum += t.sum
	}
	if over {
		sum += hashText(w.shared())
	}
	return sum
}

func hashText(text string) (h uint64) {
	for _, c := range text {
		h = Mix(h, uint64(c))
	}
	return h
}

// Locals implements [World]: a task that has ended is what it has noted.
func (w *genWorld) Locals(i int, e *task.Event) (number uint64, live int) {
	if w.program.sums {
		return uint64(w.tasks[i].done), -1
	}
	if e == nil {
		number = hashText(w.tasks[i].log.String())
	}
	return number, -1
}

func (w *genWorld) shared() string {
	return fmt.Sprint(w.words[0].Peek(), w.words[1].Peek(), w.plain.Peek(), w.count.Peek(), w.sem.Held(), w.rcu[0].Pending(), w.rcu[1].Pending(),
		w.typed.InUse(), w.late.InUse(), w.frame[0].Peek(), w.frame[1].Peek())
}

func (w *genWorld) state() string {
	text := w.shared()
	for _, t := range w.tasks {
		text += fmt.Sprintf(" %s:%s", t.Name, t.log.String())
	}
	return text
}

func (w *genWorld) Finish() string {
	w.ended = true
	return w.state()
}

func (w *genWorld) Abandon() {}

func run(w *genWorld, t *genTask, body []statement) {
	for _, s := range body {
		s.do(w, t, s)
	}
}

// simple are statements of one step.
var simple = []statement{
	{name: "read", do: func(w *genWorld, t *genTask, s statement) { t.note(w.words[s.cell].ReadOnce(t.Task)) }},
	{name: "write", do: func(w *genWorld, t *genTask, s statement) { w.words[s.cell].WriteOnce(t.Task, uint64(t.ID)) }},
	{name: "add", do: func(w *genWorld, t *genTask, s statement) { t.note(w.words[s.cell].Add(t.Task, 1)) }},
	{name: "cmpxchg", do: func(w *genWorld, t *genTask, s statement) {
		t.note(w.words[s.cell].CmpXchg(t.Task, 0, uint64(t.ID)))
	}},
	{name: "plain read", do: func(w *genWorld, t *genTask, s statement) { t.note(w.plain.Read(t.Task)) }},
	{name: "plain write", do: func(w *genWorld, t *genTask, s statement) { w.plain.Write(t.Task, t.ID) }},
	{name: "get", do: func(w *genWorld, t *genTask, s statement) { t.note(w.count.IncNotZero(t.Task)) }},
	{name: "put", do: func(w *genWorld, t *genTask, s statement) { t.note(w.count.DecAndTest(t.Task)) }}, // may underflow
	{name: "read frame", do: func(w *genWorld, t *genTask, s statement) { t.note(w.frame[s.cell].ReadOnce(t.Task)) }},
	{name: "write frame", do: func(w *genWorld, t *genTask, s statement) { w.frame[s.cell].WriteOnce(t.Task, uint64(t.ID)) }},
	{name: "clear frame", do: func(w *genWorld, t *genTask, s statement) {
		t.BeginRange(task.OpClearPage, unsafe.Pointer(&w.frame), unsafe.Sizeof(w.frame))
		w.frame[0].Init(0)
		w.frame[1].Init(0)
		t.End(0, 0)
	}},
	{name: "copy frame", do: func(w *genWorld, t *genTask, s statement) {
		t.BeginRange(task.OpCopyFrom, unsafe.Pointer(&w.frame), unsafe.Sizeof(w.frame))
		t.note(w.frame[0].Peek())
		t.note(w.frame[1].Peek())
		t.End(0, 0)
	}},
	{name: "assert", do: func(w *genWorld, t *genTask, s statement) {
		if v := w.words[s.cell].ReadOnce(t.Task); v == 3 {
			t.Violate("assert", "word %d is 3", s.cell)
		}
	}},
}

// compound are statements of several steps; body is done inside, or if they succeed.
var compound = []statement{
	{name: "spin", do: func(w *genWorld, t *genTask, s statement) {
		w.spins[s.cell].Lock(t.Task)
		run(w, t, s.body)
		w.spins[s.cell].Unlock(t.Task)
	}},
	{name: "try spin", do: func(w *genWorld, t *genTask, s statement) {
		if w.spins[s.cell].Trylock(t.Task) {
			run(w, t, s.body)
			w.spins[s.cell].Unlock(t.Task)
		}
	}},
	{name: "mutex", do: func(w *genWorld, t *genTask, s statement) {
		w.mutexes[s.cell].Lock(t.Task)
		run(w, t, s.body)
		w.mutexes[s.cell].Unlock(t.Task)
	}},
	{name: "try mutex", do: func(w *genWorld, t *genTask, s statement) {
		if w.mutexes[s.cell].Trylock(t.Task) {
			run(w, t, s.body)
			w.mutexes[s.cell].Unlock(t.Task)
		}
	}},
	{name: "read sem", do: func(w *genWorld, t *genTask, s statement) {
		w.sem.DownRead(t.Task)
		run(w, t, s.body)
		w.sem.UpRead(t.Task)
	}},
	{name: "try read sem", do: func(w *genWorld, t *genTask, s statement) {
		if w.sem.DownReadTrylock(t.Task) {
			run(w, t, s.body)
			w.sem.UpRead(t.Task)
		}
	}},
	{name: "write sem", do: func(w *genWorld, t *genTask, s statement) {
		w.sem.DownWrite(t.Task)
		run(w, t, s.body)
		w.sem.UpWrite(t.Task)
	}},
	{name: "downgrade sem", do: func(w *genWorld, t *genTask, s statement) {
		w.sem.DownWrite(t.Task)
		w.sem.DowngradeWrite(t.Task)
		run(w, t, s.body)
		w.sem.UpRead(t.Task)
	}},
	{name: "rcu", do: func(w *genWorld, t *genTask, s statement) {
		d := w.rcu[s.cell]
		if t.Sections[d.Slot()].Depth > 0 {
			return
		}
		d.ReadLock(t.Task)
		run(w, t, s.body)
		d.ReadUnlock(t.Task)
	}},
	{name: "synchronize", do: func(w *genWorld, t *genTask, s statement) {
		if d := w.rcu[s.cell]; t.Sections[d.Slot()].Depth == 0 {
			d.Synchronize(t.Task)
		}
	}},
	{name: "call", do: func(w *genWorld, t *genTask, s statement) {
		w.rcu[s.cell].Call(t.Task, func(t *task.Task) { w.words[s.cell].WriteOnce(t, 7) })
	}},
	{name: "call locking", do: func(w *genWorld, t *genTask, s statement) {
		w.rcu[s.cell].Call(t.Task, func(t *task.Task) {
			w.mutexes[s.cell].Lock(t)
			w.mutexes[s.cell].Unlock(t)
		})
	}},
	{name: "barrier", do: func(w *genWorld, t *genTask, s statement) {
		if d := w.rcu[s.cell]; t.Sections[d.Slot()].Depth == 0 {
			d.Barrier(t.Task)
		}
	}},
	{name: "await", do: func(w *genWorld, t *genTask, s statement) {
		word := &w.words[s.cell]
		_ = w.wait.WaitEvent(t.Task, unsafe.Pointer(word), task.Uninterruptible, func() bool {
			t.note(fmt.Sprint("look ", s.cell)) // how often is what a wake-up too many changes
			return word.Peek() != 0
		})
	}},
	{name: "signal", do: func(w *genWorld, t *genTask, s statement) {
		w.words[s.cell].Add(t.Task, 1)
		w.wait.WakeUp(t.Task)
	}},
	{name: "signal first", do: func(w *genWorld, t *genTask, s statement) { // loses wake-ups
		w.wait.WakeUp(t.Task)
		w.words[s.cell].Add(t.Task, 1)
	}},
	{name: "replace", do: func(w *genWorld, t *genTask, s statement) {
		o, err := w.slab(s.cell).Alloc(t.Task)
		if err != nil {
			t.note("ENOMEM")
			return
		}
		t.note(o.index)
		o.value.WriteOnce(t.Task, uint64(t.ID))
		if old := w.slot.Xchg(t.Task, o); old != nil && s.cell == 0 {
			w.typed.Free(t.Task, old)
		}
	}},
	{name: "take", do: func(w *genWorld, t *genTask, s statement) {
		if o := w.slot.Xchg(t.Task, nil); o != nil {
			w.slab(s.cell).Free(t.Task, o)
		}
	}},
	{name: "look", do: func(w *genWorld, t *genTask, s statement) {
		if o := w.slot.ReadOnce(t.Task); o != nil {
			t.note(o.value.ReadOnce(t.Task))
			t.note(o.Alive())
		}
	}},
}

func (w *genWorld) slab(i int) *ksync.Slab[genObject, *genObject] {
	if i == 0 {
		return w.typed
	}
	return w.late
}

// families are kinds of statements that have to meet; "": any.
var families = []string{"", "|await|signal|signal first|", "|rcu|synchronize|call|barrier|replace|look|", "",
	"|read sem|try read sem|write sem|downgrade sem|"}

// generate returns the program with the given seed.
func generate(seed uint64) *generated {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &generated{late: seed/uint64(len(families))%2 == 1}
	// A program keeps to a few kinds of statements, so that they meet.
	var kinds []statement
	family := families[seed%uint64(len(families))]
	for range 2 + r.IntN(3) {
		var some []statement
		for _, s := range compound {
			if family == "" || strings.Contains(family, "|"+s.name+"|") {
				some = append(some, s)
			}
		}
		kinds = append(kinds, some[r.IntN(len(some))])
	}
	for range 2 + r.IntN(2) {
		kinds = append(kinds, simple[r.IntN(len(simple))])
	}
	cells := 1 + r.IntN(2)
	var some func(depth int) statement
	some = func(depth int) statement {
		s := kinds[r.IntN(len(kinds))]
		s.cell = r.IntN(cells)
		if depth > 0 {
			for range r.IntN(3) {
				s.body = append(s.body, some(depth-1))
			}
		}
		return s
	}
	for range 2 + r.IntN(2) {
		var body []statement
		for range 1 + r.IntN(2) {
			body = append(body, some(1+r.IntN(2)))
		}
		p.tasks = append(p.tasks, body)
	}
	return p
}

func (p *generated) String() string {
	var lines []string
	for i, body := range p.tasks {
		lines = append(lines, fmt.Sprintf("%c: %v", 'A'+i, body))
	}
	return strings.Join(lines, "\n")
}
