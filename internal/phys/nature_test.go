package phys

import (
	"os"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// TestNature checks what mmap asks of a file, for each kind that can be opened.
func TestNature(t *testing.T) {
	m, err := New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tk := task.New(1, "test", func(v task.Violation) { t.Error(v) })
	regular := t.TempDir() + "/file"
	if err := os.WriteFile(regular, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]nature{
		regular:             {},
		"/dev/zero":         {zero: true, irregular: true},
		"/dev/null":         {refusal: linux.ENODEV, irregular: true},
		"/":                 {refusal: linux.ENODEV, irregular: true},
		"/proc/self/status": {refusal: linux.ENODEV},
	} {
		f, err := m.OpenFile(tk, path, linux.O_RDONLY)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := f.nature
		got.noExec = false // depends on how things are mounted
		if got != want {
			t.Errorf("%s is %+v, expected %+v", path, got, want)
		}
		if f.HasPages() != (path == regular) {
			t.Errorf("%s has pages: %v", path, f.HasPages())
		}
		if err := f.Put(tk); err != nil {
			t.Error(err)
		}
	}
	closed := m.NewClosed(tk)
	if closed.Refusal() != linux.EBADF || closed.HasPages() {
		t.Errorf("a closed file is %+v", closed.nature)
	}
	_ = closed.Put(tk)
}
