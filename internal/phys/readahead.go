package phys

import (
	"maps"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// DefaultReadAhead is the number of pages that Linux reads ahead where it is not set otherwise: VM_READAHEAD_PAGES.
const DefaultReadAhead = 128 << 10 / linux.PageSize

// ReadAhead brings pages [first, last), as far as the file has them, into the cache: page_cache_ra_unbounded. Pages that cannot be
// read are left out. All become visible at once, as one step. It may sleep.
func (f *Inode) ReadAhead(t *task.Task, first, last uint64) {
	count, err := f.PageCount(t)
	if err != nil {
		return
	}
	f.fill.Lock(t)
	defer f.fill.Unlock(t)
	read := make(map[uint64]PFN, min(last, count)-min(first, count))
	end := f.extent.ReadOnce(t)
	for index := first; index < min(last, count); index++ {
		if f.pages[index] != 0 {
			continue
		}
		pfn, n, err := f.readFrame(t, index)
		if err != nil {
			continue
		}
		read[index] = pfn
		end = max(end, index<<linux.PageShift+uint64(n))
	}
	f.lock.Lock(t)
	maps.Copy(f.pages, read)
	f.lock.Unlock(t)
	f.extent.WriteOnce(t, end)
}
