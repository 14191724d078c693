package exploretest

import (
	"fmt"
	"maps"
	"unsafe"

	"vmasim/explore/trace"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// names has the names of what lies in a world: those that the test gives, those of objects that are born and of their fields, and
// numbers in the order of appearance. Holding the pointers keeps the memory from becoming something else.
type names struct {
	cells   map[unsafe.Pointer]string
	objects map[unsafe.Pointer]string // by base, where the first field lies, too
	counts  map[string]int            // names given so far, by their stem
}

// reset makes ready for a world in which the test gives these names.
func (n *names) reset(given map[unsafe.Pointer]string) {
	n.cells, n.objects, n.counts = map[unsafe.Pointer]string{}, map[unsafe.Pointer]string{nil: "nil"}, map[string]int{}
	maps.Copy(n.cells, given)
}

func (n *names) task(t *task.Task) {
	n.objects[unsafe.Pointer(t)] = t.Name
	n.cells[unsafe.Pointer(&t.Sections[task.SlotRCU])] = t.Name + ".rcu"
	n.cells[unsafe.Pointer(&t.Sections[task.SlotAccess])] = t.Name + ".access"
}

func (n *names) number(stem string) string {
	n.counts[stem]++
	return fmt.Sprintf("%s#%d", stem, n.counts[stem])
}

func (n *names) cell(p unsafe.Pointer) string {
	if n.cells[p] == "" {
		n.cells[p] = n.number("cell")
	}
	return n.cells[p]
}

// target names what a pointer points to.
func (n *names) target(p unsafe.Pointer) string {
	if name := n.objects[p]; name != "" {
		return name
	}
	return n.cell(p)
}

// Restart implements [trace.Namer].
func (n *names) Restart() {}

// Cell implements [trace.Namer].
func (n *names) Cell(e *task.Event) string { return n.cell(e.Addr) }

// Value implements [trace.Namer].
func (n *names) Value(e *task.Event, v uint64, p unsafe.Pointer) string {
	if e.OldPtr != nil || e.NewPtr != nil {
		return n.target(p)
	}
	return fmt.Sprintf("%#x", v)
}

// Born implements [trace.Namer].
func (n *names) Born(base unsafe.Pointer, layout *task.Layout) string {
	if layout == nil {
		layout = &task.Layout{Type: "object"}
	}
	object := n.number(layout.Type)
	n.objects[base] = object
	for _, f := range layout.Fields {
		n.cells[unsafe.Add(base, f.Offset)] = object + "." + f.Name
	}
	return "born " + object
}

// Died implements [trace.Namer].
func (n *names) Died(base unsafe.Pointer) string {
	object := n.target(base)
	n.objects[base] = object + "(freed)"
	return "died " + object
}

// Blockers implements [trace.Namer].
func (n *names) Blockers(*task.Task, *task.Event) []string { return nil }

// Held implements [trace.Namer].
func (n *names) Held(*task.Task) []trace.Held { return nil }

// Name implements [trace.Namer].
func (n *names) Name(base unsafe.Pointer) string { return n.target(base) }

// Phase implements [trace.Namer].
func (n *names) Phase(unsafe.Pointer) string { return "" }

// Sections implements [trace.Namer].
func (n *names) Sections(unsafe.Pointer) string { return "rcu_read_lock" }

// Pending implements [trace.Namer].
func (n *names) Pending(domain unsafe.Pointer) int { return (*ksync.Domain)(domain).Pending() }

// Entries implements [trace.Namer].
func (n *names) Entries() [][]trace.Entry { return nil }

// Objects implements [trace.Namer].
func (n *names) Objects() []trace.Object { return nil }
