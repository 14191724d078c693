package driver

import (
	"testing"
	"time"
)

// simulation runs tasks on a scheduler's CPUs, by a clock that goes a microsecond at a time.
type simulation struct {
	scheduler
	now  time.Duration
	has  map[*share]time.Duration // what each has had
	left map[*share]time.Duration // until it sleeps, if it does
}

func simulate(cpus int) *simulation {
	return &simulation{scheduler: scheduler{queues: make([]runQueue, cpus)}, has: map[*share]time.Duration{}, left: map[*share]time.Duration{}}
}

func (s *simulation) begin(n int) (tasks []*share) {
	for i := range n {
		tasks = append(tasks, &share{cpu: i % len(s.queues)})
		s.wake(tasks[i], false, s.now)
	}
	return tasks
}

// run lets d pass. Tasks end a statement each 10 µs, and look then if they are told to or a slice is over, which is not at the same time on
// all CPUs.
func (s *simulation) run(d time.Duration) {
	const step = time.Microsecond
	for end := s.now + d; s.now < end; {
		s.now += step
		for i := range s.queues {
			c := s.queues[i].current
			if c == nil {
				continue
			}
			s.has[c] += step
			if _, sleeps := s.left[c]; sleeps {
				if s.left[c] -= step; s.left[c] <= 0 {
					s.sleep(c, s.now)
					continue
				}
			}
			if s.now%(10*step) == 0 && (c.resched.Load() || (s.now+time.Duration(i)*slice/2)%slice < 10*step) {
				s.yield(c, s.now)
			}
		}
	}
}

// TestSharesAreFair: tasks that always want a CPU have as much of it as each other, also where they are not a multiple of the CPUs.
func TestSharesAreFair(t *testing.T) {
	for _, n := range []int{3, 4, 7, 33} {
		s := simulate(2)
		tasks := s.begin(n)
		s.run(time.Second)
		fair := 2 * time.Second / time.Duration(n)
		for i, task := range tasks {
			if off := s.has[task] - fair; off < -credit || off > credit {
				t.Errorf("%d tasks: task %d has had %v, expected %v", n, i, s.has[task], fair)
			}
		}
	}
}

// TestSleeperKeepsItsShare: a task that sleeps for a moment again and again has as much of the CPUs as those that never sleep.
func TestSleeperKeepsItsShare(t *testing.T) {
	s := simulate(2)
	tasks := s.begin(32)
	sleeper := tasks[5]
	for s.now < time.Second {
		s.left[sleeper] = 20 * time.Microsecond // of running
		for s.left[sleeper] > 0 {
			s.run(10 * time.Microsecond)
		}
		s.run(100 * time.Microsecond)
		s.wake(sleeper, true, s.now)
	}
	if fair := s.now / 16; s.has[sleeper] < fair-2*credit || s.has[sleeper] > fair+2*credit {
		t.Errorf("it has had %v of the CPUs, expected %v", s.has[sleeper], fair)
	}
}

// TestWhatWasNotWantedIsGone: one that has slept for long does not keep the others from running until it has had as much as they.
func TestWhatWasNotWantedIsGone(t *testing.T) {
	s := simulate(1)
	tasks := s.begin(2)
	s.left[tasks[1]] = time.Millisecond
	s.run(time.Second)
	delete(s.left, tasks[1])
	before := s.has[tasks[0]]
	s.wake(tasks[1], true, s.now)
	s.run(100 * time.Millisecond)
	if had := s.has[tasks[0]] - before; had < 50*time.Millisecond-credit {
		t.Errorf("the other has had %v of 100ms", had)
	}
}

// TestWokenRunsSoon: a task that is woken runs when another comes to the end of its statement, and has no more than its own statement of the CPU if it
// has had as much as the others.
func TestWokenRunsSoon(t *testing.T) {
	s := simulate(1)
	tasks := s.begin(10)
	s.run(100 * time.Millisecond)
	running := s.queues[0].current
	s.left[running] = 1
	s.run(time.Microsecond)
	delete(s.left, running)
	s.run(20 * time.Microsecond)
	running.used += time.Second // also one that has had much more than the others
	s.wake(running, true, s.now)
	s.run(10 * time.Microsecond)
	if s.queues[0].current != running {
		t.Error("it waits for longer than a statement")
	}
	if s.run(10 * time.Microsecond); s.queues[0].current == running {
		t.Error("it goes on with another statement")
	}
	for _, task := range tasks {
		if task.woken {
			t.Error("a task counts as woken when its statement is over")
		}
	}
}

// TestWokenDoNotKeepOthersOut: where tasks are woken all the time, one that never sleeps has its part of the CPU still.
func TestWokenDoNotKeepOthersOut(t *testing.T) {
	s := simulate(1)
	tasks := s.begin(101)
	busy := tasks[0]
	for s.now < time.Second {
		for _, task := range tasks[1:] {
			if left, sleeps := s.left[task]; sleeps && left <= 0 {
				s.wake(task, true, s.now)
			}
			s.left[task] = 5 * time.Microsecond
		}
		s.run(100 * time.Microsecond)
	}
	if s.has[busy] < s.now/101 {
		t.Errorf("it has had %v of %v", s.has[busy], s.now)
	}
}

// TestTasksKeepTheirCPU: a task comes to the CPU that it had last, unless those of the other have had clearly more.
func TestTasksKeepTheirCPU(t *testing.T) {
	for _, own := range []time.Duration{0, migration, migration + 1} {
		s := simulate(2)
		tasks := s.begin(4)
		tasks[2].used = own
		if next := s.sleep(tasks[0], 0); (next == tasks[3]) != (own > migration) {
			t.Errorf("a task that has had %v: another was taken that has had none: %v", own, next == tasks[3])
		}
	}
	s := simulate(2)
	tasks := s.begin(8)
	s.left[tasks[0]], s.left[tasks[2]], s.left[tasks[4]] = 1, 1, 1
	s.run(100 * time.Millisecond)
	for _, i := range []int{1, 3, 5, 6, 7} {
		if off := s.has[tasks[i]] - 40*time.Millisecond; off < -credit || off > credit {
			t.Errorf("three of eight sleep, of one CPU: task %d has had %v, expected 40ms", i, s.has[tasks[i]])
		}
	}
}
