package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/vma"
)

// startDup keeps uprobes out until endDup: uprobe_start_dup_mmap.
func (m *Machine) startDup(t *task.Task) {
	if m.has(Probes) {
		m.lists.DupMmapSem.DownRead(t)
	}
}

func (m *Machine) endDup(t *task.Task) {
	if m.has(Probes) {
		m.lists.DupMmapSem.UpRead(t)
	}
}

// MapInfo is where a page of a file is mapped, privately, with a reference on the address space.
type MapInfo struct {
	MM    *MM
	Addr  uint64
	inode *phys.Inode
}

// BuildMapInfo finds the private mappings of the word of a file that is mapped at addr: build_map_info. Until done is called no fork
// begins, and none that has begun is on its way: uprobes know an address space as a whole or not at all.
func (mm *MM) BuildMapInfo(t *task.Task, addr uint64) (infos []MapInfo, done func(), err error) {
	if err := mm.MmapReadLockKillable(t); err != nil {
		return nil, nil, err
	}
	v := mm.Tree.Lookup(t, addr)
	if v == nil || v.File(t) == nil || addr%8 != 0 {
		mm.MmapReadUnlock(t)
		return nil, nil, errno("uprobe", linux.EINVAL, "no word of a file is mapped at %#x", addr)
	}
	f, pgoff := v.File(t), v.PgoffAt(t, addr)
	f.Get(t)
	mm.MmapReadUnlock(t)
	sem := &mm.Machine.lists.DupMmapSem
	sem.DownWrite(t)
	t.Enter("build_map_info")
	eachMapping(t, f.Inode, pgoff, pgoff+1, func(v *vma.VMA, other *MM, start, _ uint64) {
		if v.Flags(t)&linux.VMMayShare == 0 && other.Get(t) {
			infos = append(infos, MapInfo{other, start + offsetInPage(addr), f.Inode})
		}
	})
	t.Leave()
	return infos, func() {
		sem.UpWrite(t)
		_ = f.Put(t) // the opener of the file sees the errors of writing it back
	}, nil
}

// StillMaps reports whether v, which is at or above the address, maps the page of the file still, privately: valid_vma. The caller holds
// mmap_lock.
func (i *MapInfo) StillMaps(t *task.Task, v *vma.VMA) bool {
	return v.Contains(t, i.Addr) && v.File(t) != nil && v.File(t).Inode == i.inode && v.Flags(t)&linux.VMMayShare == 0
}
