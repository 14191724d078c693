package phys

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"vmasim/internal/ksync"
	"vmasim/internal/linux"
	"vmasim/internal/task"
)

// events records what an observed task announces about bytes and lives.
type events struct {
	task.NoObserver
	m   *Memory
	log []string
}

func (l *events) After(_ *task.Task, e *task.Event) {
	if e.Size > 0 {
		l.log = append(l.log, fmt.Sprintf("%s %s+%d", e.Op, l.place(e.Addr), e.Size))
	}
}

func (l *events) Born(_ *task.Task, base unsafe.Pointer, layout *task.Layout) {
	l.log = append(l.log, fmt.Sprintf("born %s %s", layout.Type, l.place(base)))
}

func (l *events) Died(_ *task.Task, base unsafe.Pointer) {
	l.log = append(l.log, "died "+l.place(base))
}

// place returns where in the arena something lies: frame and offset.
func (l *events) place(p unsafe.Pointer) string {
	off := uintptr(p) - uintptr(unsafe.Pointer(l.m.Bytes(0)))
	if off >= uintptr(l.m.frames)*linux.PageSize {
		return "-"
	}
	return fmt.Sprintf("%d:%d", off/linux.PageSize, off%linux.PageSize)
}

// want fails the test unless exactly this was announced since the last call.
func (l *events) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(l.log, want) {
		t.Errorf("announced %q, want %q", l.log, want)
	}
	l.log = nil
}

// TestBulkAccessesAreAnnounced: whatever touches many bytes of a frame is one step, and a frame's life is told around it.
func TestBulkAccessesAreAnnounced(t *testing.T) {
	m := newMemory(t, MinSize)
	tk := newTask(t, 0)
	seen := &events{m: m}
	tk.Observer = seen
	src, err := m.AllocZeroed(tk)
	if err != nil {
		t.Fatal(err)
	}
	seen.want(t, "born page 2:0", "clear_page 2:0+4096")
	for i := range m.Bytes(src) {
		m.Bytes(src)[i] = byte(i % 251)
	}
	dst, err := m.Alloc(tk)
	if err != nil {
		t.Fatal(err)
	}
	m.Copy(tk, dst, src)
	if *m.Bytes(dst) != *m.Bytes(src) {
		t.Error("the bytes were not copied")
	}
	seen.want(t, "born page 3:0", "copy_page from 2:0+4096", "copy_page to 3:0+4096")
	m.Put(tk, dst)
	seen.want(t, "died 3:0")

	path := writeTemp(t, make([]byte, linux.PageSize+100))
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	seen.want(t, "born address_space -")
	for index := range uint64(2) {
		if _, err := f.Page(tk, index); err != nil {
			t.Fatal(err)
		}
	}
	pfn := f.Lookup(tk, 1)
	f.MarkDirty(tk, pfn)
	seen.want(t, "born page 3:0", "copy_page to 3:0+4096", "born page 4:0", "copy_page to 4:0+4096")
	if err := f.Sync(tk); err != nil {
		t.Error(err)
	}
	seen.want(t, "copy_page from 4:0+100")
	if err := unix.Truncate(path, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := f.PageCount(tk); err != nil {
		t.Error(err)
	}
	seen.want(t, "clear_page 3:50+4046")
	m.Announce(tk)
	seen.want(t, "born zone -")
}

// TestLayoutsDeclareEveryCell compares the layouts with the structures.
func TestLayoutsDeclareEveryCell(t *testing.T) {
	cells := reflect.TypeFor[ksync.Mutex]().PkgPath()
	for layout, structure := range map[*task.Layout]reflect.Type{&memoryLayout: reflect.TypeFor[Memory](), &inodeLayout: reflect.TypeFor[Inode]()} {
		declared := 0
		for i := range structure.NumField() {
			f := structure.Field(i)
			if f.Type.PkgPath() != cells || f.Name == "caches" {
				continue
			}
			declared++
			if d := layout.FieldAt(f.Offset); d == nil || d.Offset != f.Offset || d.Size != f.Type.Size() || d.Doc == "" {
				t.Errorf("%s: %s is declared as %+v", layout.Type, f.Name, d)
			}
		}
		if declared != len(layout.Fields) || layout.Size != structure.Size() {
			t.Errorf("%s: %d fields, %d cells", layout.Type, len(layout.Fields), declared)
		}
	}
}
