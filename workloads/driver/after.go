package driver

import "vmasim/workloads"

// joinMilestones makes the task of a seat one that waits for those milestones that its thread mentions.
func (h *hall) joinMilestones(s *seat) {
	if len(h.milestones) == 0 {
		return
	}
	joined := map[int]bool{}
	for st := range workloads.Statements(s.thread.Body) {
		if st.Kind == workloads.KindAfter && !joined[st.After.Milestone] {
			joined[st.After.Milestone] = true
			h.milestones[st.After.Milestone].Join(s.task)
		}
	}
}

// await waits until all tasks of another thread have come by a milestone. It reports false if the task was killed.
func (h *hall) await(s *seat, milestone int) bool {
	m := &h.milestones[milestone]
	h.mu.Lock()
	if m.Passed() {
		h.mu.Unlock()
		return true
	}
	s.task.PrepareToWait()
	h.sit(s, need{workloads.KindAfter, milestone})
	h.checkStuck()
	h.mu.Unlock()
	h.wait(s, m.Wait(s.task, s.mode()))
	return !s.task.Killed()
}

// pass says that the task of a seat has come by a milestone.
func (h *hall) pass(s *seat, milestone int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passed(s, milestone)
	s.ahead.Pass(milestone)
}

// passed counts a task that has come by a milestone, or never will. The caller holds h.mu.
func (h *hall) passed(s *seat, milestone int) {
	if !h.milestones[milestone].Pass(s.task) {
		return
	}
	for _, other := range h.seats {
		if other.waitsFor(need{workloads.KindAfter, milestone}) {
			h.stand(other)
		}
	}
}

// comeBy tells that all tasks that a milestone waits for can come there, or end.
func (h *hall) comeBy(milestone int, able map[*seat]bool) bool {
	for _, s := range h.seats {
		if s.state != seatEnded && s.ahead.Has(milestone) && !able[s] {
			return false
		}
	}
	return true
}
