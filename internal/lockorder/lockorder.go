// Package lockorder declares in which order locks are taken. order.txt is the declaration: a graph without cycles, as text. It is
// parsed once; the oracle lock-order judges each step by it, and a test prints it into docs/locking.md.
package lockorder

import (
	_ "embed" // for order.txt
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed order.txt
var declaration string

// declared parses the declaration when it is first asked for.
var declared = sync.OnceValue(func() *Order {
	o, err := Parse(declaration)
	if err != nil {
		panic("order.txt: " + err.Error()) // the file is part of the program
	}
	return o
})

// Declared returns the order that order.txt declares.
func Declared() *Order { return declared() }

// Kind says what a task does that wants a lock of a class, and what it may do while it holds one.
type Kind string

// The kinds of locks.
const (
	RWSem    Kind = "rwsem"
	Mutex    Kind = "mutex"
	Count    Kind = "count" // references; a writer sleeps until they are gone
	SpinLock Kind = "spinlock"
)

// Class is a class of locks that are all taken at the same place in the order.
type Class struct {
	Name string // STRUCTURE.FIELD, as in the lock's layout; with /1, a second lock under a first
	Kind Kind
	Doc  string
}

// Order is an order of classes, which goes by their indexes. It does not change once it is parsed.
type Order struct {
	classes []Class
	before  [][]bool // by outer and inner class: the inner one may be waited for under the outer one
}

// Parse parses a declaration. order.txt says how one is written.
func Parse(text string) (*Order, error) {
	o := &Order{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		add := o.addClass
		if strings.Contains(line, "<") {
			add = o.addOrder
		}
		if err := add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return o, nil
}

func (o *Order) addClass(line string) error {
	name, rest, named := strings.Cut(line, ":")
	kind, doc, ok := strings.Cut(rest, ",")
	c := Class{strings.TrimSpace(name), Kind(strings.TrimSpace(kind)), strings.TrimSpace(doc)}
	switch {
	case !named || !ok || c.Doc == "":
		return fmt.Errorf("%q: expected NAME: KIND, WHAT or A < B", line)
	case !slices.Contains([]Kind{RWSem, Mutex, Count, SpinLock}, c.Kind):
		return fmt.Errorf("%s: %q is no kind of lock", c.Name, c.Kind)
	case o.Index(c.Name) >= 0:
		return fmt.Errorf("%s is declared twice", c.Name)
	}
	o.classes = append(o.classes, c)
	for i := range o.before {
		o.before[i] = append(o.before[i], false)
	}
	o.before = append(o.before, make([]bool, len(o.classes)))
	return nil
}

func (o *Order) addOrder(line string) error {
	var outer []int
	for part := range strings.SplitSeq(line, "<") {
		var inner []int
		for name := range strings.SplitSeq(part, ",") {
			name = strings.TrimSpace(name)
			c := o.Index(name)
			if c < 0 {
				return fmt.Errorf("%q is not declared", name)
			}
			inner = append(inner, c)
		}
		for _, a := range outer {
			for _, b := range inner {
				if err := o.put(a, b); err != nil {
					return err
				}
			}
		}
		outer = inner
	}
	return nil
}

// put puts a before b, and so all that is before a before all that b is before.
func (o *Order) put(a, b int) error {
	switch {
	case a == b:
		return fmt.Errorf("%s comes before itself", o.classes[a].Name)
	case o.Before(b, a):
		return fmt.Errorf("%s < %s closes a cycle: %s", o.classes[a].Name, o.classes[b].Name, o.Way(b, a))
	case o.classes[a].Kind == SpinLock && o.classes[b].Kind != SpinLock:
		return fmt.Errorf("%s < %s: a task that holds a spinlock may not sleep", o.classes[a].Name, o.classes[b].Name)
	}
	for x := range o.classes {
		if x != a && !o.before[x][a] {
			continue
		}
		for y := range o.classes {
			if y == b || o.before[b][y] {
				o.before[x][y] = true
			}
		}
	}
	return nil
}

// Classes returns the classes by their indexes. The caller must not change them.
func (o *Order) Classes() []Class { return o.classes }

// Index returns the index of a class, -1 if it is not declared.
func (o *Order) Index(name string) int {
	return slices.IndexFunc(o.classes, func(c Class) bool { return c.Name == name })
}

// Before reports whether a task that holds a lock of the outer class may wait for one of the inner class. Classes that are not
// declared have no order: an index beyond the last is such a class.
func (o *Order) Before(outer, inner int) bool {
	return outer < len(o.before) && inner < len(o.before) && o.before[outer][inner]
}

// Next returns the classes that come right after one: those after it that no other class comes between.
func (o *Order) Next(outer int) (next []int) {
	for inner := range o.classes {
		if o.before[outer][inner] && !o.between(outer, inner) {
			next = append(next, inner)
		}
	}
	return next
}

// between reports whether a class comes between two.
func (o *Order) between(outer, inner int) bool {
	for c := range o.classes {
		if o.before[outer][c] && o.before[c][inner] {
			return true
		}
	}
	return false
}

// Way words a way from a class to one after it: "a < b < c".
func (o *Order) Way(outer, inner int) string {
	way := o.classes[outer].Name
	for outer != inner {
		for _, next := range o.Next(outer) {
			if next == inner || o.before[next][inner] {
				outer = next
				break
			}
		}
		way += " < " + o.classes[outer].Name
	}
	return way
}
