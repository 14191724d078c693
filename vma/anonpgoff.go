package vma

import (
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
)

// A private mapping of a file has pages of two kinds, those of the file and copies of its own. Until 7.2 both have the place that vm_pgoff
// gives. Since 7.3 the copies have one that begins, as that of anonymous memory does, with the address at which the VMA was mapped. Where
// there is no file the two are equal, and one cell holds both.

// HasAnonPgoff reports whether the VMA has a page offset for its anonymous pages that vm_pgoff does not tell. It announces nothing.
func (v *VMA) HasAnonPgoff() bool {
	return v.file.Peek() != nil && v.mm.Peek().Rules.Has(rules.AnonOffsets)
}

// AnonPgoffAt returns the page offset of addr among anonymous pages: linear_anon_page_index.
func (v *VMA) AnonPgoffAt(t *task.Task, addr uint64) uint64 {
	if !v.HasAnonPgoff() {
		return v.PgoffAt(t, addr)
	}
	return v.anonPgoff.Read(t) + (addr-v.start.ReadOnce(t))>>linux.PageShift
}

// AnonPgoffPeek returns that of the start without announcing, for reports and checks of a quiescent state.
func (v *VMA) AnonPgoffPeek() uint64 {
	if !v.HasAnonPgoff() {
		return v.pgoff.Peek()
	}
	return v.anonPgoff.Peek()
}

// SetAnonPgoff changes the page offset of the anonymous pages, if vm_pgoff does not tell it: vma_set_anon_pgoff. The VMA must be
// write-locked or not yet visible, and have none mapped.
func (v *VMA) SetAnonPgoff(t *task.Task, pgoff uint64) {
	v.assertModifiable(t)
	if v.HasAnonPgoff() {
		v.anonPgoff.Write(t, pgoff)
	}
}
