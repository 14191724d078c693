// Package imports makes scenarios of what real programs did: of a log of strace, with the layout that /proc/PID/maps showed when it
// began, and of such a layout alone. Every call of the memory becomes a statement, every address that the kernel returned what the
// statement states, and every file a stand-in of its size.
package imports

import (
	"fmt"

	"vmasim/workloads"
)

// SyntaxError is what cannot be read in a log, and where.
type SyntaxError = workloads.SyntaxError

// mistake returns an error at a place of a log.
func mistake(name string, line, col int, format string, args ...any) error {
	return &SyntaxError{Pos: workloads.Pos{File: name, Line: line, Col: col}, Msg: fmt.Sprintf(format, args...)}
}

// Options say how a log becomes a scenario.
type Options struct {
	Name   string  // of the log, in positions and in the description
	Maps   []Area  // the layout right after the first execve; nil: not known
	End    []Area  // the layout of the first process at the end, which the scenario then states; nil: not known
	Touch  bool    // memory that becomes writable is written to at once, at its start, as nearly all programs do
	Faults []Fault // which tasks have touched, in the order of time; then Touch adds nothing
	Search bool    // find an order of the calls that explains every address
}
