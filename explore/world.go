// Package explore runs small programs of tasks over the real protocol code, one step at a time, and searches their
// schedules for one that breaks a rule. A step is one announced operation ([task.Event]) with everything the task does up
// to its next one.
//
// A [Program] makes a [World] for each execution. The [Executor] of a worker runs the tasks of the world: it is the observer of
// each, and lets one step be taken at a time, whose being decided by a strategy. An [Oracle] is told of every step and reports
// broken rules. [Search] does so until every schedule that matters was executed, and returns a [Report] with the failing
// schedules; [Shrink] makes one of these smaller, and [Replay] executes one again and records its steps. Executions share
// nothing, so several workers search at once.
package explore

import (
	"context"
	"iter"

	"vmasim/internal/task"
)

// World is the state of one execution. A world with little to tell embeds [PlainWorld].
type World interface {
	// Tasks returns the tasks to be scheduled, always the same ones in the same order.
	Tasks() []Task
	// Finish runs, unscheduled, what comes after the tasks have ended: final checks, which report violations, and the
	// teardown. It returns what the execution ended in, for comparing and counting: equal strings are equal outcomes.
	Finish() (outcome string)
	// Abandon drops the world of an execution that did not end: tasks may stand anywhere, with locks held.
	Abandon()
	// Progress returns a number that grows whenever a task gets on with what it is to do: a loop in which it does not grow is
	// a livelock.
	Progress() int
	// Locals says what task i remembers now that e is its next operation, nil at its end, for the strategy States: with the
	// place in the code where it stands and the values that its last operations saw, as many as are live and at most 4, the
	// number determines what it goes on to do. The number of its round is one, say. live is -1 where all matters that it has
	// seen and done since the number last changed. A world that says more than [PlainWorld] must lie at the same addresses
	// and have the same values every time.
	Locals(i int, e *task.Event) (number uint64, live int)
	// Rest gives what steps depend on that no event tells, for the strategy States: what is free, which tasks a grace period waits for. Equal
	// worlds give equal numbers. It reports false if it cannot, and then gives nothing.
	Rest(add func(uint64)) bool
	// Past gives the sum of what each statement that has ended adds for what came of it, as far as that is to be judged when all have ended; with over, when they
	// have, also of what there is to be judged then. Locals, not this, tells what decides what a task does. The state alone decides what the rest of an execution adds.
	Past(over bool) uint64
}

// PlainWorld has the methods of a [World] that does not say how far its tasks are, nor what they remember.
type PlainWorld struct{}

// Progress implements [World].
func (PlainWorld) Progress() int { return 0 }

// Locals implements [World]: all that a task has seen and done matters.
func (PlainWorld) Locals(int, *task.Event) (number uint64, live int) { return 0, -1 }

// Rest implements [World]: all that was done in a certain order matters.
func (PlainWorld) Rest(func(uint64)) bool { return false }

// Past implements [World]: all executions that end in the same state are judged alike.
func (PlainWorld) Past(bool) uint64 { return 0 }

// Task is one task of a world.
type Task struct {
	Name string
	Task *task.Task // its Observer is set by the explorer while it runs
	Body func()
}

// Program makes the worlds that are explored. Several workers use it at once. A program with little to tell embeds
// [PlainProgram].
type Program interface {
	// NewWorld makes the state in which one execution begins; what that takes runs unscheduled. x is told of every access and
	// of every object that is born, and report of every broken rule, from now on.
	NewWorld(x *Executor, report func(task.Violation)) (World, error)
	// Fingerprints identify the scenario and the rules, without blanks and colons: a schedule fits only where they are equal.
	Fingerprints() (scenario, rules string)

	// Keep returns what the program itself keeps of the executions, as JSON for a checkpoint. A search may be running.
	Keep() ([]byte, error)
	// Recall takes in what Keep returned. The error says what the program differs in from that whose it is.
	Recall(kept []byte) error

	// Size returns how many tasks it has, and statements in them; no tasks: it cannot tell, and knows no smaller programs.
	Size() (tasks, statements int)
	// Smaller returns programs with tasks or statements less, those that lack most first. The program's oracles watch
	// them, too. The caller closes each.
	Smaller() iter.Seq[Program]
	// Sound returns the program under each of the rules under which the whole that it is a part of does not fail. The
	// caller closes each. To find the rules may take a search, which ctx ends.
	Sound(ctx context.Context) iter.Seq[Program]
	// Close gives back what the program has taken. No search may be running.
	Close() error
}

// PlainProgram has the methods of a [Program] of which there is one, which keeps nothing and cannot be made smaller.
type PlainProgram struct{}

// Fingerprints implements [Program].
func (PlainProgram) Fingerprints() (scenario, rules string) { return "", "" }

// Keep implements [Program].
func (PlainProgram) Keep() ([]byte, error) { return nil, nil }

// Recall implements [Program].
func (PlainProgram) Recall([]byte) error { return nil }

// Size implements [Program].
func (PlainProgram) Size() (tasks, statements int) { return 0, 0 }

// Smaller implements [Program].
func (PlainProgram) Smaller() iter.Seq[Program] { return noPrograms }

// Sound implements [Program].
func (PlainProgram) Sound(context.Context) iter.Seq[Program] { return noPrograms }

// Close implements [Program].
func (PlainProgram) Close() error { return nil }

func noPrograms(func(Program) bool) {}
