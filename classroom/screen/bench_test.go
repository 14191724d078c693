package screen

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"vmasim/classroom/step"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// BenchmarkKey is a key that takes back one step of a thousand, and the screen after it, with two watches.
func BenchmarkKey(b *testing.B) {
	sc, err := workloads.Parse("x.vma", []byte("init\n    mmap A 4K rw private anon\n\nthread a\n    repeat 60\n        store A 1\n        madvise A dontneed\n\nthread b\n    repeat 20\n        store A 1\n"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := step.New(sc, program.Setting{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	m := newModel(b.Context(), s, "")
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 40})
	press(m, ":")
	m.typed = "A 1000"
	press(m, "enter")
	for _, watch := range []string{"watch vm_refcnt", "watch vm_lock_seq == mm.mm_lock_seq"} {
		press(m, ":")
		m.typed = watch
		press(m, "enter")
	}
	for b.Loop() {
		press(m, "left")
		m.lines()
		b.StopTimer()
		press(m, "end")
		b.StartTimer()
	}
	b.ReportMetric(float64(s.Len()), "steps")
}
