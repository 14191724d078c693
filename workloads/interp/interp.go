// Package interp runs the language of scenarios: a [Walker] finds which statement comes next, a statement becomes a [Call], and an
// [Actor] makes the call on the simulator and turns its result into an outcome. Policy is with who runs the statements (on goroutines, one
// step at a time, beside a kernel): a [Runner] says how long loops go on, a [Host] finds address spaces. Threads that run at the same
// time meet at a [Rendezvous].
package interp

import (
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// Actor is a task that performs statements.
type Actor struct {
	Task  *task.Task
	Env   *workloads.Env
	MM    *mm.MM // the address space it is in, with a reference; nil after its own exit
	Host  Host
	Files []*phys.File // the scenario's, by workloads.File
	Decls []*workloads.File

	Window *workloads.Window // the scenario's; nil: none

	Looking uint64 // the address that it accesses, or did last
	Several bool   // it accesses others, too

	why error // of the system call that failed last
}

// Host is what an actor shares with others: address spaces by name, of which it holds a reference each, and meetings.
type Host interface {
	// Acquire returns an address space with a reference, nil if it does not exist.
	Acquire(i int) *mm.MM
	// Look returns an address space without a reference, nil if it does not exist.
	Look(i int) *mm.MM
	// Reserve makes the caller the only one that may make an address space. It reports false if that exists.
	Reserve(i int) bool
	// Publish ends what Reserve began. It takes over the caller's reference on m, which is nil if making it failed.
	Publish(i int, m *mm.MM)
	// Remove takes an address space out, and gives the caller its reference; nil if it does not exist.
	Remove(i int) *mm.MM
	// Forget is Remove by value. It reports false if m has been taken out already.
	Forget(m *mm.MM) bool

	Meet(s *workloads.Stmt)                       // at its barrier
	Await(s *workloads.Stmt)                      // waits for the statement that an after names
	Passed(s *workloads.Stmt)                     // a statement that an after names was performed
	Yield()                                       // lets others run
	Validate(m *mm.MM) error                      // reports what is wrong with m; the error is EINTR
	Mismatch(s *workloads.Stmt, want, got string) // the layout is not the one that s pictures
}

// Leave drops the reference on the address space that the actor is in.
func (a *Actor) Leave() {
	if a.MM != nil {
		a.MM.Put(a.Task)
		a.MM = nil
	}
}
