package program

import (
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"vmasim/explore"
	"vmasim/internal/ksync"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
)

// mutant is a program whose second task does something that the protocol never does.
type mutant struct {
	*Program
	does func(a *world, t *task.Task)
}

type mutantWorld struct {
	*world
	tasks []explore.Task
}

func (m mutant) NewWorld(x *explore.Executor, report func(task.Violation)) (explore.World, error) {
	made, err := m.Program.NewWorld(x, report)
	if err != nil {
		return nil, err
	}
	a := made.(*world)
	tasks := append([]explore.Task(nil), a.Tasks()...)
	tasks[1].Body = func() { m.does(a, a.threads[1].Task) }
	return &mutantWorld{a, tasks}, nil
}

func (w *mutantWorld) Tasks() []explore.Task { return w.tasks }

// fieldOf returns a field of an object.
func fieldOf(t *testing.T, base unsafe.Pointer, l *task.Layout, name string) unsafe.Pointer {
	for _, f := range l.Fields {
		if f.Name == name {
			return unsafe.Add(base, f.Offset)
		}
	}
	t.Fatalf("no field %s", name)
	return nil
}

func firstVMA(w *world) (found tree.Entry) {
	w.eachVMA(0, func(e tree.Entry) { found = e })
	return found
}

// goish is what a message says only if it is about this program.
var goish = regexp.MustCompile(`goroutine|runtime error|\.go:|nil |\n|^$|panic: `)

// TestHalfMadeObjects: an object that is published before it is initialised ends in a report in the words of the kernel.
// Oracles, names, drawings and the end of the execution survive it.
func TestHalfMadeObjects(t *testing.T) {
	for name, does := range map[string]func(a *world, tk *task.Task){
		"a VMA of no mm": func(a *world, tk *task.Task) {
			v := firstVMA(a).VMA
			(*ksync.Pointer[vma.MMLock])(fieldOf(t, unsafe.Pointer(v), vma.Layout(), "vm_mm")).WriteOnce(tk, nil)
		},
		"a VMA that nothing has made": func(a *world, tk *task.Task) {
			e := firstVMA(a)
			v := &vma.VMA{}
			tk.Born(unsafe.Pointer(v), vma.Layout())
			a.spaces[0].mm.Peek().Tree.Store(tk, e.Start, e.End, v)
		},
		"an entry of the tree without VMA": func(a *world, tk *task.Task) {
			e := firstVMA(a)
			a.spaces[0].mm.Peek().Tree.Store(tk, e.Start, e.End, nil)
		},
		"a VMA of an mm that nothing has made": func(a *world, tk *task.Task) {
			v := firstVMA(a).VMA
			(*ksync.Pointer[vma.MMLock])(fieldOf(t, unsafe.Pointer(v), vma.Layout(), "vm_mm")).WriteOnce(tk, &vma.MMLock{})
		},
		"an address space that nothing has made": func(w *world, tk *task.Task) {
			w.spaces[1].mm.StoreRelease(tk, &mm.MM{Name: "B"})
		},
	} {
		p := newProgram(t, `
mm B
init
	mmap A 8K rw private anon
	touch A write
thread reader
	lock A => any
	in B
		touch A read => any
	touch A+4K write => any
thread other
	yield
thread writer
	mprotect A 4K r => any
	munmap A => any
finally
	load A => any
`, Setting{Consequences: true})
		m := mutant{p, does}
		o := explore.Options{Watch: p.Watch, Choices: p.choices(), Pass: p.pass, KeepGoing: 8, Executions: 400, Seed: 1, Strategy: explore.Random}
		r, err := explore.Search(t.Context(), m, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Violations) == 0 {
			t.Errorf("%s: nothing is reported in %d executions", name, r.Executions)
		}
		for _, f := range r.Violations {
			for _, v := range f.Violations {
				if message, _, _ := strings.Cut(v.Message, "\n  "); goish.MatchString(message) {
					t.Errorf("%s: %s says %q", name, v.Oracle, v.Message)
				}
			}
			drawn, err := p.record(m, f.Schedule)
			if err != nil {
				t.Errorf("%s: replay: %v", name, err)
				continue
			}
			if drawn.Ending != f.Ending || len(drawn.Tasks) != 3 {
				t.Errorf("%s: replayed, it ends in %s, found was %s", name, drawn.Ending, f.Ending)
			}
		}
	}
}
