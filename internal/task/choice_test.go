package task

import (
	"errors"
	"slices"
	"testing"

	"vmasim/internal/linux"
)

func TestChoicesAreDescribed(t *testing.T) {
	seen := map[Choice]bool{}
	for _, c := range Choices() {
		if c.Name == "" || c.Doc == "" || seen[c.Name] {
			t.Errorf("choice %q: %q", c.Name, c.Doc)
		}
		seen[c.Name] = true
	}
	for _, c := range []Choice{AllocFails, ReuseLater, GraceDelayed, Signal, StaleWalk, HookFails, ChargeFails} {
		if !seen[c] {
			t.Errorf("%s is not in the table", c)
		}
	}
}

// oracle is an observer that answers one choice, and counts how often it is asked.
type oracle struct {
	observerLog
	what   Choice
	answer int
	asked  int
}

func (o *oracle) Choose(_ *Task, what Choice, n int) int {
	if what != o.what {
		return 0
	}
	o.asked++
	return min(o.answer, n-1)
}

func TestSignalInKillableWait(t *testing.T) {
	never := func() bool { return false }
	for _, mode := range []WaitMode{Killable, Killable | Handshake} {
		tk := New(0, "t", nil)
		o := &oracle{what: Signal, answer: 1}
		tk.Observer = o
		if err := tk.Await(OpRWSemWait, nil, mode, never); !errors.Is(err, linux.EINTR) || !tk.Killed() {
			t.Errorf("mode %d: error %v, killed %v", mode, err, tk.Killed())
		}
		if err := tk.Await(OpRWSemWait, nil, mode, never); !errors.Is(err, linux.EINTR) || o.asked != 1 {
			t.Errorf("mode %d: the second wait ends with %v, asked %d times", mode, err, o.asked)
		}
		tk.Revive()
		if tk.Killed() {
			t.Error("the task is still killed")
		}
		if err := tk.Await(OpRWSemWait, nil, mode&^Killable|Polled, func() bool { return true }); err != nil || o.asked != 1 {
			t.Errorf("mode %d: a wait that no signal ends: %v, asked %d times", mode, err, o.asked)
		}
	}
}

// TestSignalComesTooLate: what is waited for comes before the task looks at the signal.
func TestSignalComesTooLate(t *testing.T) {
	tk := New(0, "t", nil)
	tk.Observer = &oracle{what: Signal, answer: 1}
	looks := 0
	second := func() bool { looks++; return looks > 1 }
	if err := tk.Await(OpRCUWaitEvent, nil, Killable|Handshake, second); err != nil || !tk.Killed() {
		t.Errorf("error %v, killed %v", err, tk.Killed())
	}
	tk = New(0, "t", nil)
	tk.Observer = &oracle{what: Signal, answer: 1}
	if err := tk.Await(OpRWSemWait, nil, Killable, func() bool { return true }); err != nil || !tk.Killed() {
		t.Errorf("error %v, killed %v", err, tk.Killed())
	}
}

func TestKillIsAnnounced(t *testing.T) {
	var log observerLog
	by, victim := New(0, "by", nil), New(1, "victim", nil)
	by.Observer = &log
	victim.Kill(by)
	if len(log.after) != 1 || log.after[0].Op != OpSendSig || log.after[0].Target != victim || !victim.Killed() {
		t.Errorf("announced %+v, killed %v", log.after, victim.Killed())
	}
	victim.Revive()
	victim.Kill(nil)
	if len(log.before) != 1 || !victim.Killed() {
		t.Errorf("a signal from outside: announced %+v, killed %v", log.before, victim.Killed())
	}
}

// trapper counts the exceptions of a task.
type trapper struct {
	NoObserver
	traps int
}

func (o *trapper) Trapped(*Task) { o.traps++ }

func TestEnterTrap(t *testing.T) {
	tk := New(0, "t", nil)
	w := &trapper{}
	tk.EnterTrap("f")
	if w.traps != 0 || tk.Func() != "" {
		t.Error("a task that nobody observes is followed")
	}
	tk.Observer = w
	tk.EnterTrap("f")
	if w.traps != 1 || !slices.Equal(tk.Stack(), []string{"f"}) {
		t.Errorf("%d traps, stack %v", w.traps, tk.Stack())
	}
}
