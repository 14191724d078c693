package bench

import (
	"slices"
	"testing"

	"vmasim/internal/linux"
)

func TestLayout(t *testing.T) {
	l := Layout{Base: 0x10000, VMAs: 3, Pages: 2, Gap: 1}
	if l.Start(2) != 0x10000+6*linux.PageSize || l.End(2) != l.Start(2)+2*linux.PageSize {
		t.Errorf("third VMA [%#x, %#x)", l.Start(2), l.End(2))
	}
	want := []uint64{0x10000, 0x11000, 0x13000, 0x14000, 0x16000, 0x17000, 0x10000}
	if got := l.Sequential(7); !slices.Equal(got, want) {
		t.Errorf("sequential %#x, want %#x", got, want)
	}
}

func TestAddressesAreInsideVMAsAndRepeatable(t *testing.T) {
	l := Layout{Base: 0x10000, VMAs: 7, Pages: 4, Gap: 4}
	addrs := l.Addresses(1, 1000)
	hit := make([]int, l.VMAs)
	for _, addr := range addrs {
		vma := int((addr - l.Base) / l.stride())
		if addr < l.Start(vma) || addr >= l.End(vma) {
			t.Fatalf("%#x is in no VMA", addr)
		}
		hit[vma]++
	}
	if slices.Contains(hit, 0) {
		t.Errorf("a VMA was never drawn: %v", hit)
	}
	if !slices.Equal(addrs, l.Addresses(1, 1000)) {
		t.Error("one seed gave two sequences")
	}
	if slices.Equal(addrs, l.Addresses(2, 1000)) {
		t.Error("two seeds gave one sequence")
	}
}

func TestOrderIsAPermutation(t *testing.T) {
	order := Layout{VMAs: 100}.Order(1)
	if slices.IsSorted(order) {
		t.Error("not shuffled")
	}
	slices.Sort(order)
	for i, vma := range order {
		if i != vma {
			t.Fatalf("VMA %d is missing", i)
		}
	}
}
