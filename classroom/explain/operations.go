package explain

import (
	"strings"

	"vmasim/internal/task"
)

// operation tells of an operation of the kernel that stands in traces as what a step does.
type operation struct {
	does string // sentences
	file string // of Linux 6.18 that has it, from memory
}

// The files that have most operations.
const (
	refcountFile = "include/linux/refcount.h"
	rwsemFile    = "kernel/locking/rwsem.c"
	mutexFile    = "kernel/locking/mutex.c"
	spinFile     = "include/linux/spinlock.h"
	onceFile     = "include/asm-generic/rwonce.h"
	atomicFile   = "include/linux/atomic/atomic-instrumented.h"
	waitFile     = "include/linux/rcuwait.h"
	seqFile      = "include/linux/seqlock.h"
	rcuFile      = "include/linux/rcupdate.h"
	treeFile     = "kernel/rcu/tree.c"
	slabFile     = "mm/slub.c"
)

// operationTable has every operation. TestEveryOperation demands that none is missing.
var operationTable = [task.NumOps]operation{
	task.OpPlainRead:   {"Reads a field as C does. The compiler may read it twice or not at all, so a lock has to keep writers out; data-race speaks where none does.", "no function, an expression"},
	task.OpPlainWrite:  {"Writes a field as C does. The compiler may tear it or leave it out, so a lock has to keep all others out; data-race speaks where none does.", "no function, an assignment"},
	task.OpReadOnce:    {"Reads a field once, as it is at that moment. It orders nothing: what was written before the value may not be seen yet.", onceFile},
	task.OpWriteOnce:   {"Writes a field once, as a whole. It orders nothing: a reader of it may not see yet what was written before.", onceFile},
	task.OpLoadAcquire: {"Reads a field before all that comes behind it. If the value was written with a release, what its writer wrote before is seen, too.", "include/asm-generic/barrier.h"},
	task.OpStoreRelease: {"Writes a field after all that comes before it. A reader that acquires the value sees those writes, too: so an object is published when it is whole.",
		"include/asm-generic/barrier.h"},
	task.OpXchg:      {"Leaves a value and returns the one before, as one step. Nothing passes it, in either direction.", atomicFile},
	task.OpCmpXchg:   {"Leaves a value if the one before is the expected one, as one step. What it returns tells whether it did.", atomicFile},
	task.OpFetchAdd:  {"Adds to a counter and returns the value before, as one step. Nothing passes it, in either direction.", atomicFile},
	task.OpAtomicAdd: {"Adds to a counter and returns nothing, as one step. It orders nothing.", atomicFile},
	task.OpAtomicInc: {"Takes one more reference next to one that is held. It orders nothing.", atomicFile},
	task.OpAtomicIncNotZero: {"Takes a reference unless there is none left, and tells whether it did. If so nothing passes it, in either direction; if not it is a read that orders nothing.",
		atomicFile},
	task.OpAtomicDecAndTest: {"Gives a reference back, and tells whether it was the last. Nothing passes it, in either direction, which refcount_dec_and_test does not promise.", atomicFile},
	task.OpSetBit:           {"Sets a bit of a word and leaves the others as they are, as one step. It orders nothing.", "include/asm-generic/bitops/instrumented-atomic.h"},
	task.OpRefInc:           {"Takes one more reference. There has to be one already: on 0 it warns, and saturates the counter.", refcountFile},
	task.OpRefIncNotZero: {"Takes a reference unless there is none left, in which case the object is gone or about to go, and it tells so. It orders nothing; the caller has to look at what it got.",
		refcountFile},
	task.OpRefIncNotZeroLimitedAcquire: {"Takes a reference unless the count is 0, which means detached, or above a limit, which means that a writer is there. The acquire keeps what comes behind it from being read before. It is how a reader locks a VMA since 6.15.",
		refcountFile},
	task.OpRefIncMoreThanOneLimitedAcquire: {"Takes a reference if there is more than one and no writer. It is how a reader locks a VMA where 1 means detached and 2 attached, as was proposed in December 2024.",
		"no released kernel: proposed in December 2024"},
	task.OpRefIncLimitedAcquire: {"Takes a reference unless the count is above a limit. It does not ask whether the count is 0, and so brings back to life what is detached.",
		"no kernel: a reader without the check, as the litmus test inc-from-zero has it"},
	task.OpRefAddNotZero: {"Adds to a count unless it is 0, as one step. A writer announces itself so: it adds VMA_LOCK_OFFSET, after which no reader gets in.", refcountFile},
	task.OpRefSubRelease: {"Takes from a count, and tells whether it became 0. The release keeps what came before it from being seen after. A writer ends its announcement so.", refcountFile},
	task.OpRefDecAndTest: {"Gives a reference back, and tells whether it was the last. Who gets 0 owns the object and has to do what the last one does, once.", refcountFile},
	task.OpRefDecRelaxed: {"Takes one from a counter and returns what is left, without any order. A release is missing: what was done with the object may be seen after it.",
		atomicFile},
	task.OpRefSetRelease: {"Sets a count, whatever it was, after all that comes before it. A VMA is attached so: its fields are seen by a reader that gets a reference.", refcountFile},
	task.OpSeqBegin:      {"Makes a sequence counter odd: readers that see it know that a writer is inside. mm_lock_seq is moved so when mmap_lock has been taken for writing.", seqFile},
	task.OpSeqEnd:        {"Makes a sequence counter even, and another than before: a reader that copied something meanwhile knows it. For mm_lock_seq it ends all write locks of VMAs.", seqFile},
	task.OpSeqReadAcquire: {"Reads a sequence counter, before all that comes behind it. vma_start_read compares it with vm_lock_seq: equal means that a writer has the VMA.",
		seqFile},
	task.OpDownRead:         {"Takes a semaphore for reading, or queues for it. Readers share it; a writer that waits keeps new readers out.", rwsemFile},
	task.OpDownReadTrylock:  {"Takes a semaphore for reading if that is possible at once, and tells so. It never waits, so it can be used where waiting would deadlock.", rwsemFile},
	task.OpUpRead:           {"Gives a semaphore back that was taken for reading. The last reader lets the first in the queue in.", rwsemFile},
	task.OpDownWrite:        {"Takes a semaphore for writing, or queues for it. It keeps out all readers and all other writers.", rwsemFile},
	task.OpDownWriteTrylock: {"Takes a semaphore for writing if no task has it, and tells so. It never waits.", rwsemFile},
	task.OpUpWrite:          {"Gives a semaphore back that was taken for writing. Those at the head of the queue go on: one writer, or all readers up to the next writer.", rwsemFile},
	task.OpDowngradeWrite: {"Goes from writing to reading without letting a writer in between. Readers come in beside it, but no second task can be where it is: that one would have had to write first.",
		rwsemFile},
	task.OpRWSemWait:    {"Waits in the queue of a semaphore. Its turn comes when those before it have had theirs; a fatal signal ends a killable wait.", rwsemFile},
	task.OpRWSemTry:     {"Takes a semaphore for a writer at the head of its queue, once it is free: the writer was not handed it, and another may be faster.", rwsemFile},
	task.OpMutexLock:    {"Takes a mutex, or queues for it. One task has it at a time.", mutexFile},
	task.OpMutexTrylock: {"Takes a mutex if no task has it, and tells so. It never waits.", mutexFile},
	task.OpMutexUnlock:  {"Gives a mutex back. The first in the queue goes on.", mutexFile},
	task.OpMutexWait:    {"Waits in the queue of a mutex until it is given back.", mutexFile},
	task.OpSpinLock:     {"Takes a spinlock, going round until it is free. Its owner must not sleep.", spinFile},
	task.OpSpinTrylock:  {"Takes a spinlock if it is free, and tells so. A speculative fault uses it on the lock of a page table.", spinFile},
	task.OpSpinUnlock:   {"Gives a spinlock back. What was written under it is seen by the next that takes it.", spinFile},
	task.OpRCUWaitEvent: {"Looks whether a condition holds, and sleeps if it does not until it is woken. One task can wait so at a time: a writer does, for the readers of a VMA.", waitFile},
	task.OpSchedule:     {"Sleeps until it is woken. Between the look at the condition and this step a wake-up must not be lost: lost-wake-up speaks if it is.", "kernel/sched/core.c"},
	task.OpWakeUp:       {"Wakes the task that waits in rcuwait_wait_event, if one does. The last reader of a VMA that a writer waits for has to do so.", waitFile},
	task.OpSendSig:      {"Sends a signal to a task. A fatal one ends its killable waits with EINTR.", "kernel/signal.c"},
	task.OpSectionBegin: {"Begins a section of RCU. What it finds inside is not freed before its end, unless the memory is SLAB_TYPESAFE_BY_RCU, which may become another object of the type.", rcuFile},
	task.OpSectionEnd:   {"Ends a section of RCU. Grace periods wait for the sections that began before them.", rcuFile},
	task.OpSynchronize:  {"Waits until all sections of RCU have ended that have begun: a grace period. What was taken out of sight before it can be freed behind it.", treeFile},
	task.OpGracePeriodWait: {"Waits in synchronize_rcu, or for an interrupt that each CPU has to answer, until the sections or walks have ended that had begun.",
		treeFile},
	task.OpCall:      {"Has a function called after a grace period, and goes on. Objects that RCU readers may have found are freed so.", treeFile},
	task.OpBarrier:   {"Waits until all functions have been called that call_rcu was given. It is for the end, when what they need goes away.", treeFile},
	task.OpStartPoll: {"Notes the present, so that it can be asked later whether a grace period has passed since.", treeFile},
	task.OpPoll:      {"Asks whether a grace period has passed since start_poll_synchronize_rcu. It does not wait.", treeFile},
	task.OpSlabAlloc: {"Takes an object from a slab. Of a SLAB_TYPESAFE_BY_RCU slab it may be the memory of one that readers still look at.", slabFile},
	task.OpSlabFree: {"Gives an object back to its slab. The memory may be the next object of the type at once; where the slab is not typesafe it waits for a grace period first.",
		slabFile},
	task.OpClearPage:    {"Fills a page with zeros, before a fault maps it. Only its owner may know of the page.", "arch/x86/include/asm/page_64.h"},
	task.OpCopyFrom:     {"Reads the page that is copied, for a write to a shared one or a fork. The reader has to keep it from being freed.", "arch/x86/lib/copy_page_64.S"},
	task.OpMB:           {"Orders all accesses before it before all that come after it, and is in one order with all other full barriers. A step of its own only where loads may be stale.", "tools/memory-model/linux-kernel.cat"},
	task.OpWMB:          {"Orders stores before it before stores that come after it. A step of its own only where loads may be stale.", "tools/memory-model/linux-kernel.cat"},
	task.OpRMB:          {"Orders loads before it before loads that come after it. A step of its own only where loads may be stale.", "tools/memory-model/linux-kernel.cat"},
	task.OpSpinIsLocked: {"Reads whether a spinlock is held, with no order: who is told so may be told what was so before.", "include/linux/spinlock.h"},
	task.OpCopyTo:       {"Writes the copy of a page, which no task has seen yet.", "arch/x86/lib/copy_page_64.S"},
}

func operations() (all []Entry) {
	for op := range task.NumOps {
		info, o := op.Info(), operationTable[op]
		bare := strings.TrimLeft(info.Name, "_")
		e := Entry{Name: info.Name, Does: o.does}
		if bare != info.Name {
			e.aliases = []string{bare}
		}
		if strings.Contains(bare, "_") {
			e.words = []string{bare}
		}
		e.add("kind", kindWords(info.Kind))
		e.add("order", info.Order.String())
		e.add("in", o.file)
		all = append(all, e)
	}
	return all
}

// kindWords says what an operation does to a cell.
func kindWords(k task.Kind) string {
	if k == task.RMW {
		return "read and write, indivisibly"
	}
	return k.String()
}
