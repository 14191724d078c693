package fault

import (
	"fmt"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/vma"
)

// Uprobe writes a word, as a breakpoint, into the copies that all processes have of a page of a file: of the one that is mapped at
// addr in m. This is uprobe_register and register_for_each_vma. The mappings are found by the file; then each address space is locked
// and the mapping looked up again, as it may have gone. Errors are linux.Errno values, wrapped.
func Uprobe(t *task.Task, m *mm.MM, addr, word uint64) error {
	t.Enter("register_for_each_vma")
	defer t.Leave()
	infos, done, err := m.BuildMapInfo(t, addr)
	if err != nil {
		return err
	}
	defer done()
	for _, info := range infos {
		if res := installBreakpoint(t, info, word); res != linux.OK {
			err = fmt.Errorf("uprobe: %s at %#x of %s: %w", res, info.Addr, info.MM.Name, linux.EFAULT)
		}
		info.MM.Put(t)
	}
	return err
}

// installBreakpoint writes the word to a private mapping of the page, by way of a copy: install_breakpoint and uprobe_write_opcode.
func installBreakpoint(t *task.Task, info mm.MapInfo, word uint64) linux.AccessEnd {
	t.Enter("uprobe_write_opcode")
	defer t.Leave()
	m := info.MM
	m.MmapWriteLock(t)
	defer m.MmapWriteUnlock(t)
	v := m.Tree.Find(t, info.Addr)
	if v == nil || !info.StillMaps(t, v) {
		return linux.OK
	}
	if m.PrepareAnonVMA(t, v) != nil {
		return linux.OOM
	}
	f := fault{t: t, mm: m, ReadLock: vma.ReadLock{VMA: v, Mmap: true}, flags: v.Flags(t), addr: info.Addr, access: linux.Write, tried: true}
	for !f.useForced(func(at *ksync.Atomic64) { at.WriteOnce(t, word) }) {
		if res := f.handle(); res != linux.OK {
			return res
		}
	}
	return linux.OK
}
