package mm_test

import (
	"errors"
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/pgtable"
	"vmasim/mm"
)

// TestWalksFromBeside: ptdump counts what tables map, smaps_rollup what VMAs have; neither minds that there is nothing.
func TestWalksFromBeside(t *testing.T) {
	l := newLab(t, mm.Config{}, "")
	if n, err := l.mm.SmapsRollup(l.t); n != 0 || err != nil {
		t.Errorf("an empty address space has %d pages, %v", n, err)
	}
	l.mmap(0, 4, rw)
	l.fill(1, 3)
	if n, err := l.mm.SmapsRollup(l.t); n != 2 || err != nil {
		t.Errorf("smaps_rollup: %d pages, %v", n, err)
	}
	for length, want := range map[uint64]uint64{1: 1, 4 * linux.PageSize: 2, 1 << 30: 2} {
		if n, err := l.mm.Ptdump(l.t, at(1), length); n != want || err != nil {
			t.Errorf("ptdump of %#x bytes: %d pages, %v", length, n, err)
		}
	}
	for _, length := range []uint64{0, 1 << 47, ^uint64(0)} {
		if _, err := l.mm.Ptdump(l.t, at(0), length); !errors.Is(err, linux.EINVAL) {
			t.Errorf("ptdump of %#x bytes: %v", length, err)
		}
	}
	l.end()
}

// TestCollapseRefuses: only 2 MiB of a file are collapsed, aligned as a page table is.
func TestCollapseRefuses(t *testing.T) {
	l := newLab(t, mm.Config{Beside: mm.Collapses}, "")
	l.mmap(0, 1024, rw)
	aligned := (at(0) + pgtable.PMDSize - 1) &^ (pgtable.PMDSize - 1)
	for _, addr := range []uint64{aligned, at(5000)} {
		if err := l.mm.Collapse(l.t, addr); !errors.Is(err, linux.EINVAL) {
			t.Errorf("%#x: %v", addr, err)
		}
	}
	l.end()
}

// TestListedAddressSpaces: swapoff finds a forked child as long as it has users, ksm every address space as long as it has.
func TestListedAddressSpaces(t *testing.T) {
	l := newLab(t, mm.Config{Beside: mm.SwapsOff | mm.Scans}, "")
	l.mmap(0, 4, rw)
	l.fill(1, 3)
	if n := l.m.Swapoff(l.t); n != 0 {
		t.Errorf("swapoff finds %d VMAs before a fork", n)
	}
	child, err := l.mm.Fork(l.t, "child")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint64{1, 0} {
		if n := l.m.Swapoff(l.t); n != want {
			t.Errorf("swapoff finds %d VMAs, expected %d", n, want)
		}
		if n := l.m.KSMScan(l.t); n != want+1 {
			t.Errorf("ksm finds %d VMAs, expected %d", n, want+1)
		}
		if want > 0 {
			child.Put(l.t)
		}
	}
	l.end()
}

// TestUprobe: a breakpoint comes into private mappings, those that are there and those that come, and into no shared one.
func TestUprobe(t *testing.T) {
	l := newLab(t, mm.Config{Beside: mm.Probes}, "")
	f := l.open(4)
	l.mmapFile(f, 0, 4, linux.PROT_READ, linux.MAP_PRIVATE, 0)
	l.mmapFile(f, 10, 12, linux.PROT_READ, linux.MAP_SHARED, 1)
	for _, addr := range []uint64{at(10) + 1, at(50)} {
		if err := l.mm.Uprobe(l.t, addr, 7); !errors.Is(err, linux.EINVAL) {
			t.Errorf("%#x: %v", addr, err)
		}
	}
	if err := l.mm.Uprobe(l.t, at(10)+8, 7); err != nil {
		t.Fatal(err)
	}
	l.mmapFile(f, 20, 21, linux.PROT_READ, linux.MAP_PRIVATE, 1)
	for n, want := range map[int]bool{1: true, 20: true, 10: false} {
		word, err := fault.Peek(l.t, l.mm, at(n)+8)
		if err != nil || (word == 7) != want {
			t.Errorf("page %d has %d, %v", n, word, err)
		}
	}
	l.end()
}

// TestUprobeFails: where a breakpoint cannot be put into all mappings it is in none, those that come have none, and it can be put again.
// Where another is there already, that one stays.
func TestUprobeFails(t *testing.T) {
	for _, before := range []uint64{0, 5} {
		for k, reached := 0, true; reached; k++ {
			l := newLab(t, mm.Config{Beside: mm.Probes}, "")
			f := l.open(4)
			for _, n := range []int{0, 10, 600, 1200} {
				l.mmapFile(f, n, n+2, linux.PROT_READ, linux.MAP_PRIVATE, 0)
			}
			l.do(l.touch(l.t, l.mm, 10, linux.Read)) // the page is there already, and is the file's
			original, err := fault.Peek(l.t, l.mm, at(10)+8)
			l.do(err)
			if before != 0 {
				l.do(l.mm.Uprobe(l.t, at(10)+8, before))
				original = before
			}
			fails := &failing{k: k}
			l.t.Observer = fails
			err = l.mm.Uprobe(l.t, at(10)+8, 7)
			l.t.Observer = nil
			if reached = fails.n > k; !reached {
				l.do(err)
				original = 7
			} else if !errors.Is(err, linux.ENOMEM) {
				t.Errorf("allocation %d: %v", k, err)
			}
			l.mmapFile(f, 20, 21, linux.PROT_READ, linux.MAP_PRIVATE, 0)
			for _, n := range []int{0, 10, 600, 1200, 20} {
				if word, err := fault.Peek(l.t, l.mm, at(n)+8); err != nil || word != original {
					t.Errorf("allocation %d: page %d has %d, expected %d (%v)", k, n, word, original, err)
				}
			}
			l.do(l.mm.Uprobe(l.t, at(10)+8, 7))
			l.end()
		}
	}
}
