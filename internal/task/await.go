package task

import (
	"runtime"
	"time"
	"unsafe"

	"vmasim/internal/linux"
)

// WaitMode says how a task waits.
type WaitMode uint8

// The ways to wait.
const (
	Uninterruptible WaitMode = 0
	Killable        WaitMode = 1 << iota // a fatal signal ends the wait with EINTR
	Polled                               // it is not woken, and looks by itself
	Handshake                            // only a wake-up makes it look again: observed, a lost one is a deadlock
	Long                                 // it parks without looking again: what it waits for needs its CPU
)

// spins is how often a waiting task looks again before it parks: the waits of this protocol are mostly shorter than
// the cost of parking a goroutine. One that is going to be woken does not let others run meanwhile: Go would put it behind all that want
// to run, with the lock that it may be given before its turn comes, where a goroutine that was woken is the next.
const spins = 100

// MightSleep reports a task that may come to wait, at op, inside an RCU read section: might_sleep. Whatever can wait
// calls it also when it need not wait this time.
func (t *Task) MightSleep(op Op) {
	if t.Sections[SlotRCU].Depth > 0 {
		t.Violate("sleep-in-rcu", "%s inside an RCU read section", op)
	}
}

// Await returns when cond holds. The cell at addr is what the task waits for; op names the wait. cond reads cells
// without announcing. With mode Killable it returns EINTR once a fatal signal is pending and cond does not hold.
//
// The task that makes cond true must Unpark the task afterwards, unless the mode is Polled. Where that is one step, as when
// a lock is handed over, a scheduler may let the task go on as soon as cond holds. Where it is a protocol of its own,
// the mode is Handshake, and PrepareToWait comes before the task announces that it waits.
//
// Await is called where a task has to wait, so there a killable wait is offered the choice [Signal].
func (t *Task) Await(op Op, addr unsafe.Pointer, mode WaitMode, cond func() bool) error {
	if t.Observer != nil && mode&Handshake != 0 {
		t.MightSleep(op)
		return t.handshake(op, addr, mode, cond)
	}
	return t.AwaitDone(op, addr, mode, cond, cond)
}

// AwaitDone is Await of something that the task does itself as soon as it can. done tries, and reports whether it is done; where ready
// holds, it is.
func (t *Task) AwaitDone(op Op, addr unsafe.Pointer, mode WaitMode, ready, done func() bool) error {
	t.MightSleep(op)
	if t.Observer == nil {
		return t.block(mode, done)
	}
	killable := mode&Killable != 0
	if killable {
		t.mayGetSignal()
	}
	e := t.next(op, addr)
	e.Enabled, e.Killable = ready, killable
	t.begin()
	err := t.block(mode, done)
	t.endWait(err)
	return err
}

// mayGetSignal offers that a fatal signal arrives during the wait that the task begins. Once is enough for every moment of
// the wait: no other task looks at a pending signal, and the step that ends the wait can come at any time from now on,
// before what the task waits for, so that the result is EINTR, or after it, so that the signal changes nothing.
func (t *Task) mayGetSignal() {
	if !t.Killed() && t.Choose(Signal, 2) == 1 {
		t.die()
	}
}

func (t *Task) block(mode WaitMode, cond func() bool) error {
	i := 0
	if mode&Long != 0 {
		i = spins
	}
	for ; ; i++ {
		switch {
		case cond():
			return nil
		case mode&Killable != 0 && t.Killed():
			return linux.EINTR
		case i < spins:
			if mode&Polled != 0 && i%16 == 15 {
				runtime.Gosched()
			}
		case i == spins:
			t.quiesce()
			t.WaitIsLong()
		case mode&Polled != 0:
			time.Sleep(min(time.Duration(i-spins+1)*time.Microsecond, 100*time.Microsecond))
		default:
			t.park()
		}
	}
}

// park sleeps until the task is woken, and gives up its CPU meanwhile.
func (t *Task) park() {
	if t.CPU == nil {
		<-t.wake
		return
	}
	t.CPU.Sleep(t.wake)
}

// quiesce says that a task that is going to wait is in no RCU section; see ksync.Domain.
func (t *Task) quiesce() {
	if s := &t.Sections[SlotRCU]; s.Depth == 0 {
		s.Epoch.Store(0)
	}
}

// handshake looks and sleeps in steps of their own, as the kernel's wait loops do.
func (t *Task) handshake(op Op, addr unsafe.Pointer, mode WaitMode, cond func() bool) error {
	killable := mode&Killable != 0
	for {
		t.Begin(op, addr)
		done := cond() && !t.overlooks(addr, cond)
		var err error
		switch {
		case done || !killable:
		case t.Killed():
			err = linux.EINTR
		default:
			t.mayGetSignal() // which wakes it: it finds the signal when it looks again
		}
		t.endWait(err)
		if done || err != nil {
			t.prepared = false
			return err
		}
		t.schedule(addr, killable)
	}
}

// Sleep returns when the task has been woken, or, with mode Killable, killed, since it prepared to wait for the cell at addr. The caller
// looks then, as a wake-up says nothing about what is waited for.
func (t *Task) Sleep(addr unsafe.Pointer, mode WaitMode) {
	if t.Observer == nil {
		t.quiesce()
		t.WaitIsLong()
		t.park()
		return
	}
	t.schedule(addr, mode&Killable != 0)
}

// schedule is a step that takes a wake-up.
func (t *Task) schedule(addr unsafe.Pointer, killable bool) {
	e := t.next(OpSchedule, addr)
	e.Enabled, e.Killable = func() bool { return len(t.wake) > 0 }, killable
	t.begin()
	<-t.wake
	t.End(0, 0)
}

func (t *Task) endWait(err error) {
	t.pending.Interrupted = err != nil
	t.End(0, 0)
}

// looks is how often a task looks at a spinlock, for two or three microseconds, before it lets others run. The longest sections take as long, in
// which the entries of a range are cleared; and the task may itself have what others wait for, mmap_lock perhaps, until its turn comes again.
const looks = 2048

// Spin waits for a lock word held for a few instructions: it never parks. Only spinning locks use it.
func Spin(i int) {
	if i%looks == looks-1 {
		runtime.Gosched()
	}
}
