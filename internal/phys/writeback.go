package phys

import (
	"errors"
	"fmt"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// MarkDirty notes that a page of the cache holds bytes that the file does not: set_page_dirty. The caller holds a
// reference to the frame; a task that makes it writable in a page table holds the entry's lock, so that [Inode.SyncRange] cannot come in
// between.
func (f *Inode) MarkDirty(t *task.Task, pfn PFN) {
	if dirty := &f.mem.Page(pfn).Dirty; dirty.ReadOnce(t) == 0 {
		dirty.WriteOnce(t, 1)
	}
}

// Sync writes the dirty pages back, in order, no byte past the end of the file. None may be mapped for writing. A page that
// cannot be written stays dirty; Sync goes on with the others and returns all errors. Shared anonymous memory is left alone. It may
// sleep.
func (f *Inode) Sync(t *task.Task) error { return f.SyncRange(t, 0, maxPages, func() {}) }

// SyncRange is Sync of pages [first, last) that may be mapped. protect is called when they count as clean and before they are
// written; it takes the right to write to them out of all page tables, so that a later store faults and makes its page dirty
// again (folio_clear_dirty_for_io).
func (f *Inode) SyncRange(t *task.Task, first, last uint64, protect func()) error {
	if f.file == nil {
		return nil
	}
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	size, err := f.Size()
	if err != nil {
		return err
	}
	var dirty []uint64
	for _, index := range f.indexes() {
		if index < first || index >= min(last, pagesOf(size)) { // what was truncated will not be seen again
			continue
		}
		if d := &f.mem.Page(f.pages[index]).Dirty; d.ReadOnce(t) != 0 {
			d.WriteOnce(t, 0)
			dirty = append(dirty, index)
		}
	}
	if len(dirty) == 0 {
		return nil
	}
	protect()
	var failed []error
	for _, index := range dirty {
		if err := f.writeAt(t, index, size); err != nil {
			f.mem.Page(f.pages[index]).Dirty.WriteOnce(t, 1)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// writeAt writes the bytes of a cached page that lie in a file of the given size. The caller holds f.fill.
func (f *Inode) writeAt(t *task.Task, index, size uint64) error {
	offset := index << linux.PageShift
	buf := f.mem.Bytes(f.pages[index])[:min(linux.PageSize, size-offset)]
	beginBulk(t, task.OpCopyFrom, buf)
	defer endBulk(t)
	f.stores(t, offset, uint64(len(buf)), buf)
	for len(buf) > 0 {
		n, err := f.file.writeAt(buf, offset)
		if err == nil && n == 0 {
			err = linux.EIO
		}
		if err != nil {
			return fmt.Errorf("write page %d of %s: %w", index, f.Name(), err)
		}
		buf = buf[n:]
		offset += uint64(n)
	}
	return nil
}
