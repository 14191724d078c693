package herd

import (
	"fmt"
	"slices"
	"strings"

	"vmasim/internal/task"
)

// newProgram makes a test a program. The variables are those that it names, in that order.
func newProgram(t *Test) (*program, error) {
	p := &program{test: t}
	name := func(name string) {
		if !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
	}
	for _, i := range t.Init {
		if i.Thread >= len(t.Threads) {
			return nil, fmt.Errorf("%s: there is no thread %d, expected one with register %s", t.Name, i.Thread, i.Var)
		}
		if i.Thread < 0 {
			name(i.Var)
		}
		if i.Points != "" {
			name(i.Points)
		}
		if i.Points != "" && i.Thread < 0 {
			p.pointers = append(p.pointers, i.Var)
		}
	}
	for _, th := range t.Threads {
		for _, param := range th.Params {
			name(param)
		}
	}
	for i := range t.Threads {
		if err := p.look(&t.Threads[i], t.Threads[i].Body); err != nil {
			return nil, err
		}
	}
	if n := len(p.domains); n > int(task.NumSlots) {
		return nil, fmt.Errorf("%s: read sections of %d kinds, at most %d are supported", t.Name, n, task.NumSlots)
	}
	for i := range t.Threads {
		if err := p.refuse(t.Threads[i].Body); err != nil {
			return nil, err
		}
	}
	for _, l := range t.Cond.locs(t.Filter.locs(slices.Clone(t.Show))) {
		if l.Thread < 0 && !slices.Contains(p.names, l.Name) {
			return nil, fmt.Errorf("%s: the condition is about %s, which no thread has", t.Name, l.Name)
		}
		if !slices.Contains(p.locs, l) {
			p.locs = append(p.locs, l)
		}
	}
	slices.SortFunc(p.locs, func(a, b Loc) int {
		if (a.Thread < 0) != (b.Thread < 0) { // registers first
			return b.Thread - a.Thread
		}
		if a.Thread != b.Thread {
			return a.Thread - b.Thread
		}
		return slices.Compare([]byte(a.Name), []byte(b.Name))
	})
	return p, nil
}

// storing are the functions that store their second argument.
var storing = []string{"WRITE_ONCE", "smp_store_release", "smp_store_mb", "rcu_assign_pointer", "xchg", "xchg_acquire", "xchg_release", "xchg_relaxed"}

// refuse refuses what works on numbers alone where a variable holds addresses.
func (p *program) refuse(body []Stmt) error {
	for _, s := range body {
		if err := p.refuse(slices.Concat(s.Then, s.Else)); err != nil {
			return err
		}
		c, ok := s.Expr.(Call)
		if !ok || !strings.HasPrefix(c.Func, "atomic_") && !strings.HasPrefix(c.Func, "cmpxchg") {
			continue
		}
		for _, a := range c.Args {
			if name, ok := a.(Name); ok && slices.Contains(p.pointers, string(name)) {
				return &Error{c.Pos, fmt.Sprintf("%s of %s, which holds addresses, is not supported", c.Func, name)}
			}
		}
	}
	return nil
}

// look finds the variables that hold addresses.
func (p *program) look(th *Thread, body []Stmt) error {
	for _, s := range body {
		if err := p.look(th, s.Then); err != nil {
			return err
		}
		if err := p.look(th, s.Else); err != nil {
			return err
		}
		c, ok := s.Expr.(Call)
		if ok {
			p.domain(c)
		}
		if !ok || len(c.Args) < 2 || !slices.Contains(storing, c.Func) || !isAddress(th, c.Args[1]) {
			continue
		}
		to, ok := c.Args[0].(Name)
		if !ok || !slices.Contains(th.Params, string(to)) {
			return &Error{c.Pos, "an address is stored through a register, expected a parameter"}
		}
		p.pointers = append(p.pointers, string(to))
	}
	return nil
}

// domain notes whose read sections a call is about: those of a variable, or RCU's, which are the first.
func (p *program) domain(c Call) {
	switch {
	case strings.Contains(c.Func, "srcu") && len(c.Args) > 0:
		if of, ok := c.Args[0].(Name); ok && !slices.Contains(p.domains, string(of)) {
			p.domains = append(p.domains, string(of))
		}
	case strings.Contains(c.Func, "rcu_read_") || strings.HasPrefix(c.Func, "synchronize_rcu"):
		if !slices.Contains(p.domains, "") {
			p.domains = slices.Insert(p.domains, 0, "")
		}
	}
}

// isAddress reports whether an expression is the address of a variable.
func isAddress(th *Thread, e Expr) bool {
	switch e := e.(type) {
	case AddrOf:
		return true
	case Name:
		return slices.Contains(th.Params, string(e))
	}
	return false
}
