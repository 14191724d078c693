package driver

import (
	"sync"

	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// hall is where the tasks of a run meet. It knows the address spaces by name, who waits at which barrier or for which
// address space, and who could still come: a wait that nobody can end is ended by the hall, so no scenario hangs.
type hall struct {
	killed <-chan struct{} // ends all waits

	mu         sync.Mutex // guards what follows and the seats
	spaces     []space    // by workloads.MM
	missing    []int      // by barrier: tasks that it still waits for
	seats      []*seat
	foreground int    // seats of foreground threads that have not ended
	busy       int    // of these, the ones that do not wait
	waiting    int    // seats of all threads whose tasks wait
	drain      func() // called when foreground gets 0
}

// space is a named address space. The hall holds a user's reference on mm.
type space struct {
	mm      *mm.MM // nil: does not exist
	forking bool   // a task is making it
}

// seat is a task's place in the hall.
type seat struct {
	thread *workloads.Thread
	cpu    *cpu // nil: the task has one for itself
	state  seatState
	need   need
	loop   *workloads.Stmt // the forever that it is in, nil for none
	given  *mm.MM          // the address space it starts in, with a reference
	late   bool            // that does not exist when the threads start
	wake   chan bool       // false: nobody can come any more
}

type seatState uint8

const (
	seatBusy seatState = iota
	seatWaiting
	seatEnded
)

// need is what a seat waits for: the tasks that mention it can end the wait.
type need struct {
	kind  workloads.Kind // KindBarrier or KindFork
	index int
}

func (n need) mentionedBy(s *workloads.Stmt) bool {
	switch {
	case s.Kind != n.kind:
		return false
	case n.kind == workloads.KindBarrier:
		return s.Barrier.Index == n.index
	default:
		return s.MM.Index == n.index
	}
}

// mentionedIn reports whether the statements, or those they hold, mention n.
func (n need) mentionedIn(body []*workloads.Stmt) bool {
	for s := range workloads.Statements(body) {
		if n.mentionedBy(s) {
			return true
		}
	}
	return false
}

// join gives the task t of thread th a seat, before any task runs. Its address space it gets now, so it misses none that
// others exit; one that does not exist yet it waits for from now on, so it misses none that comes and goes.
func (h *hall) join(t *task.Task, th *workloads.Thread) *seat {
	s := &seat{thread: th, wake: make(chan bool, 1), given: h.acquire(t, th.MM.Index)}
	h.seats = append(h.seats, s)
	for b := range h.missing {
		if s.comes(b) {
			h.missing[b]++
		}
	}
	if !th.Background {
		h.foreground++
		h.busy++
	}
	if s.late = s.given == nil; s.late {
		h.sit(s, need{workloads.KindFork, th.MM.Index})
	}
	return s
}

// begin returns the address space that the task of seat s starts in, with a reference; nil if it will never exist.
func (h *hall) begin(s *seat) *mm.MM {
	if s.late {
		h.mu.Lock()
		h.checkStuck()
		h.mu.Unlock()
		h.sleep(s)
	}
	return s.given
}

// sleep waits until the seat is woken, and reports what the waker said.
func (h *hall) sleep(s *seat) bool {
	if s.cpu != nil {
		s.cpu.Leave()
		defer s.cpu.Enter()
	}
	select {
	case came := <-s.wake:
		return came
	case <-h.killed:
		h.mu.Lock()
		defer h.mu.Unlock()
		if s.state == seatWaiting {
			h.stand(s) // so that nobody gives it anything
		}
		return false
	}
}

// meet waits at a barrier until every task that may come is there. It reports false if that cannot be any more, or the
// task was killed.
func (h *hall) meet(s *seat, barrier int) bool {
	h.mu.Lock()
	h.sit(s, need{workloads.KindBarrier, barrier})
	h.open(barrier)
	h.checkStuck()
	h.mu.Unlock()
	return h.sleep(s)
}

// sit begins a seat's wait. The caller holds h.mu, unless no task runs yet.
func (h *hall) sit(s *seat, n need) {
	s.state, s.need = seatWaiting, n
	h.waiting++
	if n.kind == workloads.KindBarrier {
		h.missing[n.index]--
	}
	if !s.thread.Background {
		h.busy--
	}
}

// stand ends a seat's wait. The caller holds h.mu.
func (h *hall) stand(s *seat) {
	s.state = seatBusy
	h.waiting--
	if s.need.kind == workloads.KindBarrier {
		h.missing[s.need.index]++
	}
	if !s.thread.Background {
		h.busy++
	}
}

// rouse ends a seat's wait and wakes its task.
func (h *hall) rouse(s *seat, came bool) {
	h.stand(s)
	s.wake <- came
}

func (s *seat) waitsFor(n need) bool { return s.state == seatWaiting && s.need == n }

// comes tells that the seat's task may come to a barrier.
func (s *seat) comes(barrier int) bool {
	return s.state != seatEnded && need{workloads.KindBarrier, barrier}.mentionedIn(s.thread.Body)
}

// open lets the tasks at a barrier go if all have come.
func (h *hall) open(barrier int) {
	if h.missing[barrier] > 0 {
		return
	}
	for _, s := range h.seats {
		if s.waitsFor(need{workloads.KindBarrier, barrier}) {
			h.rouse(s, true)
		}
	}
}

// leave says that the task of seat s has ended: nobody waits for it any longer.
func (h *hall) leave(s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !s.thread.Background {
		if s.state == seatBusy {
			h.busy--
		}
		h.foreground--
		if h.foreground == 0 {
			h.drain()
		}
	}
	for b := range h.missing {
		if s.comes(b) {
			h.missing[b]--
			h.open(b)
		}
	}
	s.state = seatEnded
	h.checkStuck()
}

// enter says that the task goes round a forever, nil that it has left it: until the foreground has ended it will do
// nothing else.
func (h *hall) enter(s *seat, loop *workloads.Stmt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.loop = loop
	h.checkStuck()
}

// get returns an address space with a reference, nil if it does not exist. The caller holds h.mu.
func (h *hall) get(t *task.Task, i int) *mm.MM {
	m := h.spaces[i].mm
	if m == nil || !m.Get(t) {
		return nil
	}
	return m
}

// acquire is get for those outside.
func (h *hall) acquire(t *task.Task, i int) *mm.MM {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.get(t, i)
}

// reserve makes the caller the only one that may make an address space. It reports false if that exists.
func (h *hall) reserve(i int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.spaces[i]
	if s.mm != nil || s.forking {
		return false
	}
	s.forking = true
	return true
}

// publish ends what reserve began. It takes over the caller's reference on m, which is nil if making it failed, and lets
// the tasks start that wait for it.
func (h *hall) publish(t *task.Task, i int, m *mm.MM) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spaces[i] = space{mm: m}
	if m == nil {
		return
	}
	for _, s := range h.seats {
		if s.waitsFor(need{workloads.KindFork, i}) && m.Get(t) {
			s.given = m
			h.rouse(s, true)
		}
	}
}

// remove takes an address space out, and gives the caller its reference; nil if it does not exist.
func (h *hall) remove(i int) *mm.MM {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.spaces[i].mm
	h.spaces[i].mm = nil
	return m
}

// forget is remove by value. It reports false if m has been taken out already.
func (h *hall) forget(m *mm.MM) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.spaces {
		if h.spaces[i].mm == m {
			h.spaces[i].mm = nil
			return true
		}
	}
	return false
}
