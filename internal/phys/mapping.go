package phys

import "iter"

// Mapping is the place of a VMA in the reverse map of its file: vma->shared. The VMA is around it; this package knows nothing of
// VMAs.
type Mapping struct{ next, prev *Mapping }

// Linked reports whether the mapping is in a reverse map.
func (m *Mapping) Linked() bool { return m.next != nil }

// Link enters m in the file's reverse map, behind those that are in it: vma_interval_tree_insert. The caller holds IMmap for
// writing.
func (f *Inode) Link(m *Mapping) {
	head := f.mapped()
	m.next, m.prev = head, head.prev
	m.prev.next, head.prev = m, m
}

// Unlink takes m out of the reverse map: vma_interval_tree_remove. The caller holds IMmap for writing.
func (f *Inode) Unlink(m *Mapping) {
	m.prev.next, m.next.prev = m.next, m.prev
	*m = Mapping{}
}

// Mappings returns what is in the reverse map, in the order in which it was entered. The caller holds IMmap.
func (f *Inode) Mappings() iter.Seq[*Mapping] {
	return func(yield func(*Mapping) bool) {
		head := &f.mappings
		for m := head.next; m != nil && m != head && yield(m); m = m.next {
		}
	}
}

// mapped returns the head of the ring of mappings.
func (f *Inode) mapped() *Mapping {
	head := &f.mappings
	if head.next == nil {
		head.next, head.prev = head, head
	}
	return head
}
