package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/internal/task"
	"vmasim/vma"
)

// Mincore is mincore(2): a byte for each page of the range, of which bit 0 says that an access would not have to read anything.
// Errors are linux.Errno values, wrapped. Every task that maps a file may ask for it: the model's processes own all files.
func (mm *MM) Mincore(t *task.Task, addr, length uint64) ([]byte, error) {
	t.Enter("sys_mincore")
	defer t.Leave()
	if offsetInPage(addr) != 0 {
		return nil, errno("mincore", linux.EINVAL, "address %#x is not page aligned", addr)
	}
	if addr > linux.TaskSize || length > linux.TaskSize-addr {
		return nil, errno("mincore", linux.ENOMEM, "[%#x, +%#x) lies outside the address space", addr, length)
	}
	mm.MmapReadLock(t)
	defer mm.MmapReadUnlock(t)
	var vec []byte
	for at, end := addr, addr+pageAlign(length); at < end; {
		v := mm.Tree.Find(t, at)
		if v == nil || v.Start(t) > at {
			return nil, errno("mincore", linux.ENOMEM, "nothing is mapped at %#x", at)
		}
		to := min(v.End(t), end)
		vec = mm.appendResident(t, vec, v, at, to)
		at = to
	}
	return vec, nil
}

// appendResident appends what Mincore says of [start, end), a part of v: do_mincore.
func (mm *MM) appendResident(t *task.Task, vec []byte, v *vma.VMA, start, end uint64) []byte {
	file, offset := v.File(t), len(vec)
	for at := start; at < end; at += linux.PageSize {
		resident := byte(0)
		if file != nil && file.Cached(t, v.PgoffAt(t, at)) {
			resident = 1
		}
		vec = append(vec, resident)
	}
	_ = mm.Tables.Chunks(t, start, end, func(c pgtable.Chunk) error {
		if !mm.Tables.LockTable(t, c) {
			return nil
		}
		for i := range c.Entries {
			if c.Entries[i].Get(t).Present() { // a private copy, too
				vec[offset+int((c.Addr-start)>>linux.PageShift)+i] = 1
			}
		}
		c.Lock.Unlock(t)
		return nil
	})
	return vec
}
