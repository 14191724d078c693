package task

import "slices"

// Choice names a decision that is not a scheduling decision.
type Choice string

// The choices the model offers. choiceTable says what 1 stands for.
const (
	AllocFails   Choice = "alloc-fails"
	ReuseLater   Choice = "reuse-later"
	GraceDelayed Choice = "grace-delayed"
	Signal       Choice = "signal"
	StaleWalk    Choice = "stale-walk"
	HookFails    Choice = "hook-fails"
	ChargeFails  Choice = "charge-fails"
	Steal        Choice = "steal"
	CallsEarly   Choice = "callbacks-early"
)

// ChoiceInfo describes a choice.
type ChoiceInfo struct {
	Name Choice
	Doc  string // what may happen that normally does not
}

var choiceTable = [...]ChoiceInfo{
	{AllocFails, "an allocation of a thread returns `ENOMEM`"},
	{ReuseLater, "an allocation takes fresh memory though freed memory is at hand"},
	{CallsEarly, "`call_rcu` finds that a grace period has ended, and runs the callbacks that waited for it; without this they run where `rcu_barrier` asks for them: when frames run out, and behind the last step"},
	{GraceDelayed, "a grace period that could have ended is not found to have ended yet; with it comes `callbacks-early`"},
	{Signal, "a task gets a fatal signal while it is in a killable wait: `EINTR` ends the wait, unless what it waits for comes first, and the task ends with the statement"},
	{StaleWalk, "a walk of the VMA tree without `mmap_lock` sees the tree before a store that nothing has ordered before the walk"},
	{HookFails, "a hook of a file with hooks refuses a mapping (`ENODEV`), or to have it split or moved (`EINVAL`)"},
	{ChargeFails, "memory that is promised to an address space is refused: `ENOMEM`"},
	{Steal, "a writer that waits for a semaphore is not handed it, but has to try when it is free, and another task may be faster"},
}

// Choices describes the choices that the model offers.
func Choices() []ChoiceInfo { return slices.Clone(choiceTable[:]) }

// Choose asks the task's observer to decide among n alternatives; 0 is what normally happens, also where there is none.
func (t *Task) Choose(what Choice, n int) int {
	if t.Observer == nil {
		return 0
	}
	return t.Observer.Choose(t, what, n)
}

// EnterTrap is Enter for the function that handles an exception. The access that caused it was performed before anything
// that the handler loads, as little as the loads before that access may have been. It returns a mark of what the task remembers, as [Task.Mark]
// does.
func (t *Task) EnterTrap(fn string) (mark int) {
	if t.Observer != nil {
		mark = t.enterTrap(fn)
	}
	return mark
}

func (t *Task) enterTrap(fn string) (mark int) {
	t.enter(fn)
	t.Observer.Trapped(t)
	return t.Mark()
}
