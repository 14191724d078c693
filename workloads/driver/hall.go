package driver

import (
	"sync"
	"unsafe"

	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// hall is where the tasks of a run meet. It knows the address spaces by name, which tasks wait at which barrier or for which
// address space, and which could still come: it kills a task whose wait no other can end, so no scenario hangs.
type hall struct {
	mu         sync.Mutex // guards what follows and the seats
	spaces     []space    // by workloads.MM
	sc         *workloads.Scenario
	barriers   []interp.Rendezvous // the scenario's, in its order; tasks come and leave under mu
	milestones []interp.Milestone  // likewise
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
	task    *task.Task
	thread  *workloads.Thread
	parties []*interp.Party // by barrier; nil: its thread does not mention it
	ahead   interp.Ahead    // milestones that it has not come by
	state   seatState
	need    need
	loop    *workloads.Stmt // the forever that it is in, nil for none
	given   *mm.MM          // the address space it starts in, with a reference
	late    bool            // that does not exist when the threads start
}

type seatState uint8

const (
	seatBusy seatState = iota
	seatWaiting
	seatEnded
)

// need is what a seat waits for: the tasks that mention it can end the wait.
type need struct {
	kind  workloads.Kind // KindBarrier, KindAfter or KindFork
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

// join gives a task of a thread, which is named by its index, a seat, before any task runs. Its address space it gets now, so it misses none that
// others exit; one that does not exist yet it waits for from now on, so it misses none that comes and goes.
func (h *hall) join(t *task.Task, thread int) *seat {
	th := h.sc.Threads[thread]
	s := &seat{task: t, thread: th, ahead: interp.NewAhead(h.sc, thread), parties: make([]*interp.Party, len(h.barriers)), given: h.acquire(t, th.MM.Index)}
	h.seats = append(h.seats, s)
	for b := range h.barriers {
		if th.Meets(b) {
			s.parties[b] = h.barriers[b].Join(t)
		}
	}
	h.joinMilestones(s)
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
		h.wait(s, s.task.Await(task.OpLoadAcquire, unsafe.Pointer(h), s.mode(), func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return s.given != nil
		}))
	}
	return s.given
}

// meet waits at a barrier until every task that may come is there. It reports false if the task was killed.
func (h *hall) meet(s *seat, barrier int) bool {
	h.mu.Lock()
	h.sit(s, need{workloads.KindBarrier, barrier})
	if s.parties[barrier].Come() {
		h.open(barrier)
	}
	h.checkStuck()
	h.mu.Unlock()
	h.wait(s, s.parties[barrier].Wait(s.mode()))
	return !s.task.Killed()
}

// mode is how the seat's task waits for others.
func (s *seat) mode() task.WaitMode {
	if s.task.CPU != nil {
		return task.Killable | task.Long // they share its CPU
	}
	return task.Killable
}

// wait notes that a wait has ended: where a signal ended it, no other task has.
func (h *hall) wait(s *seat, err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.state == seatWaiting {
		h.stand(s) // so that it is given nothing
	}
}

// sit begins a seat's wait. The caller holds h.mu, unless no task runs yet.
func (h *hall) sit(s *seat, n need) {
	s.state, s.need = seatWaiting, n
	h.waiting++
	if !s.thread.Background {
		h.busy--
	}
}

// stand ends a seat's wait. The caller holds h.mu.
func (h *hall) stand(s *seat) {
	s.state = seatBusy
	h.waiting--
	if !s.thread.Background {
		h.busy++
	}
}

func (s *seat) waitsFor(n need) bool { return s.state == seatWaiting && s.need == n }

// comes reports whether the seat's task may come to a barrier.
func (s *seat) comes(barrier int) bool { return s.state != seatEnded && s.parties[barrier] != nil }

// open notes that the tasks at a barrier go on. The caller holds h.mu.
func (h *hall) open(barrier int) {
	for _, s := range h.seats {
		if s.waitsFor(need{workloads.KindBarrier, barrier}) {
			h.stand(s)
		}
	}
}

// leave says that the task of seat s has ended: no other waits for it any longer.
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
	s.state = seatEnded
	for b, p := range s.parties {
		if p != nil && p.Leave() {
			h.open(b)
		}
	}
	for _, m := range s.ahead.Left() {
		h.passed(s, m)
	}
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

// look returns an address space without a reference, nil if it does not exist.
func (h *hall) look(i int) *mm.MM {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spaces[i].mm
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
			h.stand(s)
			s.task.Unpark()
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
