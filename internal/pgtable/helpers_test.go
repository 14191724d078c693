package pgtable

import (
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// newMemory returns a memory that must be all free when the test has ended.
func newMemory(tb testing.TB, size uint64) *phys.Memory {
	tb.Helper()
	mem, err := phys.New(size)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if n := mem.Stats().FramesInUse; n != 0 {
			tb.Errorf("%d frames leaked", n)
		}
		if err := mem.Close(); err != nil {
			tb.Error(err)
		}
	})
	return mem
}

func newTask(tb testing.TB, id int, access *ksync.Domain) *task.Task {
	t := task.New(id, "test", func(v task.Violation) { tb.Error(v) })
	access.Register(t)
	return t
}

// newTables returns tables in a memory of their own, destroyed when the test ends.
func newTables(tb testing.TB) (*Tables, *task.Task) {
	tb.Helper()
	mem := newMemory(tb, 64<<20)
	access := ksync.NewDomain(task.SlotAccess)
	t := newTask(tb, 0, access)
	tables, err := New(t, mem, access)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		tables.Destroy(t)
		access.Barrier(t)
	})
	return tables, t
}

func mustAlloc(tb testing.TB, tables *Tables, t *task.Task, addr uint64) Slot {
	tb.Helper()
	s, err := tables.Alloc(t, addr)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// events records what an observed task announces.
type events struct {
	task.NoObserver
	after      []task.Event
	born, died []string // types
	types      map[unsafe.Pointer]string
}

func (l *events) After(_ *task.Task, e *task.Event) { l.after = append(l.after, *e) }

func (l *events) Born(_ *task.Task, base unsafe.Pointer, layout *task.Layout) {
	l.born = append(l.born, layout.Type)
	if l.types == nil {
		l.types = map[unsafe.Pointer]string{}
	}
	l.types[base] = layout.Type
}

func (l *events) Died(_ *task.Task, base unsafe.Pointer) { l.died = append(l.died, l.types[base]) }
