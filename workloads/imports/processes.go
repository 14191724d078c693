package imports

import (
	"bytes"
	"fmt"
	"slices"

	"vmasim/workloads"
)

// clone notes that a call has made a task.
func (im *importer) clone(t *task, c *call) *badArg {
	if !c.result.ok() {
		im.drop(c.line, string(c.name), "it failed")
		return nil
	}
	tid := int(c.result.value)
	if t.children > 0 { // the task was faster than the line that tells of it
		return nil
	}
	im.forget(tid) // of a task that had its number before
	var text []byte
	for _, arg := range c.args {
		if bytes.Contains(arg, []byte("flags=")) {
			text = arg
		}
	}
	t.name0 = append(t.name0[:0], c.name...)
	im.cloned(t, tid, text)
	return nil
}

// cloned makes the task of a call, which has args.
func (im *importer) cloned(t *task, tid int, args []byte) *task {
	t.children++
	im.report.Noted++
	text, _ := field(args, "flags")
	has := func(flag string) bool { return bytes.Contains(text, []byte(flag)) }
	vfork := string(t.name0) == "vfork"
	p, s := t.process, t.space
	if !has("CLONE_THREAD") {
		p = &process{t.process.fds}
		if !has("CLONE_FILES") {
			p.fds = p.fds.clone()
		}
		s.users++
	}
	if !vfork && !has("CLONE_VM") {
		s.users--
		s = im.forked(t, tid)
	}
	made := im.add(tid, p, s)
	return made
}

// forked copies the address space that a task is in.
func (im *importer) forked(t *task, tid int) *space {
	child := im.newSpace(im.unused(fmt.Sprintf("m%d", tid)))
	from := t.space
	child.forked, child.heap, child.hasHeap, child.heapEnd, child.top = true, from.heap, from.hasHeap, from.heapEnd, from.top
	child.seen, child.writable, child.executable = slices.Clone(from.seen), slices.Clone(from.writable), slices.Clone(from.executable)
	child.placed = slices.Clone(from.placed)
	for end := range from.grown {
		child.grown[end] = true
	}
	im.spaces = append(im.spaces, child)
	im.begin(workloads.KindFork).MM = &workloads.Ref{Name: child.name}
	im.emit(t)
	if im.o.Search {
		o := im.ops[len(im.ops)-1]
		o.children = append(o.children, child)
	}
	return child
}

// execve puts the task into an address space of its own, whose layout the log does not tell. The first of all has the one of the dump.
func (im *importer) execve(t *task, c *call) *badArg {
	if !c.result.ok() {
		im.drop(c.line, string(c.name), "it failed")
		return nil
	}
	im.report.Noted++
	p := t.process
	for _, other := range im.all { // the other threads are gone
		if other.process == p && other != t && !other.gone {
			other.gone = true
		}
	}
	if t.space.fresh && t.space == im.spaces[0] {
		return nil
	}
	im.quit(t)
	s := im.newSpace(im.unused(fmt.Sprintf("m%d", t.tid)))
	im.spaces = append(im.spaces, s)
	s.fresh, t.space, t.enters = false, s, s
	return nil
}

// quit has a process leave its address space, which is torn down if it was the last. That of the first process stays, so that its
// layout can be looked at.
func (im *importer) quit(t *task) {
	s := t.space
	if s.users--; s.users > 0 || s == im.spaces[0] {
		return
	}
	im.begin(workloads.KindExit)
	im.emit(t)
}

// exit notes that a thread ends.
func (im *importer) exit(t *task, _ *call) *badArg {
	im.report.Noted++
	for _, other := range im.all {
		if other != t && other.process == t.process && !other.gone {
			t.gone = true
			return nil
		}
	}
	im.quit(t)
	t.gone = true
	return nil
}

// exitGroup notes that a process ends.
func (im *importer) exitGroup(t *task, _ *call) *badArg {
	im.report.Noted++
	im.quit(t)
	for _, other := range im.all {
		if other.process == t.process {
			other.gone = true
		}
	}
	return nil
}
