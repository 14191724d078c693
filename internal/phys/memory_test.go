package phys

import (
	"errors"
	"testing"
	"unsafe"

	"vmasim/internal/linux"
)

func TestNewRefusesSize(t *testing.T) {
	for name, c := range map[string]struct {
		size uint64
		want error
	}{
		"zero":           {0, linux.EINVAL},
		"too small":      {MinSize - linux.PageSize, linux.EINVAL},
		"not a multiple": {MinSize + 1, linux.EINVAL},
		"overflow":       {1<<64 - linux.PageSize, linux.EINVAL},
		"frame numbers":  {maxSize + linux.PageSize, linux.EINVAL},
		"more than RAM":  {8 << 40, linux.ENOMEM},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := New(c.size)
			if !errors.Is(err, c.want) {
				t.Errorf("New(%#x): %v, want %v", c.size, err, c.want)
			}
			if m != nil {
				_ = m.Close()
			}
		})
	}
}

func TestLayout(t *testing.T) {
	if n := unsafe.Sizeof(Page{}); n != 32 {
		t.Errorf("struct page has %d bytes, want 32", n)
	}
	m := newMemory(t, 4<<20)
	if at := uintptr(unsafe.Pointer(m.Bytes(0))); at%HugeSize != 0 {
		t.Errorf("arena at %#x, want it aligned to a huge page", at)
	}
	tk := newTask(t, 0)
	m.Word(5, 16).WriteOnce(tk, 0x0807060504030201)
	if b := m.Bytes(5)[16:24]; b[0] != 1 || b[7] != 8 {
		t.Errorf("bytes of a word %x", b)
	}
	if m.Word(5, 16) != &m.Words(5)[2] || m.Words(5) != m.WordsAt(5*linux.PageSize) {
		t.Error("views of a frame differ")
	}
}

func TestZeroPage(t *testing.T) {
	m, tk := newMemory(t, MinSize), newTask(t, 0)
	zero := m.ZeroPage()
	if got := *m.Bytes(zero); got != ([linux.PageSize]byte{}) {
		t.Error("the zero page is not zero")
	}
	if k := m.Page(zero).Kind.Read(tk); k != KindZero {
		t.Errorf("kind %v", k)
	}
	for range m.Stats().FramesTotal {
		pfn, err := m.Alloc(tk)
		if err != nil {
			t.Fatal(err)
		}
		if pfn == 0 || pfn == zero {
			t.Fatalf("frame %d was handed out", pfn)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	m, err := New(MinSize)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestChunksAreCommittedLazily(t *testing.T) {
	m, tk := newMemory(t, 3*HugeSize+MinSize), newTask(t, 0)
	if m.committed != 1 {
		t.Fatalf("%d chunks usable at first, want 1", m.committed)
	}
	for range chunkFrames {
		if _, err := m.AllocZeroed(tk); err != nil {
			t.Fatal(err)
		}
	}
	if m.committed != 2 {
		t.Errorf("%d chunks usable after a chunk of frames, want 2", m.committed)
	}
	for n := chunkFrames; n < m.Stats().FramesTotal; n++ { // the last chunk is a part of one
		if _, err := m.AllocZeroed(tk); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
	}
	if _, err := m.Alloc(tk); !errors.Is(err, linux.ENOMEM) {
		t.Errorf("beyond the last frame: %v", err)
	}
	if s := m.Stats(); s.FramesInUse != s.FramesTotal || s.FramesPeak != s.FramesTotal || s.ArenaBytes != 7<<20 {
		t.Errorf("full: %+v", s)
	}
}
