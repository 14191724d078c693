package program

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vmasim/explore"
	"vmasim/internal/task"
)

const forked = `
mm child

init
    mmap A 16K rw private anon
    touch A write
    munmap A+8K 4K

thread forker
    fork child

thread writer
    mprotect A 4K r => ok | ENOMEM
    touch A+4K write
`

// freedLate frees VMAs while the world is made whose memory waits for a grace period.
const freedLate = `
rules spf-seq

init
    mmap A 4K rw private anon
    store A 1
    mmap B 8K r private anon
    munmap A
    munmap B 4K

thread unmapper
    munmap B+4K 4K

thread reader
    touch B+4K read => ok | SEGV
`

// TestRepeatedWorlds: a world that is made again unwatched is the one that was watched: every oracle and strategy goes on as it
// does where each world is watched.
func TestRepeatedWorlds(t *testing.T) {
	for name, src := range map[string]string{"two readers": twoReaders, "fork": forked, "freed late": freedLate} {
		for _, strategy := range []explore.Strategy{explore.Random, explore.DPOR} {
			t.Run(name+"/"+string(strategy), func(t *testing.T) {
				var reports [2]*explore.Report
				for i := range reports {
					p := newProgram(t, src, Setting{})
					a, err := p.take(nil)
					if err != nil {
						t.Fatal(err)
					}
					a.uncacheable = i == 1
					p.release(a)
					reports[i] = searched(t, p, explore.Options{Strategy: strategy, Executions: 300, Watch: p.Watch})
					if repeats := a.recorded != nil && a.recorded.repeated; repeats != (i == 0) || a.uncacheable != (i == 1) {
						t.Fatalf("repeats: %v, improvises: %v", repeats, a.uncacheable)
					}
					reports[i].Elapsed = 0
				}
				if diff := cmp.Diff(reports[1], reports[0]); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestWorldsThatDiffer: where the memory of a world is not the same each time, each one is watched.
func TestWorldsThatDiffer(t *testing.T) {
	p := newProgram(t, `
		init
			mmap A 8K rw private anon

		thread a
			store A 5

		thread b
			load A
	`, Setting{})
	count := 0
	r := searched(t, p, explore.Options{Watch: p.Watch, Executions: 20, Workers: 1, Between: func() {
		if count++; count == 3 {
			p.worlds[0].recorded.fingerprint[0]++ // as if the first address space had lain elsewhere
		}
	}})
	if a := p.worlds[0]; !a.uncacheable || a.recorded != nil || r.Executions != 20 {
		t.Errorf("uncacheable: %v after %d executions", a.uncacheable, r.Executions)
	}
}

// TestPrompter: what is announced otherwise than at the setupTrace, too late or not at all is noticed.
func TestPrompter(t *testing.T) {
	r := &setupTrace{events: []setupEvent{{op: task.OpReadOnce, new: 1}, {op: task.OpXchg, old: 1, new: 2}}}
	for _, c := range []struct {
		events []task.Event
		same   bool
	}{
		{[]task.Event{{Op: task.OpReadOnce, New: 1}, {Op: task.OpXchg, Old: 1, New: 2}}, true},
		{[]task.Event{{Op: task.OpReadOnce, New: 1}, {Op: task.OpXchg, Old: 0, New: 2}}, false},
		{[]task.Event{{Op: task.OpReadOnce, New: 1}}, false},
		{[]task.Event{{Op: task.OpReadOnce, New: 1}, {Op: task.OpXchg, Old: 1, New: 2}, {Op: task.OpReadOnce, New: 1}}, false},
	} {
		var p verifier
		p.begin(r)
		for i := range c.events {
			p.After(nil, &c.events[i])
		}
		if p.same() != c.same {
			t.Errorf("%v: same: %v", c.events, p.same())
		}
	}
}
