package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// sweep is how many tasks a thread has, one after the other.
type sweep struct {
	thread string // "": each that is written with "* N"
	tasks  []int
}

// parseSweep reads 4, 1,2,4, faulter=4 or faulter=1,2,4.
func parseSweep(text string) (s sweep, err error) {
	numbers, least := text, 1
	if name, rest, named := strings.Cut(text, "="); named {
		s.thread, numbers, least = name, rest, 0
	}
	for _, word := range strings.Split(numbers, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < least || n > driver.MaxTasks || strings.Contains(text, "=") && s.thread == "" {
			return s, fmt.Errorf("expected numbers from 1 to %d, as 4, or a thread and numbers from 0, as faulter=4", driver.MaxTasks)
		}
		if slices.Contains(s.tasks, n) {
			return s, fmt.Errorf("%d stands there twice", n)
		}
		s.tasks = append(s.tasks, n)
	}
	return s, nil
}

// checkTwice refuses two counts for one thread.
func checkTwice(counts driver.Counts) error {
	last := counts[len(counts)-1].Thread
	for _, c := range counts[:len(counts)-1] {
		if c.Thread == last {
			return fmt.Errorf("the tasks of %s are said twice", last)
		}
	}
	return nil
}

// countsOf returns the counts for one of several scenarios: a name that another of them has says nothing of this one.
func countsOf(sc *workloads.Scenario, all []*workloads.Scenario, counts driver.Counts) driver.Counts {
	return slices.DeleteFunc(slices.Clone(counts), func(c driver.Count) bool {
		one := driver.Counts{c}
		return len(one.Of(sc)) == 0 && slices.ContainsFunc(all, func(other *workloads.Scenario) bool { return len(one.Of(other)) > 0 })
	})
}
