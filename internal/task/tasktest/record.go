package tasktest

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"vmasim/internal/task"
)

// recorder writes the log. It names every address, because an address as a number differs from run to run.
type recorder struct {
	log     strings.Builder
	names   map[unsafe.Pointer]string // holding the pointers keeps the memory from becoming another cell
	objects []*object                 // by base
	counts  map[string]int            // names given so far, by their stem
}

// object is a piece of memory with named cells, in one life after another.
type object struct {
	base   unsafe.Pointer
	layout *task.Layout
	name   string
	dead   bool
}

var anonymousLayout = &task.Layout{Type: "object", Size: 1}

func newRecorder(names map[unsafe.Pointer]string) *recorder {
	r := &recorder{names: map[unsafe.Pointer]string{nil: "nil"}, counts: map[string]int{}}
	for p, n := range names {
		r.names[p] = n
	}
	return r
}

func (r *recorder) printf(format string, args ...any) {
	fmt.Fprintf(&r.log, format+"\n", args...)
}

// tail returns the last n lines of the log.
func (r *recorder) tail(n int) string {
	lines := strings.Split(strings.TrimSuffix(r.log.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (r *recorder) nameTask(t *task.Task) {
	r.names[unsafe.Pointer(t)] = t.Name
	r.names[unsafe.Pointer(&t.Sections[task.SlotRCU])] = t.Name + ".rcu"
	r.names[unsafe.Pointer(&t.Sections[task.SlotAccess])] = t.Name + ".access"
}

func (r *recorder) event(t *task.Task, e *task.Event) {
	line := fmt.Sprintf("%s %s %s", t.Name, e.Op, r.cell(e.Addr))
	switch {
	case e.Target != nil:
		line += " " + e.Target.Name
	case e.Interrupted:
		line += " interrupted"
	case e.OldPtr != nil || e.NewPtr != nil:
		line += fmt.Sprintf(" %s->%s", r.value(e.OldPtr), r.value(e.NewPtr))
	case e.Op.Info().Kind != task.Wait:
		line += fmt.Sprintf(" %#x->%#x", e.Old, e.New)
	}
	if e.Func != "" {
		line += " " + e.Func
	}
	r.printf("%s", line)
}

func (r *recorder) born(t *task.Task, base unsafe.Pointer, layout *task.Layout) {
	if layout == nil {
		layout = anonymousLayout
	}
	i, known := r.search(base)
	o := &object{base: base, layout: layout, name: r.number(layout.Type)}
	if known {
		r.objects[i] = o
	} else {
		r.objects = slices.Insert(r.objects, i, o)
	}
	r.printf("%s born %s", t.Name, o.name)
}

func (r *recorder) died(t *task.Task, base unsafe.Pointer) {
	r.printf("%s died %s", t.Name, r.value(base))
	if i, known := r.search(base); known {
		r.objects[i].dead = true
	}
}

// search returns the place of the object with the given base, and whether it is there.
func (r *recorder) search(base unsafe.Pointer) (int, bool) {
	return slices.BinarySearchFunc(r.objects, uintptr(base), func(o *object, base uintptr) int {
		switch {
		case uintptr(o.base) < base:
			return -1
		case uintptr(o.base) > base:
			return 1
		}
		return 0
	})
}

// cell names what lies at p: a field of an object, a name given, or a number in the order of appearance.
func (r *recorder) cell(p unsafe.Pointer) string {
	if o, offset := r.objectAt(p); o != nil {
		return o.cellName(offset)
	}
	if name, ok := r.names[p]; ok {
		return name
	}
	name := r.number("cell")
	r.names[p] = name
	return name
}

// value names what the pointer p points to.
func (r *recorder) value(p unsafe.Pointer) string {
	if o, offset := r.objectAt(p); o != nil && offset == 0 {
		return o.String()
	}
	return r.cell(p)
}

func (r *recorder) number(stem string) string {
	r.counts[stem]++
	return fmt.Sprintf("%s#%d", stem, r.counts[stem])
}

// objectAt returns the object that p lies in, and where in it.
func (r *recorder) objectAt(p unsafe.Pointer) (*object, uintptr) {
	i, exact := r.search(p)
	if !exact {
		i--
	}
	if i < 0 {
		return nil, 0
	}
	o := r.objects[i]
	offset := uintptr(p) - uintptr(o.base)
	if offset > 0 && offset >= o.layout.Size {
		return nil, 0
	}
	return o, offset
}

func (o *object) String() string {
	if o.dead {
		return o.name + "(freed)"
	}
	return o.name
}

func (o *object) cellName(offset uintptr) string {
	if f := o.layout.FieldAt(offset); f != nil {
		return o.String() + "." + f.Name
	}
	return fmt.Sprintf("%s+%#x", o, offset)
}
