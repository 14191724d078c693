package lkmm

import (
	"strings"
	"testing"
)

// TestOutcomes holds the model to what the kernel's documentation of it says of programs that have names there.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name, program, asked string
		allowed              bool
	}{
		{"CoRR", "W x 1 | R x; R x", "1:0=1 1:1=0", false},
		{"CoWW", "W x 1; W x 2", "x=1", false},
		{"MP", "W x 1; W y 1 | R y; R x", "1:0=1 1:1=0", true},
		{"MP+wmb+rmb", "W x 1; wmb; W y 1 | R y; rmb; R x", "1:0=1 1:1=0", false},
		{"MP+rel+acq", "W x 1; Wrel y 1 | Racq y; R x", "1:0=1 1:1=0", false},
		{"MP+rel+po", "W x 1; Wrel y 1 | R y; R x", "1:0=1 1:1=0", true},
		{"MP+rel+xchg+acq", "W x 1; Wrel y 1 | xchg y 2 | Racq y; R x", "1:0=1 2:0=2 2:1=0", false},
		{"SB", "W x 1; R y | W y 1; R x", "0:0=0 1:0=0", true},
		{"SB+mbs", "W x 1; mb; R y | W y 1; mb; R x", "0:0=0 1:0=0", false},
		{"SB+xchgs", "xchg x 1; R y | xchg y 1; R x", "0:1=0 1:1=0", false},
		{"LB", "R x; W y 1 | R y; W x 1", "0:0=1 1:0=1", true},
		{"LB+acq+rel", "Racq x; W y 1 | R y; Wrel x 1", "0:0=1 1:0=1", false},
		{"S", "W x 2; W y 1 | R y; W x 1", "1:0=1 x=2", true},
		{"S+wmb+acq", "W x 2; wmb; W y 1 | Racq y; W x 1", "1:0=1 x=2", false},
		{"R+mbs", "W x 1; mb; W y 1 | W y 2; mb; R x", "1:0=0 y=2", false},
		{"R+wmb+mb", "W x 1; wmb; W y 1 | W y 2; mb; R x", "1:0=0 y=2", true},
		{"2+2W+wmbs", "W x 1; wmb; W y 2 | W y 1; wmb; W x 2", "x=1 y=1", true},
		{"2+2W+mbs", "W x 1; mb; W y 2 | W y 1; mb; W x 2", "x=1 y=1", false},
		{"WRC+rel+rmb", "W x 1 | R x; Wrel y 1 | R y; rmb; R x", "1:0=1 2:0=1 2:1=0", false},
		{"WRC+wmb+acq", "W x 1 | R x; wmb; W y 1 | Racq y; R x", "1:0=1 2:0=1 2:1=0", true},
		{"IRIW+acqs", "W x 1 | Racq x; R y | W y 1 | Racq y; R x", "1:0=1 1:1=0 3:0=1 3:1=0", true},
		{"IRIW+mbs", "W x 1 | R x; mb; R y | W y 1 | R y; mb; R x", "1:0=1 1:1=0 3:0=1 3:1=0", false},
		{"Z6.0+rel+acqrel+mb", "W x 1; Wrel y 1 | Racq y; Wrel z 1 | W z 2; mb; R x", "1:0=1 2:0=0 z=2", true},
	} {
		p, err := Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%s is read as %s, %v", p, again, err)
		}
		seen := false
		for o := range p.Outcomes() {
			seen = seen || Holds(o, c.asked)
		}
		if seen != c.allowed {
			t.Errorf("%s: %s is allowed: %t", c.name, c.asked, seen)
		}
	}
}

// TestKinds tells apart the ways in which an outcome comes about that the explorer does not go.
func TestKinds(t *testing.T) {
	for text, want := range map[string]Kind{
		"R x; W y 1 | R y; W x 1":         {false, false}, // 0:0=1 1:0=1
		"W x 1; W y 2 | W y 1; W x 2":     {true, false},  // x=1 y=1
		"W x 1; W y 1 | R y; R x":         {true, true},   // 1:0=1 1:1=0
		"W x 1; mb; R y | W y 1; mb; R x": {true, true},   // 0:0=1 1:0=1
	} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		asked := map[Kind]string{{false, false}: "0:0=1 1:0=1", {true, false}: "x=1 y=1", {true, true}: "1:0=1"}[want]
		for o, got := range p.Outcomes() {
			if Holds(o, asked) && got != want && !got.InOrder {
				t.Errorf("%s: %s comes about as %+v, expected %+v", text, o, got, want)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "W x", "R x 1", "mb x", "W x y", "smp_mb", "R x;"} {
		if p, err := Parse(text); err == nil || !strings.Contains(err.Error(), `"`) {
			t.Errorf("%q is read as %s, %v", text, p, err)
		}
	}
}
