package mm

import (
	"unsafe"

	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// operation is a call that changes an address space.
type operation uint8

const (
	noCall operation = iota
	callMmap
	callMunmap
	callMprotect
	callMremap
	callBrk
	callMadvise
	callMlock
	callMunlock
	callMlockall
	callMseal
	callFork
	callExpandStack
	callRemapFilePages
	callPrctl
	callMbind
	callUffd
)

// joins says which neighbours a call that succeeds joins if they can be one VMA.
type joins uint8

const (
	joinsAll  joins = iota
	joinsNone       // it is not about merging, or merges with one side only
)

// callTable says of each call what it may do to an address space beside what it is asked for when it succeeds; residue.go has what
// it may leave when it fails.
var callTable = [...]struct {
	name  string
	joins joins
	keeps bool // it changes flags only: what is mapped, and from where, stays
}{
	noCall:          {name: "no call"},
	callMmap:        {name: "mmap"},
	callMunmap:      {name: "munmap"},
	callMprotect:    {name: "mprotect", keeps: true},
	callMremap:      {name: "mremap"},
	callBrk:         {name: "brk", joins: joinsNone},
	callMadvise:     {name: "madvise", keeps: true},
	callMlock:       {name: "mlock", keeps: true},
	callMunlock:     {name: "munlock", keeps: true},
	callMlockall:    {name: "mlockall", keeps: true},
	callMseal:       {name: "mseal", keeps: true},
	callFork:        {name: "fork", joins: joinsNone, keeps: true},
	callExpandStack: {name: "stack growth", joins: joinsNone},

	callRemapFilePages: {name: "remap_file_pages"},
	callPrctl:          {name: "prctl", joins: joinsNone, keeps: true},
	callMbind:          {name: "mbind", joins: joinsNone, keeps: true},
	callUffd:           {name: "userfaultfd", keeps: true},
}

// area is a VMA as it was at some moment.
type area struct {
	start, end, pgoff uint64
	anonPgoff         uint64 // of its anonymous pages
	flags             linux.VMFlags
	file              *phys.File
	anon              *vma.AnonVMA
	links             int  // anon_vmas that it is linked to
	closes            bool // it has a close hook, so no merge may swallow it
	policy            *vma.Policy
}

// span is a range of addresses.
type span struct{ start, end uint64 }

// call is one call under mmap_lock held for writing, as far as is needed to judge what it has done. Only the holder of the lock
// changes what is noted of an address space, so the judgement depends on nothing but the holder's own steps.
type call struct {
	mm      *MM // nil: none is judged
	op      operation
	spans   []span // that it is about
	partial bool   // it went on though memory was short, or left something behind for good: neighbours may be left apart
	faults  bool   // it brings pages into its range
	wants   area   // what a mapping was asked to be; empty range: none was

	before, after []area
}

// lockCall takes mmap_lock for writing, for a call about [start, end). It fails with EINTR. endCall must follow, or callEnds
// and the end of the write section.
func (mm *MM) lockCall(t *task.Task, op operation, start, end uint64) error {
	if err := mm.MmapWriteLockKillable(t); err != nil {
		return err
	}
	mm.startCall(t, op, start, end)
	return nil
}

// startCall notes what the address space is like before a call, if the machine is asked to judge calls.
func (mm *MM) startCall(t *task.Task, op operation, start, end uint64) {
	if mm.Machine.judges() {
		mm.noteCall(t, op, start, end)
	}
}

// judges reports whether calls are judged.
func (m *Machine) judges() bool { return m.JudgeCalls || m.ValidateWrites }

func (mm *MM) noteCall(t *task.Task, op operation, start, end uint64) {
	c := &mm.Machine.scratch.Get(t).call
	*c = call{mm: mm, op: op, spans: append(c.spans[:0], span{start, end}), before: mm.areas(c.before[:0]), after: c.after}
	c.learn(t)
}

// learn says what the judgement of the call will go by, which no event tells.
func (c *call) learn(t *task.Task) {
	if t.Mind == nil {
		return
	}
	h := uint64(len(c.before))
	for i := range c.before {
		h = c.before[i].mix(h)
	}
	t.Learn(h)
}

// mix returns a hash of h and the area. Of its file it takes in whether there is one: which it is, a VMA never changes.
func (a *area) mix(h uint64) uint64 {
	if a.file != nil {
		h++
	}
	for _, v := range [...]uint64{a.start, a.end, a.pgoff, a.anonPgoff, uint64(a.flags), uint64(a.links),
		uint64(uintptr(unsafe.Pointer(a.anon))), uint64(uintptr(unsafe.Pointer(a.policy)))} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// judged returns the call that t is in, nil if it is not judged.
func (mm *MM) judged(t *task.Task) *call {
	if !mm.Machine.judges() {
		return nil
	}
	return mm.noted(t)
}

// noted returns the call that was noted for t.
func (mm *MM) noted(t *task.Task) *call {
	if c := &mm.Machine.scratch.Get(t).call; c.mm == mm {
		return c
	}
	return nil
}

// callTouches notes that the call in progress is about [start, end), too.
func (mm *MM) callTouches(t *task.Task, start, end uint64) {
	if c := mm.judged(t); c != nil {
		c.spans = append(c.spans, span{start, end})
	}
}

// callIsPartial notes that the call in progress goes on though it could not do all of it.
func (mm *MM) callIsPartial(t *task.Task) {
	if c := mm.judged(t); c != nil {
		c.partial = true
	}
}

// callFaults notes that the call in progress brings pages in, which may give its VMAs an anon_vma.
func (mm *MM) callFaults(t *task.Task) {
	if c := mm.judged(t); c != nil {
		c.faults = true
	}
}

// callWants notes what the call in progress is to map.
func (mm *MM) callWants(t *task.Task, r *mergeRange) {
	if c := mm.judged(t); c != nil {
		c.wants = area{start: r.start, end: r.end, pgoff: r.pgoff, flags: r.flags, file: r.file}
	}
}

// callGives notes that what the call in progress maps has other flags in the end than those that its neighbours were compared with.
func (mm *MM) callGives(t *task.Task, flags linux.VMFlags) {
	if c := mm.judged(t); c != nil {
		c.wants.flags, c.partial = flags, true
	}
}

// callEnds judges what a call has done that ends with err. The caller still holds mmap_lock for writing.
func (mm *MM) callEnds(t *task.Task, err error) {
	c := mm.judged(t)
	if c == nil {
		return
	}
	c.mm = nil
	c.after = mm.areas(c.after[:0])
	if len(c.spans) > 0 {
		c.judge(t, err)
	}
}

// endCall is callEnds and the end of the write section.
func (mm *MM) endCall(t *task.Task, err error) {
	mm.callEnds(t, err)
	mm.endWrite(t)
}

// areas appends the VMAs of the address space. It announces nothing: a check is no part of the protocol.
func (mm *MM) areas(all []area) []area {
	it := mm.Tree.Iterator()
	for v := it.Find(&mm.Machine.unseen, 0); v != nil; {
		start, end, pgoff, flags := v.Snapshot()
		file, anon := v.FilePeek(), v.AnonPeek()
		links := 0
		for l := v.ChainPeek(); l != nil; l = l.Next {
			links++
		}
		all = append(all, area{start, end, pgoff, v.AnonPgoffPeek(), flags, file, anon, links, v.Closes(), v.PolicyPeek()})
		if end <= start { // that is what Validate is for
			break
		}
		v = it.Find(&mm.Machine.unseen, end)
	}
	return all
}
