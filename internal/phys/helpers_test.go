package phys

import (
	"os"
	"path/filepath"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// newMemory returns a memory that is closed when the test ends.
func newMemory(tb testing.TB, size uint64) *Memory {
	tb.Helper()
	m, err := New(size)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	return m
}

// newTask returns a task whose violations fail the test.
func newTask(tb testing.TB, id int) *task.Task {
	return task.New(id, "test", func(v task.Violation) { tb.Error(v) })
}

// collect returns a task that collects its violations.
func collect(id int) (*task.Task, *[]task.Violation) {
	var got []task.Violation
	return task.New(id, "test", func(v task.Violation) { got = append(got, v) }), &got
}

func oracles(vs []task.Violation) []string {
	var names []string
	for _, v := range vs {
		names = append(names, v.Oracle)
	}
	return names
}

// failer lets every allocation fail.
type failer struct{ task.NoObserver }

func (failer) Choose(_ *task.Task, what task.Choice, _ int) int {
	if what == task.AllocFails {
		return 1
	}
	return 0
}

func writeTemp(tb testing.TB, content []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// openTemp makes a file with the given content and opens it; it is put when the test ends.
func openTemp(tb testing.TB, m *Memory, t *task.Task, content []byte, writable bool) *File {
	tb.Helper()
	f, err := m.OpenFile(t, writeTemp(tb, content), mode(writable))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.Put(t); err != nil {
			tb.Error(err)
		}
	})
	return f
}

func mode(writable bool) int {
	if writable {
		return linux.O_RDWR
	}
	return linux.O_RDONLY
}
