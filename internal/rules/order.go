package rules

// Requirement is an order between two steps that the protocol relies on. Its number is that of docs/kernel.md.
type Requirement struct {
	Name    string // "O1"
	Between string // the two steps
	Needs   string // what orders them in the kernel
	Note    string // what is to be said of it besides
}

var requirementTable = [...]Requirement{
	{"O1", "the writes of `vm_mm`, the range, `vm_flags`, `vm_lock_seq`; the count that says attached", "release: `refcount_set_release`",
		"since version 10 of the patch"},
	{"O2", "a reader's increment; its loads of `vm_mm`, `vm_lock_seq`, `vm_start`, `vm_end`", "acquire on success: `__refcount_inc_not_zero_limited_acquire`",
		"since version 10 of the patch"},
	{"O3", "a writer's writes; `mm_lock_seq` moves on", "release; since 6.14 a write barrier", "since 6.4.8 (B09)"},
	{"O4", "a reader's load of `mm_lock_seq`; its use of the VMA", "acquire: `raw_read_seqcount`", "since 6.4.8 (B09)"},
	{"O5", "a reader's last access; its decrement", "release: `__refcount_dec_and_test`", ""},
	{"O6", "a writer's look that finds the readers gone; its first access", "acquire is to be wished; the kernel has a full barrier before the look and a control dependency after it",
		"a load of an entry that refers to a page table may be early (docs/o6.md); the verdicts are those of `views:1`"},
	{"O7", "a reader's decrement, its look for a waiter; a writer's announcement, its look at the count", "a full barrier on both sides: `rcuwait_wake_up`, `rcuwait_wait_event`", ""},
	{"O8", "a writer's flag, its look at the count; a reader's increment", "one word", ""},
	{"O9", "the store of `vm_lock_seq`; the flag comes off the count", "release: `refcount_sub_and_test`", ""},
	{"O10", "the writes of the VMA, the store that publishes it; a reader's load of the tree", "release; an address dependency",
		"a walk that is early is the choice `stale-walk`"},
	{"O11", "the count reaches 0; the memory is freed, and used again", "the order of the program, and a count that stays 0", ""},
	{"O12", "the hint of `vma_start_read`; anything", "nothing", "it spares a reader a round while munmap has a VMA detached and still in the tree"},
}

// Requirements returns what the protocol relies on, by number.
func Requirements() []Requirement { return requirementTable[:] }

// Rules returns the rules without which the requirement is not met.
func (q Requirement) Rules() (rs []Rule) {
	for _, r := range All() {
		if r.Info().Order == q.Name {
			rs = append(rs, r)
		}
	}
	return rs
}
