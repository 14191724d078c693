package vma

import (
	"testing"

	"vmasim/internal/linux"
)

// TestSpeculation: a look without locks is told of a writer that is inside, and of one that came meanwhile.
func TestSpeculation(t *testing.T) {
	l := newLab("linux-6.18")
	mm, reader, writer := l.mm("mm"), l.task("reader"), l.task("writer")
	seq, idle := mm.SpeculateTryBegin(reader)
	if !idle || mm.SpeculateRetry(reader, seq) {
		t.Error("there is no writer")
	}
	mm.MmapWriteLock(writer)
	if _, idle := mm.SpeculateTryBegin(reader); idle {
		t.Error("a writer is inside")
	}
	mm.MmapWriteUnlock(writer)
	if !mm.SpeculateRetry(reader, seq) {
		t.Error("a writer has been inside")
	}
	l.want(t)
}

// TestFieldsAsTold: what is read of a VMA is what was set.
func TestFieldsAsTold(t *testing.T) {
	l := newLab("linux-6.18")
	mm, writer := l.mm("mm"), l.task("writer")
	v := l.attached(mm)
	mm.MmapWriteLock(writer)
	mm.StartWrite(writer, v)
	v.SetFlag(writer, linux.VMMayExec)
	if v.FlagsOnce(writer)&linux.VMMayExec == 0 || v.End(writer) != testEnd || v.MM(writer) != mm || v.File(writer) != nil || v.OpsPeek() != nil {
		t.Error("not what was set")
	}
	mm.MmapWriteUnlock(writer)
	l.want(t)
}
