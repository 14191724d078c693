package lesson

// breakLevels are those in which an order of steps is to be found.
func breakLevels() []Level {
	return []Level{
		{Name: "two-faults", Kind: BreakIt, Title: "Two faults, one page", Scenario: "two-faults", Rules: "linux-6.18,-recheck-entry",
			Goal:  "Two tasks store to the same page for the first time. Each finds no page, makes one, and puts it into the page table. Make one store vanish.",
			Hints: []string{"Each fault looks whether there is an entry, and later writes one. In between the other one may have done so.", "Let one task go on until it has allocated its page, then let the other one finish."}},
		{Name: "lost-wake-up", Kind: BreakIt, Title: "Asleep for ever", Scenario: "look-before-drop", Rules: "linux-6.18,-drop-before-look",
			Goal:  "A writer waits until the readers of a VMA are gone, and the last reader wakes it up. Put the writer to sleep when nobody is left to wake it.",
			Hints: []string{"The reader looks whether a writer waits, and gives its reference back in another step.", "Stop the reader between these two steps, and let the writer go to sleep."}},
		{Name: "kept-node", Kind: BreakIt, Title: "A node of yesterday", Scenario: "kept-node", Rules: "linux-6.18,-walk-anew",
			Goal:  "A reader that found a detached VMA looks a second time, and goes on from the tree node of its first look. Make it read a node that was given back.",
			Hints: []string{"The reader has to find the VMA, and then fail to lock it.", "munmap replaces the node. Its memory is given back when no reader is inside a read section: when does this reader leave it?"}},
		{Name: "december", Kind: BreakIt, Title: "The detach race", Scenario: "detach-race", show: "lock-left-held", Rules: "refcount-v6",
			Goal:  "The race that Peter Zijlstra drew: the reader's put takes the count to zero, and lockdep is never told.",
			Hints: []string{"vma_mark_detached drops the writer's own reference, and ignores what is left.", "Stop the reader after it has looked at vm_lock_seq, before its increment. Let the writer lock the VMA and come to vma_mark_detached.", "Now the reader counts itself in, the writer detaches, and the reader goes on to its end."}},
		{Name: "teardown", Kind: BreakIt, Title: "After the downgrade", Scenario: "downgrade-teardown", Rules: "linux-6.18,-detach-waits",
			Goal:  "The same slip, worse: let the reader get a VMA that munmap has detached and is clearing.",
			Hints: []string{"The downgrade moves mm_lock_seq on, so that the VMA does not look write-locked any more.", "The reader must have counted itself in before the VMA is detached, and must not look at the numbers again before the downgrade."}},
		{Name: "foreign-vma", Kind: BreakIt, Title: "Another process's memory", Scenario: "reuse-before-lock", Rules: "linux-6.18,-check-vm-mm",
			Goal:  "Let the reader in main lock a VMA of the address space B.",
			Hints: []string{"The memory of a freed VMA is another VMA at once.", "Stop the reader when it has found the VMA. How far may the recycler go, so that the VMA is attached and covers A?"}},
		{Name: "deadlock", Kind: BreakIt, Title: "Each waits for the other", Scenario: "lock-order", Rules: "linux-6.18,-retry-under-trylock",
			Goal:  "A fault holds its VMA and wants mmap_lock, a writer holds mmap_lock and wants the VMA. Bring both to where neither can go on.",
			Hints: []string{"The fault must have the VMA before the writer asks for it.", "Let the writer take mmap_lock as soon as the fault has its reference."}},
		{Name: "last-put", Kind: BreakIt, Title: "Freed, and attached again", Scenario: "last-put", Rules: "free-at-zero",
			Goal:  "The last put frees the VMA. munmap fails at the sealed B and attaches A again: make it attach what was freed.",
			Hints: []string{"The reader's put must be the last one.", "The reader counts itself in before the writer detaches, and gives back before the writer finds the seal."}},
	}
}

// mendLevels are those in which rules are to be switched.
func mendLevels() []Level {
	return []Level{
		{Name: "mend-wake-up", Kind: MendIt, Title: "The writer that sleeps", Scenario: "announce-late", Rules: "linux-6.18,-announce-before-look", families: []string{"order"},
			Goal:  "A writer looks for readers before it says that it waits, and is not woken up.",
			Hints: []string{"Which rule is about what a writer does first?"}},
		{Name: "mend-vma-mm", Kind: MendIt, Title: "Whose VMA is this?", Scenario: "reuse-before-lock", Rules: "linux-6.18,-check-vm-mm", families: []string{"reuse"},
			Goal:  "A lookup takes a VMA of another address space. There are two ways to mend it, one by a check and one by when memory is used again.",
			Hints: []string{"Which field says to whom a VMA belongs?", "If the memory of a freed VMA stays as it is while a reader looks, which rule must be off?"}},
		{Name: "mend-last-put", Kind: MendIt, Title: "Freed too early", Scenario: "last-put", Rules: "free-at-zero", families: []string{"detach", "reuse"},
			Goal:  "The last put frees the VMA, while munmap wants it back.",
			Hints: []string{"If no reader is left when a VMA is detached, who makes the last put?"}},
		{Name: "mend-deadlock", Kind: MendIt, Title: "The wrong way round", Scenario: "lock-order", Rules: "linux-6.18,-retry-under-trylock", families: []string{"fault"},
			Goal:  "A fault waits for mmap_lock under the lock of its VMA.",
			Hints: []string{"A try does not wait."}},
		{Name: "mend-merge", Kind: MendIt, Title: "A merge beside a fault", Scenario: "merge-grown", Rules: "linux-6.18,-lock-grown", families: []string{"merge"},
			Goal:  "A VMA grows downwards while a fault in it computes where its page lies.",
			Hints: []string{"A fault is kept out by one thing alone. Which VMA changes here?"}},
		{Name: "mend-detach", Kind: MendIt, Title: "Mend the detach race", Scenario: "detach-race", Rules: "refcount-v6", families: []string{"detach", "reuse"},
			Goal:  "Version 6 of December 2024. Switch as few rules as you can until every interleaving is searched and nothing breaks.",
			Hints: []string{"One rule is about the writer, one about the put.", "The writer has to wait for readers when it detaches, and a put must not touch the VMA when it has given it back."}},
		{Name: "mend-two", Kind: MendIt, Title: "Two checks are missing", Scenario: "reuse-before-lock", Rules: "linux-6.18,-check-vm-mm,-detach-waits", families: []string{"detach", "reuse"},
			Goal:  "Two rules were taken away. Do you need both?",
			Hints: []string{"Mend one, explore, and look at the run that still breaks."}},
	}
}
