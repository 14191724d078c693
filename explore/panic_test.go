package explore

import (
	"strings"
	"testing"

	"vmasim/internal/task"
)

// TestPanicsAreWorded: what the protocol's code panics with is told in the words of the kernel, and where that was.
func TestPanicsAreWorded(t *testing.T) {
	var none *scriptWorld
	few, at, zero := make([]int, 3), 5, 0
	for want, body := range map[string]func(){
		"a NULL pointer is followed":                            func() { none.program = nil },
		"an access beyond the end of an array: 5 with length 3": func() { few[at] = 1 },
		"a division by zero":                                    func() { few[0] = at / zero },
		"BUG_ON: it is not as it should be":                     func() { panic("BUG_ON: it is not\n\tas it should be") },
	} {
		p := program(func(w *scriptWorld, tk *task.Task) {
			w.x.ReadOnce(tk)
			tk.Enter("do_mmap")
			body()
		})
		f := first(t, p, Options{})
		if f.Kind() != "panic" || f.Violations[0].Message != want+" in do_mmap" {
			t.Errorf("%q, expected %q", f.Violations[0].Message, want)
		}
		if where := f.Violations[0].Where; !strings.HasPrefix(where, "explore.TestPanicsAreWorded") {
			t.Errorf("%s: panicked in %q", want, where)
		}
	}
}

// TestStandstillsAreWorded: an execution that comes to no end says so, though no task waits.
func TestStandstillsAreWorded(t *testing.T) {
	f := Found{Ending: Livelock, Schedule: Schedule{Tasks: make([]uint8, 7)}}
	if got := f.String(); got != "livelock: the tasks have taken 7 steps and come to no end" {
		t.Errorf("%q", got)
	}
	if f.Ending = LostWakeUp; f.Kind() != "lost-wake-up" {
		t.Errorf("%q", f.Kind())
	}
}
