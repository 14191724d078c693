package task

import "testing"

// mindLog notes what a mind is told.
type mindLog struct {
	marks int
	kept  []uint64
}

func (m *mindLog) Mark(*Task) int { m.marks++; return m.marks }

func (m *mindLog) Keep(_ *Task, mark int, what uint64) { m.kept = append(m.kept, uint64(mark), what) }

// TestMind: a task's mind is told where it remembers less; without one nothing happens.
func TestMind(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Keep(tk.Mark(), 1)
	tk.Learn(1)
	m := &mindLog{}
	tk.Mind = m
	tk.Keep(tk.Mark(), 7)
	tk.Learn(8)
	if m.marks != 2 || len(m.kept) != 4 || m.kept[0] != 1 || m.kept[1] != 7 || m.kept[3] != 8 {
		t.Errorf("%+v", m)
	}
}
