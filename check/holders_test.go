package check

import (
	"testing"
	"unsafe"

	"vmasim/explore/exploretest"
	"vmasim/internal/task"
)

// TestBlockers: what a report says about a task that cannot go on.
func TestBlockers(t *testing.T) {
	l := newLockLab(t, "")
	m := l.mm()
	v := l.attached(m)
	var got []string
	l.run(exploretest.Schedule(), func(tk *task.Task) {
		tk.Enter("handle_mm_fault")
		readLock(tk, m, v)
		m.MmapReadTrylock(tk)
		tk.Leave()
		tk.Enter("asking")
		other := l.task(2, "writer", nil)
		for _, e := range []*task.Event{
			{Op: task.OpRWSemWait, Addr: unsafe.Pointer(&m.MmapLock)},
			{Op: task.OpRCUWaitEvent, Addr: unsafe.Pointer(refcntOf(v))},
		} {
			for _, h := range l.c.Blockers(other, e) {
				got = append(got, h.Task+" "+h.Lock+" "+h.Mode+" "+h.Func)
			}
		}
		for _, h := range l.c.Held(tk) {
			got = append(got, h.Lock)
		}
		m.MmapReadUnlock(tk)
		endRead(tk, m, v)
	})
	want := []string{
		"a mm#1.mmap_lock read handle_mm_fault",
		"a vma#1 read vma_start_read",
		"mm#1.mmap_lock",
		"vma#1",
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, expected %q", got[i], want[i])
		}
	}
	l.want("")
}
