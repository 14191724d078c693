package program

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/workloads"
)

// update is a read-modify-write as the protocol performs it: of what, and with which order.
type update struct {
	order task.Order
	op    task.Op
	cell  string
}

// TestUpdates performs one execution of each built-in scenario under views and writes down every read-modify-write, with its order and the
// kernel functions that perform it: the table of docs/memory-model.md. internal/task holds the orders to the kernel's rules for the names.
func TestUpdates(t *testing.T) {
	found := map[update]map[string]bool{}
	for _, name := range names() {
		for _, sc := range builtin(t, name) {
			p, err := New(sc, Setting{Rules: rules.Default, Model: "views"})
			if err != nil {
				continue // it has choices that views have no use for
			}
			for _, turn := range []func([]int) int{slices.Min[[]int], slices.Max[[]int]} {
				p.follow = newRecording(p)
				tr, err := explore.Steer(p, turn, explore.Options{Memory: p.memory, Record: p.follow.Recorder, Watch: func(report func(task.Violation)) explore.Oracle {
					p.follow.watch = p.Watch(report).(*oracles)
					return p.follow.watch
				}})
				if err != nil {
					t.Fatal(name, err)
				}
				for i := range tr.Steps {
					s := &tr.Steps[i]
					if s.Kind != task.RMW || s.Op > task.OpSeqEnd {
						continue
					}
					u := update{s.Order, s.Op, kindOfCell(p, s.Cell)}
					if !strings.Contains(u.cell, ".") { // the scenario's own, or a file's, which has no name
						continue
					}
					if found[u] == nil {
						found[u] = map[string]bool{}
					}
					if s.Func != "" && s.Func != s.Statement {
						found[u][s.Func] = true
					}
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	var made strings.Builder
	made.WriteString("| order | operation | of | in |\n|---|---|---|---|\n")
	for _, u := range slices.SortedFunc(maps.Keys(found), func(a, b update) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.op, b.op), cmp.Compare(a.cell, b.cell))
	}) {
		in := "its own task"
		if len(found[u]) > 0 {
			in = "`" + strings.Join(slices.Sorted(maps.Keys(found[u])), "`, `") + "`"
		}
		fmt.Fprintf(&made, "| %s | `%s` | `%s` | %s |\n", u.order, u.op, u.cell, in)
	}
	holdsPart(t, memoryManual, "updates", made.String())
}

var cellNumber = regexp.MustCompile(`(#\d+(@[^.]*)?|\[[^]]*\])`)

// kindOfCell is the name of a cell without the numbers of its object, and without the name of an address space.
func kindOfCell(p *Program, cell string) string {
	object, field, ok := strings.Cut(cellNumber.ReplaceAllString(cell, ""), ".")
	switch {
	case !ok:
		return object
	case object == "mm_tables" || slices.ContainsFunc(p.scenario.MMs, func(m *workloads.MM) bool { return m.Name == object }):
		object = "mm"
	case strings.HasSuffix(object, "_table") && field == "refcount":
		object = "page"
	}
	return object + "." + field
}
