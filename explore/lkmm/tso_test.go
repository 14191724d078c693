package lkmm

import "testing"

// TestTSO: of two accesses of a task only a store and a later load are performed out of order, and a barrier or an exchange keeps these.
func TestTSO(t *testing.T) {
	for _, c := range []struct {
		name, program, asked string
		allowed              bool
	}{
		{"SB", "W x 1; R y | W y 1; R x", "0:0=0 1:0=0", true},
		{"SB+mbs", "W x 1; mb; R y | W y 1; mb; R x", "0:0=0 1:0=0", false},
		{"SB+xchgs", "xchg x 1; R y | xchg y 1; R x", "0:1=0 1:1=0", false},
		{"SB+rfi", "W x 1; R x; R y | W y 1; R y; R x", "0:0=1 0:1=0 1:0=1 1:1=0", true},
		{"MP", "W x 1; W y 1 | R y; R x", "1:0=1 1:1=0", false},
		{"MP+wmb+rmb", "W x 1; wmb; Wrel y 1 | Racq y; rmb; R x", "1:0=1 1:1=0", false},
		{"LB", "R x; W y 1 | R y; W x 1", "0:0=1 1:0=1", false},
		{"2+2W", "W x 1; W y 2 | W y 1; W x 2", "x=1 y=1", false},
		{"R", "W x 1; W y 1 | W y 2; R x", "1:0=0 y=2", true},
		{"IRIW", "W x 1 | R x; R y | W y 1 | R y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", false},
	} {
		p, err := Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		names := Names(p.TSO())
		for _, o := range names {
			seen = seen || Holds(o, c.asked)
		}
		if seen != c.allowed || len(names) == 0 {
			t.Errorf("%s: %s is seen: %t, expected %t", c.name, c.asked, seen, c.allowed)
		}
	}
}
