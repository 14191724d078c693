package task

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WaitMode says how a task waits.
type WaitMode uint8

// The ways to wait.
const (
	Uninterruptible WaitMode = 0
	Killable        WaitMode = 1 << iota // a fatal signal ends the wait with EINTR
	Polled                               // nobody will wake it: it looks by itself
)

// spins is how often a waiting task looks again before it parks: the waits of this protocol are mostly shorter than
// the cost of parking a goroutine.
const spins = 100

// Await returns when cond holds. The cell at addr is what the task waits for; op names the wait. cond reads cells
// without announcing. With mode Killable it returns EINTR once a fatal signal is pending and cond does not hold.
//
// Whoever makes cond true must Unpark the task afterwards, unless the mode is Polled.
func (t *Task) Await(op Op, addr unsafe.Pointer, mode WaitMode, cond func() bool) error {
	if t.Sections[SlotRCU].Depth > 0 {
		t.Violate("sleep-in-rcu", "%s waits inside an RCU read section", op)
	}
	if t.Observer == nil {
		return t.block(mode, cond)
	}
	t.begin(Event{Op: op, Addr: addr, Enabled: cond, Killable: mode&Killable != 0})
	err := t.block(mode, cond)
	t.End(0, 0)
	return err
}

func (t *Task) block(mode WaitMode, cond func() bool) error {
	for i := 0; ; i++ {
		switch {
		case cond():
			return nil
		case mode&Killable != 0 && t.Killed():
			return unix.EINTR
		case i < spins:
			if i%16 == 15 {
				runtime.Gosched()
			}
		case mode&Polled != 0:
			time.Sleep(min(time.Duration(i-spins+1)*time.Microsecond, 100*time.Microsecond))
		default:
			<-t.wake
		}
	}
}

// Spin waits for a lock word held for a few instructions: it never parks. Only spinning locks use it.
func Spin(i int) {
	if i%32 == 31 {
		runtime.Gosched()
	}
}
