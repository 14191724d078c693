package phys

import (
	"fmt"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// PunchHole empties pages [first, last) of the file, which keeps its size: fallocate(2) with FALLOC_FL_PUNCH_HOLE. unmap is called
// when the pages cannot be found in the cache any more; it takes them out of all page tables, and may not touch the file. It fails
// with the errno of the file system. It may sleep.
func (f *Inode) PunchHole(t *task.Task, first, last uint64, unmap func()) error {
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	f.dropRange(t, first, last)
	f.removals.Add(t, 1)
	unmap()
	if f.file == nil {
		return nil
	}
	f.stores(t, first<<linux.PageShift, (last-first)<<linux.PageShift, nil)
	if err := f.file.punch(first<<linux.PageShift, (last-first)<<linux.PageShift); err != nil {
		return fmt.Errorf("punch a hole in %s: %w", f.Name(), err)
	}
	return nil
}

// Removals counts how often pages were taken out of the cache by [Inode.PunchHole]. A page that was found after the count was read
// may be mapped while the count is still the same, under the lock of the page-table entry; else it may be gone. The kernel looks
// at folio->mapping under the folio's lock.
func (f *Inode) Removals(t *task.Task) uint64 { return f.removals.LoadAcquire(t) }

// Cached reports whether the cache holds a page.
func (f *Inode) Cached(t *task.Task, index uint64) bool {
	f.lock.Lock(t)
	_, ok := f.pages[index]
	f.lock.Unlock(t)
	return ok
}
