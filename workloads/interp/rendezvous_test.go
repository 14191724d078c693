package interp

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// joined returns the parties of a rendezvous.
func joined(r *Rendezvous, n int) (all []*Party) {
	for i := range n {
		all = append(all, r.Join(task.New(i, "", nil)))
	}
	return all
}

// TestRendezvous lets tasks meet at full speed, of which one never comes and one after the other leaves before the end.
func TestRendezvous(t *testing.T) {
	for name, mode := range map[string]task.WaitMode{"spins": 0, "parks": task.Long} {
		t.Run(name, func(t *testing.T) {
			const threads, rounds = 4, 500
			var r Rendezvous
			parties := joined(&r, threads+1)
			parties[threads].Leave()
			var inside [rounds]atomic.Int32
			var all sync.WaitGroup
			for i, p := range parties[:threads] {
				all.Go(func() {
					defer p.Leave()
					for round := range rounds - i {
						inside[round].Add(1)
						p.Come()
						if err := p.Wait(mode); err != nil {
							t.Error(err)
						}
						if n := int(inside[round].Load()); n < threads-max(0, round-(rounds-threads)) {
							t.Errorf("round %d began with %d", round, n)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// TestLastOfARendezvous checks which party ends the wait of the others.
func TestLastOfARendezvous(t *testing.T) {
	var r Rendezvous
	p := joined(&r, 3)
	for round := range 2 {
		if p[0].Come() || p[0].all() || p[1].Come() || p[1].all() {
			t.Fatalf("round %d began with two of three", round)
		}
		if !p[2].Come() || !p[0].all() || !p[1].all() {
			t.Fatalf("round %d did not begin with three", round)
		}
	}
	if p[0].Come() || p[1].Leave() || p[0].all() {
		t.Error("one that is missing was not waited for")
	}
	if words := r.Word(&task.Event{}, r.word.Peek()); words != "5 of 2" {
		t.Errorf("in words: %s", words)
	}
	if !p[2].Leave() || !p[0].all() {
		t.Error("one that has left was waited for")
	}
	if p[0].Leave() {
		t.Error("the last to leave woke others")
	}
	r.Reset()
	if p[0].Come() || p[1].Come() || !p[2].Come() {
		t.Error("a rendezvous that was reset does not wait for all")
	}
}

// TestKilledAtARendezvous checks that a task which was killed as it waited is waited for until it leaves, and in no other round.
func TestKilledAtARendezvous(t *testing.T) {
	var r Rendezvous
	p := joined(&r, 3)
	p[0].Come()
	p[0].task.Kill(nil)
	if err := p[0].Wait(task.Killable); !errors.Is(err, linux.EINTR) {
		t.Errorf("the wait ended with %v", err)
	}
	if p[1].Come() || p[0].Leave() || !p[2].Come() || !p[1].all() {
		t.Error("those that are left do not meet")
	}
	if p[1].Come() || !p[2].Come() {
		t.Error("those that are left do not meet again")
	}
}

// TestRendezvousAllocatesNothing checks that threads in a loop leave no garbage, which on the kernel would add faults.
func TestRendezvousAllocatesNothing(t *testing.T) {
	var r Rendezvous
	p := joined(&r, 1)[0]
	if n := testing.AllocsPerRun(100, func() {
		p.Come()
		_ = p.Wait(task.Killable)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
