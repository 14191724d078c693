package trace

import (
	"fmt"
	"slices"
	"strings"
)

// Ending says how an execution ended.
type Ending uint8

// The endings.
const (
	Finished   Ending = iota
	Violated          // a rule was broken
	Deadlock          // no task can go on
	LostWakeUp        // no task can go on, and one sleeps though the condition that it waits for holds
	Livelock          // the tasks go on for ever without getting anywhere: a state recurs
	Truncated         // the limit on steps was reached
	Redundant         // given up: every way to go on is gone in another execution
)

var endingNames = [...]string{"finished", "violation", "deadlock", "lost wake-up", "livelock", "truncated", "redundant"}

func (e Ending) String() string { return endingNames[e] }

// Oracle returns what the ending is called as an oracle.
func (e Ending) Oracle() string { return strings.ReplaceAll(e.String(), " ", "-") }

// Failed reports whether the ending is something that must not happen.
func (e Ending) Failed() bool { return e >= Violated && e <= Livelock }

// MarshalText implements [encoding.TextMarshaler].
func (e Ending) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (e *Ending) UnmarshalText(text []byte) error {
	i := slices.Index(endingNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown ending %q", text)
	}
	*e = Ending(i)
	return nil
}

// Ends says how the execution ends, as a sentence goes on behind its subject.
func (t *Trace) Ends() string {
	switch {
	case len(t.Violated) > 0:
		message, _, _ := strings.Cut(t.Violated[0].Message, "\n") // of a data race the accesses follow
		return "breaks " + t.Violated[0].Oracle + ": " + message
	case t.Ending.Failed():
		return "ends in a " + t.Ending.String()
	case t.Ending == Finished:
		return "finishes: " + t.Outcome
	case len(t.Next) > 0:
		return fmt.Sprintf("stands behind step %d", len(t.Steps))
	}
	return fmt.Sprintf("is cut off behind step %d", len(t.Steps))
}
