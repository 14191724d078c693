package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
)

// RemapFilePages is remap_file_pages(2), which maps other pages of the file that a shared mapping shows, in place of a range of it.
// Errors are linux.Errno values, wrapped.
func (mm *MM) RemapFilePages(t *task.Task, start, size uint64, prot int, pgoff uint64, flags int) error {
	t.Enter("sys_remap_file_pages")
	defer t.Leave()
	start, size = start&^(linux.PageSize-1), size&^(linux.PageSize-1)
	switch {
	case prot != 0:
		return errno("remap_file_pages", linux.EINVAL, "protection %#x", prot)
	case start+size <= start:
		return errno("remap_file_pages", linux.EINVAL, "[%#x, +%#x) is empty or wraps", start, size)
	case pgoff+size>>linux.PageShift < pgoff:
		return errno("remap_file_pages", linux.EINVAL, "the page offset wraps")
	}
	found, err := mm.remappable(t, start)
	if err != nil {
		return err
	}
	defer found.file.Put(t)
	if err := mm.lockCall(t, callRemapFilePages, start, start+size); err != nil {
		return err
	}
	locked, err := mm.remapFile(t, found, start, size, pgoff)
	mm.endCall(t, err)
	if err == nil && (locked || flags&linux.MAP_NONBLOCK == 0) {
		_ = mm.populate(t, start, start+size, true)
	}
	return err
}

// remapped is the mapping that remap_file_pages has found at its address before it takes mmap_lock for writing.
type remapped struct {
	flags linux.VMFlags
	file  *phys.File // with a reference
}

// remappable looks for a shared mapping at addr under mmap_lock held for reading, where the kernel asks its security modules.
func (mm *MM) remappable(t *task.Task, addr uint64) (r remapped, err error) {
	if err := mm.MmapReadLockKillable(t); err != nil {
		return r, err
	}
	defer mm.MmapReadUnlock(t)
	v := mm.Tree.Lookup(t, addr)
	if v == nil || v.Flags(t)&linux.VMShared == 0 {
		return r, errno("remap_file_pages", linux.EINVAL, "no shared mapping at %#x", addr)
	}
	r = remapped{flags: v.Flags(t), file: v.File(t)}
	r.file.Get(t)
	return r, nil
}

// remapFile maps the range anew if it still is what was found: VMAs without holes between, of one file and with the same flags. It
// reports whether the pages are to be locked. The caller holds mmap_lock for writing.
func (mm *MM) remapFile(t *task.Task, found remapped, start, size, pgoff uint64) (locked bool, err error) {
	for at, end := start, start+size; at < end; {
		v := mm.vmi.Find(t, at)
		if v == nil || v.Start(t) > at || v.Flags(t) != found.flags || v.File(t) != found.file {
			return false, errno("remap_file_pages", linux.EINVAL, "the range holds more than one mapping at %#x", at)
		}
		at = v.End(t)
	}
	pgoff = min(pgoff, 1<<(64-linux.PageShift)-1) // an offset in bytes can say no more, and that lies beyond any file, too
	args := MmapArgs{Addr: start, Len: size, File: found.file, Offset: pgoff << linux.PageShift, Flags: linux.MAP_SHARED | linux.MAP_FIXED}
	args.Prot = int(found.flags & linux.VMAccessFlags) // PROT_ bits are the same three
	if found.flags&linux.VMLocked != 0 {
		args.Flags |= linux.MAP_LOCKED
	}
	flags := flagBits(&args) | mm.defFlags.Read(t)
	_, err = mm.doMmap(t, &args, flags)
	return flags&linux.VMLocked != 0, err
}
