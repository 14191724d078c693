package check

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/task"
	"vmasim/tree"
	"vmasim/vma"
)

func TestCellName(t *testing.T) {
	l := newLockLab(t, "")
	m := l.mm()
	v := l.attached(m)
	var unknown ksync.Atomic32
	for addr, want := range map[unsafe.Pointer]string{
		unsafe.Pointer(m):           "mm#1.mmap_lock",
		unsafe.Pointer(&m.LockSeq):  "mm#1.mm_lock_seq",
		unsafe.Pointer(refcntOf(v)): "vma#1.vm_refcnt",
		unsafe.Pointer(&unknown):    "",
	} {
		if got := l.c.CellName(addr); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
	l.freed(l.boot, m, v)
	if got := l.c.CellName(unsafe.Pointer(v)); !strings.Contains(got, "(freed)") {
		t.Error(got)
	}
	l.attached(m) // in the same memory
	if got := l.c.CellName(unsafe.Pointer(refcntOf(v))); got != "vma#2.vm_refcnt" {
		t.Error(got)
	}
	l.want("")
}

// TestAdoption: an mm that nothing tells the birth of is known by its first write section, or by a VMA that points to it.
func TestAdoption(t *testing.T) {
	l := newLockLab(t, "")
	m := new(vma.MMLock)
	m.Init(l.rcu, l.rules, l.cache)
	m.MmapWriteLock(l.boot)
	if got := l.c.Held(l.boot); len(got) != 1 || got[0].Lock != "mm#1.mmap_lock" || got[0].Mode != "write" {
		t.Error(got)
	}
	l.c.Born(l.boot, unsafe.Pointer(m), vma.MMLockLayout()) // told after all
	v := l.alloc(l.boot, m)
	m.StartWrite(l.boot, v)
	m.MmapWriteUnlock(l.boot)
	if got := l.c.CellName(unsafe.Pointer(m)); got != "mm#1.mmap_lock" {
		t.Errorf("%q", got)
	}

	l.c.Reset()
	l.boot = l.task(0, "boot", l.report)
	l.boot.Observer = watching{l.c}
	l.alloc(l.boot, m)
	if got := l.c.CellName(unsafe.Pointer(m)); got != "mm#1.mmap_lock" {
		t.Errorf("%q", got)
	}
}

// layouts are those that the protocol announces.
func layouts() []*task.Layout {
	all := []*task.Layout{vma.Layout(), vma.LockLayout(), vma.MMLockLayout(), vma.AnonVMALayout(), vma.PolicyLayout(), tree.Layout(), tree.NodeLayout(), tree.LeafLayout(), tree.TreeOfNodesLayout(), tree.EnodeLayout(),
		pgtable.TablesLayout(), phys.PageLayout(), phys.MemoryLayout(), phys.InodeLayout()}
	return slices.Concat(all, pgtable.TableLayouts(), pgtable.LockLayouts())
}

// TestRolesExist: each role is that of a declared field, each kind that of a declared type, and each lock a field.
func TestRolesExist(t *testing.T) {
	declared, types, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, layout := range layouts() {
		types[layout.Type] = true
		for _, f := range layout.Fields {
			names[f.Name] = true
		}
		for _, f := range layout.Fields {
			name, _, _ := strings.Cut(f.Name, "[")
			declared[layout.Type+"."+name] = true
		}
	}
	for name := range roleTable {
		if !declared[name] {
			t.Errorf("no field %s", name)
		}
	}
	for name := range kindTable {
		if !types[name] {
			t.Errorf("no type %s", name)
		}
	}
	for name := range lockSetTable {
		if !names[name] {
			t.Errorf("no lock %s", name)
		}
	}
}

// TestResetForgets: an execution knows nothing of the one before.
func TestResetForgets(t *testing.T) {
	l := newLockLab(t, "")
	m := l.mm()
	v := l.attached(m)
	readLock(l.boot, m, v)
	m.MmapReadLock(l.boot)
	l.want("blocking-under-vma-lock lock-order")
	l.c.Reset()
	if got := l.c.Held(l.task(0, "boot", nil)); len(got) != 0 || len(l.c.objects) != 0 || l.c.CellName(unsafe.Pointer(m)) != "" {
		t.Errorf("%v, %d objects", got, len(l.c.objects))
	}
	l.c.Finish()
	l.want("")
}
