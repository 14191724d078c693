package task

import (
	"errors"
	"testing"
	"unsafe"
)

// mindLog notes what a mind is told.
type mindLog struct {
	marks int
	kept  []uint64
	// forgot is where what was forgotten ends
	forgot []unsafe.Pointer
}

func (m *mindLog) Mark(*Task) int { m.marks++; return m.marks }

func (m *mindLog) Keep(_ *Task, mark int, what uint64) { m.kept = append(m.kept, uint64(mark), what) }

func (m *mindLog) Forget(_ *Task, base unsafe.Pointer, size uintptr) {
	m.forgot = append(m.forgot, unsafe.Add(base, size))
}

// TestMind: a task's mind is told where it remembers less; without one nothing happens.
func TestMind(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Keep(tk.Mark(), 1)
	tk.Learn(1)
	var cells [2]uint64
	tk.Forget(unsafe.Pointer(&cells), 8)
	m := &mindLog{}
	tk.Mind = m
	tk.Keep(tk.Mark(), 7)
	tk.Learn(8)
	if m.marks != 2 || len(m.kept) != 4 || m.kept[0] != 1 || m.kept[1] != 7 || m.kept[3] != 8 {
		t.Errorf("%+v", m)
	}
	tk.KeepError(tk.Mark(), nil)
	tk.KeepError(tk.Mark(), errors.New("interrupted"))
	tk.Forget(unsafe.Pointer(&cells), 8)
	if m.kept[5] != 0 || m.kept[7] != 1 || len(m.forgot) != 1 || m.forgot[0] != unsafe.Pointer(&cells[1]) {
		t.Errorf("%+v", m)
	}
}
