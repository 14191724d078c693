package program

import "vmasim/workloads"

// renumbered returns the threads of a scenario, of which statements were left out, with the numbers that those which are left have now
// in what waits for them.
func renumbered(sc *workloads.Scenario) (threads []*workloads.Thread) {
	now := make([]int, len(sc.Awaited))
	for _, th := range sc.Threads {
		for i, s := range leaves(th.Body) {
			if s.Awaited != 0 {
				now[s.Awaited-1] = i + 1
			}
		}
	}
	for _, th := range sc.Threads {
		copied := *th
		copied.Body = renumber(th.Body, now)
		threads = append(threads, &copied)
	}
	return threads
}

func renumber(body []*workloads.Stmt, now []int) []*workloads.Stmt {
	changed := []*workloads.Stmt{}
	for _, s := range body {
		c := *s
		if s.After != nil {
			after := *s.After
			after.Stmt, c.After = now[after.Milestone], &after
		}
		if s.Body != nil {
			c.Body = renumber(s.Body, now)
		}
		changed = append(changed, &c)
	}
	return changed
}
