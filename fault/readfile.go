package fault

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
)

// PRead reads the first word of a file into the memory at addr, which is a multiple of 8: pread(2), of a file system that holds the inode's
// lock meanwhile, here as if no two could read at once. It fails with EFAULT, and with EIO for a file that has no bytes.
func PRead(t *task.Task, m *mm.MM, file *phys.File, addr uint64) error {
	t.Enter("vfs_read")
	defer t.Leave()
	file.RWSem.DownWrite(t)
	defer file.RWSem.UpWrite(t)
	word, err := firstWord(t, m, file)
	if err != nil {
		return err
	}
	if Store(t, m, addr, word) != linux.OK {
		return linux.EFAULT
	}
	return nil
}

// firstWord reads a file's first word through its page cache. The caller holds the inode's lock.
func firstWord(t *task.Task, m *mm.MM, file *phys.File) (uint64, error) {
	pages, err := file.PageCount(t)
	if err != nil || pages == 0 {
		return 0, linux.EIO
	}
	pfn, err := file.Page(t, 0)
	if err != nil {
		return 0, linux.EIO
	}
	mem := m.Machine.Mem
	defer mem.Put(t, pfn)
	return mem.Word(pfn, 0).ReadOnce(t), nil
}

// BuildID reads the first word of the file that is mapped at addr, in place of its build ID: what /proc/PID/maps is asked for by
// PROCMAP_QUERY. It fails with ENOENT where no file is mapped, with EINTR, and as PRead does.
func BuildID(t *task.Task, m *mm.MM, addr uint64) (uint64, error) {
	t.Enter("do_procmap_query")
	defer t.Leave()
	r := m.LockVMAUnderRCU(t, addr)
	if r.VMA == nil {
		if err := m.MmapReadLockKillable(t); err != nil {
			return 0, err
		}
		r.VMA, r.Mmap = m.Tree.Lookup(t, addr), true
		if r.VMA == nil {
			m.MmapReadUnlock(t)
			return 0, linux.ENOENT
		}
	}
	file := r.VMA.File(t)
	if file == nil {
		m.EndRead(t, r)
		return 0, linux.ENOENT
	}
	if !m.Rules.Has(rules.BuildIDUnlocked) {
		defer m.EndRead(t, r)
		return readID(t, m, file)
	}
	file.Get(t) // the VMA's reference may go with the lock
	m.EndRead(t, r)
	id, err := readID(t, m, file)
	_ = file.Put(t) // nothing was written here
	return id, err
}

// readID is the part of BuildID that waits for the file.
func readID(t *task.Task, m *mm.MM, file *phys.File) (uint64, error) {
	file.RWSem.DownRead(t)
	defer file.RWSem.UpRead(t)
	return firstWord(t, m, file)
}
