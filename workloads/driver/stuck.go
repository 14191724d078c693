package driver

import "vmasim/workloads"

// checkStuck kills the tasks whose waits no other can end any more. While a foreground task is busy there is nothing to do: its loops are
// finite, so it will end or wait. The caller holds h.mu.
func (h *hall) checkStuck() {
	if h.busy > 0 || h.waiting == 0 {
		return
	}
	able := h.able()
	for _, s := range h.seats {
		// A background task may well wait until the foreground has ended.
		if s.state == seatWaiting && !able[s] && (!s.thread.Background || h.foreground == 0) {
			h.stand(s)
			s.task.Kill(nil)
		}
	}
}

// able finds the tasks that can go on, now or when others have: the least set that holds the busy ones and all
// whom its members can help.
func (h *hall) able() map[*seat]bool {
	able := map[*seat]bool{}
	for grown := true; grown; {
		grown = false
		for _, s := range h.seats {
			if s.state != seatEnded && !able[s] && (s.state == seatBusy || h.helped(s.need, able)) {
				able[s], grown = true, true
			}
		}
	}
	return able
}

// helped tells that what n stands for can come: to a barrier all must come, an address space needs one who forks it.
func (h *hall) helped(n need, able map[*seat]bool) bool {
	if n.kind == workloads.KindAfter {
		return h.comeBy(n.index, able)
	}
	all := n.kind == workloads.KindBarrier
	for _, s := range h.seats {
		switch {
		case all && s.comes(n.index) && !s.waitsFor(n) && !h.helps(s, n, able):
			return false
		case !all && s.state != seatEnded && h.helps(s, n, able):
			return true
		}
	}
	return all
}

// helps tells that the seat's task can come to mention n. One that is in a forever does what stands in it and nothing
// else, until the foreground has ended.
func (h *hall) helps(s *seat, n need, able map[*seat]bool) bool {
	body := s.thread.Body
	if s.loop != nil && h.foreground > 0 {
		body = s.loop.Body
	}
	return able[s] && n.mentionedIn(body)
}
