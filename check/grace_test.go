package check

import (
	"testing"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// TestGracePeriodOrdersWhatItWaitsFor: a section that begins after the grace period has, and ends before its end is noticed, is
// not ordered by it. One that was open is.
func TestGracePeriodOrdersWhatItWaitsFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		reader  int // steps before the grace period begins
		updater int // steps after which the reader goes on
		want    string
	}{
		{"open", 1, 1, ""},
		{"begins later", 0, 1, "data-race"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLockLab(t, "", "data-race")
			var word ksync.Plain[uint64]
			l.run(turns(c.reader, c.updater, 1000, 1000),
				func(t *task.Task) { l.rcu.ReadLock(t); word.Read(t); l.rcu.ReadUnlock(t) },
				func(t *task.Task) { l.rcu.Synchronize(t); word.Write(t, 1) })
			l.want(c.want)
		})
	}
}
