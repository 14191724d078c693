package phys

import (
	"bytes"
	"os"
	"testing"

	"vmasim/internal/linux"
)

// TestRenew: whatever was going on, the memory is as New left it.
func TestRenew(t *testing.T) {
	m, err := New(2 * HugeSize)
	if err != nil {
		t.Fatal(err)
	}
	tk := newTask(t, 0)
	path := writeTemp(t, bytes.Repeat([]byte{7}, linux.PageSize))
	f, err := m.OpenFile(tk, path, linux.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	pfn, err := f.Page(tk, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.Bytes(pfn)[0] = 1
	m.Page(pfn).Dirty.WriteOnce(tk, 1)
	for range 300 { // into the second chunk
		if _, err := m.Alloc(tk); err != nil {
			t.Fatal(err)
		}
	}
	m.lock.Lock(tk) // a task that was given up held it

	m = m.Renew()
	defer m.Close()
	s := m.Stats()
	if s.FramesInUse != 0 || s.FramesTotal != 2*chunkFrames-int(firstPFN) {
		t.Errorf("%+v", s)
	}
	for pfn := range PFN(2 * chunkFrames) {
		if want := int32(0); pfn != zeroPFN && m.Page(pfn).Refcount.Peek() != want {
			t.Fatalf("frame %d has %d references", pfn, m.Page(pfn).Refcount.Peek())
		}
	}
	first, err := m.Alloc(newTask(t, 0))
	if err != nil || first != firstPFN {
		t.Errorf("the first frame is %d, %v", first, err)
	}
	got, err := os.ReadFile(path)
	if err != nil || got[0] != 7 {
		t.Errorf("the file was written back: %d %v", got[0], err)
	}
	if _, err := f.file.size(); err == nil {
		t.Error("the file is still open")
	}
}
