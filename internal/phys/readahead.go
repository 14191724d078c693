package phys

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// DefaultReadAhead is the number of pages that Linux reads ahead where it is not set otherwise: VM_READAHEAD_PAGES.
const DefaultReadAhead = 128 << 10 / linux.PageSize

// ReadAhead brings pages [first, last), as far as the file has them, into the cache: page_cache_ra_unbounded. What cannot be read
// is left out. All become visible at once, so that what another task sees of it is one step. It may sleep.
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

// DeviceReadAhead returns how many pages the real kernel reads ahead of this file: ra_pages of the device it is on, as sysfs states
// it; [DefaultReadAhead] where it does not, as for file systems without a block device.
func (f *Inode) DeviceReadAhead() uint64 {
	device := fmt.Sprintf("%d:%d", unix.Major(f.key.dev), unix.Minor(f.key.dev))
	for _, path := range [...]string{
		"/sys/class/bdi/" + device + "/read_ahead_kb",
		"/sys/dev/block/" + device + "/../queue/read_ahead_kb", // a partition: the disk has it
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if kib, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil {
			return kib << 10 / linux.PageSize
		}
	}
	return DefaultReadAhead
}
