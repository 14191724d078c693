package herd

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// variable is what threads share. One that holds addresses does so as a pointer, so that what it leads to depends on it.
type variable struct {
	world   *world
	index   int
	name    string
	pointer bool
	word    ksync.Atomic64
	leads   ksync.Pointer[variable]
	lock    ksync.SpinLock
}

var variableLayout = &task.Layout{Type: "variable", Size: unsafe.Sizeof(variable{})}

// program is a test as the explorer runs it.
type program struct {
	explore.PlainProgram
	test     *Test
	names    []string // of the variables
	pointers []string // of those that hold addresses
	locs     []Loc    // that a state tells
	domains  []string // whose read sections there are: variables', "" being RCU's
}

// world is an execution of a test.
type world struct {
	explore.PlainWorld
	program *program
	vars    []*variable
	rcu     []*ksync.Domain // by place in the program's domains
	runs    []*run
	wrong   string // what a thread did that is no C
}

// run is a thread of an execution.
type run struct {
	world *world
	t     *task.Task
	regs  map[string]int64
}

// firstAddress is the number that stands for the address of the first variable.
const firstAddress = 1 << 40

// NewWorld implements [explore.Program].
func (p *program) NewWorld(x *explore.Executor, report func(task.Violation)) (explore.World, error) {
	w := &world{program: p}
	for i := range p.domains {
		w.rcu = append(w.rcu, ksync.NewDomain(i))
	}
	boot := task.New(len(p.test.Threads), "init", report)
	for i, name := range p.names {
		v := &variable{world: w, index: i, name: name, pointer: slices.Contains(p.pointers, name)}
		x.Born(boot, unsafe.Pointer(v), variableLayout)
		w.vars = append(w.vars, v)
	}
	for _, i := range p.test.Init {
		if i.Thread >= 0 {
			continue
		}
		v := w.vars[slices.Index(p.names, i.Var)]
		if i.Points != "" {
			v.leads.Init(w.vars[slices.Index(p.names, i.Points)])
		}
		v.word.Init(uint64(i.Value))
	}
	for i := range p.test.Threads {
		t := task.New(i, fmt.Sprintf("P%d", i), report)
		for _, d := range w.rcu {
			d.Register(t)
		}
		w.runs = append(w.runs, &run{w, t, map[string]int64{}})
	}
	for _, i := range p.test.Init {
		switch {
		case i.Thread < 0:
		case i.Points != "":
			w.runs[i.Thread].regs[i.Var] = w.address(i.Points)
		default:
			w.runs[i.Thread].regs[i.Var] = i.Value
		}
	}
	return w, nil
}

// Tasks implements [explore.World].
func (w *world) Tasks() (all []explore.Task) {
	for i, r := range w.runs {
		all = append(all, explore.Task{Name: r.t.Name, Task: r.t, Body: func() { r.statements(w.program.test.Threads[i].Body) }})
	}
	return all
}

// Abandon implements [explore.World].
func (w *world) Abandon() {}

// wrongPrefix begins the outcome of an execution in which a thread did what is no C.
const wrongPrefix = "wrong: "

// Finish implements [explore.World]: the state that the execution ends in.
func (w *world) Finish() string {
	if w.wrong != "" {
		return wrongPrefix + w.wrong
	}
	words := make([]string, len(w.program.locs))
	for i, l := range w.program.locs {
		value := int64(0)
		if l.Thread >= 0 {
			value = w.runs[l.Thread].regs[l.Name]
		} else {
			value = w.vars[slices.Index(w.program.names, l.Name)].peek()
		}
		words[i] = fmt.Sprintf("%s=%s;", l, w.text(value))
	}
	return strings.Join(words, " ")
}

// text words a value: an address by the name of its variable.
func (w *world) text(value int64) string {
	if i := value - firstAddress; i >= 0 && i < int64(len(w.vars)) {
		return w.vars[i].name
	}
	return fmt.Sprint(value)
}

// domain returns whose read sections a call is about.
func (r *run) domain(name string) *ksync.Domain {
	return r.world.rcu[slices.Index(r.world.program.domains, name)]
}

func (r *run) statements(body []Stmt) {
	for i := range body {
		s := &body[i]
		if s.Cond != nil {
			if r.eval(s.Cond) != 0 {
				r.statements(s.Then)
			} else {
				r.statements(s.Else)
			}
			continue
		}
		if v := r.eval(s.Expr); s.Reg != "" {
			r.regs[s.Reg] = v
		}
	}
}

// at returns the variable at an address.
func (r *run) at(address int64) *variable {
	i := address - firstAddress
	if i < 0 || i >= int64(len(r.world.vars)) {
		r.world.wrong = fmt.Sprintf("%s uses %d as an address", r.t.Name, address)
		return &variable{world: r.world}
	}
	return r.world.vars[i]
}

func (r *run) eval(e Expr) int64 {
	switch e := e.(type) {
	case Num:
		return int64(e)
	case AddrOf:
		return r.world.address(string(e))
	case Name:
		if slices.Contains(r.world.program.test.Threads[r.t.ID].Params, string(e)) {
			return r.world.address(string(e))
		}
		return r.regs[string(e)]
	case Unary:
		x := r.eval(e.X)
		if e.Op == "-" {
			return -x
		}
		return truth(x == 0)
	case Binary:
		return r.binary(e)
	}
	c := e.(Call)
	args := make([]int64, len(c.Args))
	for i, a := range c.Args {
		args[i] = r.eval(a)
	}
	return functions[c.Func].do(r, args)
}

func (w *world) address(name string) int64 {
	return firstAddress + int64(slices.Index(w.program.names, name))
}

func (r *run) binary(e Binary) int64 {
	x := r.eval(e.X)
	switch {
	case e.Op == "&&" && x == 0:
		return 0
	case e.Op == "||" && x != 0:
		return 1
	}
	y := r.eval(e.Y)
	switch e.Op {
	case "&&", "||":
		return truth(y != 0)
	case "|":
		return x | y
	case "^":
		return x ^ y
	case "&":
		return x & y
	case "==":
		return truth(x == y)
	case "!=":
		return truth(x != y)
	case "<":
		return truth(x < y)
	case ">":
		return truth(x > y)
	case "<=":
		return truth(x <= y)
	case ">=":
		return truth(x >= y)
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	}
	if y == 0 {
		r.world.wrong = fmt.Sprintf("%s divides by zero", r.t.Name)
		return 0
	}
	if e.Op == "%" {
		return x % y
	}
	return x / y
}
