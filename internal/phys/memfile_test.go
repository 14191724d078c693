package phys

import (
	"bytes"
	"testing"

	"vmasim/internal/linux"
)

// TestMemoryFile: a file of memory holds what Fill says until it is written to, and zeros where a hole was punched.
func TestMemoryFile(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	const size = 3*linux.PageSize - 10
	f := m.NewFile(tk, MemoryFile{Name: "bytes", Size: size, Sealed: true, Fill: func(buf []byte, offset uint64) {
		for i := range buf {
			buf[i] = byte((offset + uint64(i)) / linux.PageSize * 3)
		}
	}}, linux.O_RDWR)
	again := f.Again(tk, linux.O_RDONLY)
	if again.Inode != f.Inode || again.Writable() || !f.WriteSealed() || f.Memory() || f.Name() != "bytes" {
		t.Errorf("%+v", again)
	}
	if n, err := f.Size(); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	pfn, err := f.Page(tk, 2)
	if err != nil {
		t.Fatal(err)
	}
	if b := m.Bytes(pfn); b[0] != 6 || b[linux.PageSize-11] != 6 || b[linux.PageSize-10] != 0 {
		t.Error("the last page is not as the file has it")
	}
	m.Bytes(pfn)[1] = 77
	f.MarkDirty(tk, pfn)
	m.Put(tk, pfn)
	if err := f.Sync(tk); err != nil {
		t.Error(err)
	}
	if err := f.PunchHole(tk, 0, 1, func() {}); err != nil {
		t.Error(err)
	}
	buf := make([]byte, size)
	for done := 0; done < len(buf); {
		n, err := f.file.readAt(buf[done:], uint64(done))
		if n == 0 || err != nil {
			t.Fatal(n, err)
		}
		done += n
	}
	want := append(make([]byte, linux.PageSize), bytes.Repeat([]byte{3}, linux.PageSize)...)
	want = append(want, bytes.Repeat([]byte{6}, linux.PageSize-10)...)
	want[2*linux.PageSize+1] = 77
	if !bytes.Equal(buf, want) {
		t.Error("the file does not hold what was written and punched")
	}
	if n, err := f.file.readAt(buf, size); n != 0 || err != nil {
		t.Errorf("%d bytes past the end, %v", n, err)
	}
	for _, open := range []*File{again, f} {
		if err := open.Put(tk); err != nil {
			t.Error(err)
		}
	}
}

// TestStandIns: what stands for special files is refused as they are.
func TestStandIns(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	zero, pipe := m.NewZero(tk, linux.O_RDWR), m.NewPipe(tk, linux.O_RDONLY)
	if !zero.Zero() || zero.Refusal() != 0 || pipe.Refusal() != linux.ENODEV || pipe.Writable() {
		t.Errorf("%+v %+v", zero.nature, pipe.nature)
	}
}
