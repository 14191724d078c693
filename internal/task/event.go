package task

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"
)

// Kind classes operations by what they can conflict with.
type Kind uint8

// The kinds of operation.
const (
	Read   Kind = iota // sees a value
	Write              // leaves a value
	RMW                // both, indivisibly
	Lock               // takes or queues for a lock; may have to wait
	Try                // takes a lock or reports that it cannot
	Unlock             // gives a lock back
	Wait               // goes on when a condition holds
	Wake               // makes a waiting task look again
	Fence              // orders accesses; it is about no cell
)

var kindNames = [...]string{"read", "write", "rmw", "lock", "try", "unlock", "wait", "wake", "fence"}

func (k Kind) String() string { return kindNames[k] }

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *Kind) UnmarshalText(text []byte) error { return unmarshal(k, "kind", kindNames[:], text) }

// Order is the memory order the kernel's operation asks for. Go's atomics are sequentially consistent; the order is
// kept so that a checker can weaken it.
type Order uint8

// The memory orders.
const (
	Plain   Order = iota // unmarked: a lock must protect it
	Relaxed              // READ_ONCE, WRITE_ONCE
	Acquire
	Release
	Full
)

var orderNames = [...]string{"plain", "relaxed", "acquire", "release", "full"}

func (o Order) String() string { return orderNames[o] }

// MarshalText implements [encoding.TextMarshaler].
func (o Order) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Order) UnmarshalText(text []byte) error { return unmarshal(o, "order", orderNames[:], text) }

// Op is an operation of a cell, named as the kernel names it.
type Op uint8

// The operations. opTable says what each one is.
const (
	OpPlainRead Op = iota
	OpPlainWrite
	OpReadOnce
	OpWriteOnce
	OpLoadAcquire
	OpStoreRelease
	OpXchg
	OpCmpXchg
	OpFetchAdd
	OpAtomicAdd
	OpAtomicInc
	OpAtomicIncNotZero
	OpAtomicDecAndTest
	OpSetBit
	OpRefInc
	OpRefIncNotZero
	OpRefIncNotZeroLimitedAcquire
	OpRefIncMoreThanOneLimitedAcquire
	OpRefIncLimitedAcquire
	OpRefAddNotZero
	OpRefSubRelease
	OpRefDecAndTest
	OpRefDecRelaxed
	OpRefSetRelease
	OpSeqBegin
	OpSeqEnd
	OpSeqReadAcquire
	OpDownRead
	OpDownReadTrylock
	OpUpRead
	OpDownWrite
	OpDownWriteTrylock
	OpUpWrite
	OpDowngradeWrite
	OpRWSemWait
	OpRWSemTry
	OpMutexLock
	OpMutexTrylock
	OpMutexUnlock
	OpMutexWait
	OpSpinLock
	OpSpinTrylock
	OpSpinUnlock
	OpRCUWaitEvent
	OpSchedule
	OpWakeUp
	OpSendSig
	OpSectionBegin
	OpSectionEnd
	OpSynchronize
	OpGracePeriodWait
	OpCall
	OpBarrier
	OpStartPoll
	OpPoll
	OpSlabAlloc
	OpSlabFree
	OpClearPage
	OpCopyFrom
	OpCopyTo
	OpMB
	OpWMB
	OpRMB
	OpSpinIsLocked
	NumOps
)

// OpInfo describes an operation.
type OpInfo struct {
	Name  string // the kernel's name
	Kind  Kind
	Order Order
}

var opTable = [NumOps]OpInfo{
	OpPlainRead:                       {"read", Read, Plain},
	OpPlainWrite:                      {"write", Write, Plain},
	OpReadOnce:                        {"READ_ONCE", Read, Relaxed},
	OpWriteOnce:                       {"WRITE_ONCE", Write, Relaxed},
	OpLoadAcquire:                     {"smp_load_acquire", Read, Acquire},
	OpStoreRelease:                    {"smp_store_release", Write, Release},
	OpXchg:                            {"xchg", RMW, Full},
	OpCmpXchg:                         {"cmpxchg", RMW, Full},
	OpFetchAdd:                        {"atomic_fetch_add", RMW, Full},
	OpAtomicAdd:                       {"atomic_add", RMW, Relaxed},
	OpAtomicInc:                       {"atomic_inc", RMW, Relaxed},
	OpAtomicIncNotZero:                {"atomic_inc_not_zero", RMW, Full},
	OpAtomicDecAndTest:                {"atomic_dec_and_test", RMW, Full},
	OpSetBit:                          {"set_bit", RMW, Relaxed},
	OpRefInc:                          {"refcount_inc", RMW, Relaxed},
	OpRefIncNotZero:                   {"refcount_inc_not_zero", RMW, Relaxed},
	OpRefIncNotZeroLimitedAcquire:     {"__refcount_inc_not_zero_limited_acquire", RMW, Acquire},
	OpRefIncMoreThanOneLimitedAcquire: {"__refcount_inc_more_than_one_limited_acquire", RMW, Acquire},
	OpRefIncLimitedAcquire:            {"__refcount_inc_limited_acquire", RMW, Acquire},
	OpRefAddNotZero:                   {"refcount_add_not_zero", RMW, Relaxed},
	OpRefSubRelease:                   {"refcount_sub_and_test", RMW, Release},
	OpRefDecAndTest:                   {"__refcount_dec_and_test", RMW, Release},
	OpRefDecRelaxed:                   {"atomic_dec_return_relaxed", RMW, Relaxed},
	OpRefSetRelease:                   {"refcount_set_release", Write, Release},
	OpSeqBegin:                        {"do_raw_write_seqcount_begin", RMW, Release},
	OpSeqEnd:                          {"do_raw_write_seqcount_end", RMW, Release},
	OpSeqReadAcquire:                  {"raw_read_seqcount", Read, Acquire},
	OpDownRead:                        {"down_read", Lock, Acquire},
	OpDownReadTrylock:                 {"down_read_trylock", Try, Acquire},
	OpUpRead:                          {"up_read", Unlock, Release},
	OpDownWrite:                       {"down_write", Lock, Acquire},
	OpDownWriteTrylock:                {"down_write_trylock", Try, Acquire},
	OpUpWrite:                         {"up_write", Unlock, Release},
	OpDowngradeWrite:                  {"downgrade_write", Unlock, Release},
	OpRWSemWait:                       {"rwsem wait", Wait, Acquire},
	OpRWSemTry:                        {"rwsem try", Lock, Acquire},
	OpMutexLock:                       {"mutex_lock", Lock, Acquire},
	OpMutexTrylock:                    {"mutex_trylock", Try, Acquire},
	OpMutexUnlock:                     {"mutex_unlock", Unlock, Release},
	OpMutexWait:                       {"mutex wait", Wait, Acquire},
	OpSpinLock:                        {"spin_lock", Lock, Acquire},
	OpSpinTrylock:                     {"spin_trylock", Try, Acquire},
	OpSpinUnlock:                      {"spin_unlock", Unlock, Release},
	OpRCUWaitEvent:                    {"rcuwait_wait_event", Wait, Full},
	OpSchedule:                        {"schedule", Wait, Full},
	OpWakeUp:                          {"rcuwait_wake_up", Wake, Full},
	OpSendSig:                         {"send_sig", Wake, Full},
	OpSectionBegin:                    {"rcu_read_lock", Write, Acquire},
	OpSectionEnd:                      {"rcu_read_unlock", Write, Release},
	OpSynchronize:                     {"synchronize_rcu", RMW, Full},
	OpGracePeriodWait:                 {"grace period wait", Wait, Full},
	OpCall:                            {"call_rcu", RMW, Full},
	OpBarrier:                         {"rcu_barrier", RMW, Full},
	OpStartPoll:                       {"start_poll_synchronize_rcu", RMW, Full},
	OpPoll:                            {"poll_state_synchronize_rcu", Read, Full},
	OpSlabAlloc:                       {"kmem_cache_alloc", RMW, Acquire},
	OpSlabFree:                        {"kmem_cache_free", RMW, Release},
	OpClearPage:                       {"clear_page", Write, Plain},
	OpCopyFrom:                        {"copy_page from", Read, Plain},
	OpCopyTo:                          {"copy_page to", Write, Plain},
	OpMB:                              {"smp_mb", Fence, Full},
	OpWMB:                             {"smp_wmb", Fence, Release},
	OpRMB:                             {"smp_rmb", Fence, Acquire},
	OpSpinIsLocked:                    {"spin_is_locked", Read, Relaxed},
}

// Info returns the operation's description.
func (o Op) Info() OpInfo { return opTable[o] }

func (o Op) String() string { return opTable[o].Name }

// MarshalText implements [encoding.TextMarshaler].
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Op) UnmarshalText(text []byte) error {
	var names [NumOps]string
	for i := range opTable {
		names[i] = opTable[i].Name
	}
	return unmarshal(o, "operation", names[:], text)
}

// unmarshal finds the one that has a name.
func unmarshal[T ~uint8](one *T, what string, names []string, text []byte) error {
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("unknown %s %q", what, text)
	}
	*one = T(i)
	return nil
}

// Event is one access to a cell. It is announced before the operation, so a scheduler sees each task's pending
// operation, and again after it, with the values.
type Event struct {
	Op   Op
	Addr unsafe.Pointer // identifies the cell; Layout names it
	Size uintptr        // of a bulk access, the bytes from Addr on that it is about, all in one object; 0: it is about a cell
	Func string         // the kernel function it belongs to

	// Enabled is nil for an operation that can always be performed. Otherwise the task is disabled while it is false.
	// It reads without announcing and may be called by the scheduler at any time.
	Enabled  func() bool
	Killable bool  // a fatal signal enables the operation, too
	Weakened Order // in place of the memory order of its operation; Plain: it has that one. See [Task.Weaken]

	Target   *Task  // Wake: whom; OpSendSig: who gets the signal
	Old, New uint64 // After: the value seen and the value left; 0 where the cell has no number

	OldPtr, NewPtr unsafe.Pointer // After, where the cell holds a pointer: what Old and New are the addresses of
	Quiet          bool           // After: the task is not told what it saw
	Interrupted    bool           // After a Wait: a fatal signal ended it, not its condition
}

// Order returns the memory order of the access.
func (e *Event) Order() Order {
	if e.Weakened != Plain {
		return e.Weakened
	}
	return e.Op.Info().Order
}

// Observer is told every access of the tasks that carry it, supplies what loads read, and decides what may fail. An Event is valid only
// during the call.
// An observer of a few methods embeds [NoObserver].
type Observer interface {
	// Before is called with the pending operation. A scheduling observer returns when it is this task's turn and the
	// operation is enabled; one that only records returns at once, and the cell then waits for real.
	Before(t *Task, e *Event)
	// After is called when the operation has been performed.
	After(t *Task, e *Event)
	// Born says that an object made of cells begins a life at base; Died, that it ended. layout names its cells.
	Born(t *Task, base unsafe.Pointer, layout *Layout)
	Died(t *Task, base unsafe.Pointer)
	// Load returns what the task's load of a pointer sees that the processor may have performed early: latest, or, if the choice
	// what is offered and decided so, a value that the cell at addr held before. It is called between Before and After of the
	// load.
	Load(t *Task, what Choice, addr, latest unsafe.Pointer) unsafe.Pointer
	// Choose decides among n alternatives of what is no scheduling; 0 is what normally happens.
	Choose(t *Task, what Choice, n int) int
	// Trapped says that the task has taken an exception, on account of its last access through the page tables. That access was
	// performed before anything that the handler loads.
	Trapped(t *Task)
}

// NoObserver is an observer that sees nothing, under which every load reads the latest value and nothing fails.
type NoObserver struct{}

// Before implements [Observer].
func (NoObserver) Before(*Task, *Event) {}

// After implements [Observer].
func (NoObserver) After(*Task, *Event) {}

// Born implements [Observer].
func (NoObserver) Born(*Task, unsafe.Pointer, *Layout) {}

// Died implements [Observer].
func (NoObserver) Died(*Task, unsafe.Pointer) {}

// Load implements [Observer].
func (NoObserver) Load(_ *Task, _ Choice, _, latest unsafe.Pointer) unsafe.Pointer { return latest }

// Choose implements [Observer].
func (NoObserver) Choose(*Task, Choice, int) int { return 0 }

// Trapped implements [Observer].
func (NoObserver) Trapped(*Task) {}

// Layout describes the cells of a kind of object.
type Layout struct {
	Type   string // the kernel's type: "vm_area_struct"
	Short  string // what its objects are called; "": as the type
	Size   uintptr
	Fields []Field
}

// Object names an object by its number: vma#1. Oracles and traces call it so.
func (l *Layout) Object(number int) string {
	return fmt.Sprintf("%s#%d", cmp.Or(l.Short, l.Type), number)
}

// Field is one cell of an object.
type Field struct {
	Name   string // the kernel's name: "vm_refcnt"
	Offset uintptr
	Size   uintptr
	Cell   uintptr  // of an array of cells, the size of each; 0: it is one cell
	Read   LockRule // who may read it
	Write  LockRule // who may write it
	Bits   LockRule // who may set single bits of it atomically; nil: who may write it
	Doc    string   // what it is
}

// FieldAt returns the field that holds the byte at offset, or nil.
func (l *Layout) FieldAt(offset uintptr) *Field {
	for i := range l.Fields {
		if f := &l.Fields[i]; offset >= f.Offset && offset < f.Offset+f.Size {
			return f
		}
	}
	return nil
}

// CellName names the cell at offset: ".vm_refcnt", ".pte[3]"; "" where no field is.
func (l *Layout) CellName(offset uintptr) string {
	f := l.FieldAt(offset)
	switch {
	case f == nil:
		return ""
	case f.Cell == 0:
		return "." + f.Name
	}
	return fmt.Sprintf(".%s[%d]", f.Name, (offset-f.Offset)/f.Cell)
}

// Born announces the life of an object to the task's observer, if it has one.
func (t *Task) Born(base unsafe.Pointer, layout *Layout) {
	if t.Observer != nil {
		t.Observer.Born(t, base, layout)
	}
}

// Died announces the end of an object's life to the task's observer, if it has one.
func (t *Task) Died(base unsafe.Pointer) {
	if t.Observer != nil {
		t.Observer.Died(t, base)
	}
}
