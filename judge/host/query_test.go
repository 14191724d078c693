package host

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// TestAreasAroundIsPartOfAreas compares the two ways to ask, for every range of a layout with holes.
func TestAreasAroundIsPartOfAreas(t *testing.T) {
	l := newLab(t, Query)
	p := newProcess(t, l, Window{Size: 16 << linux.PageShift})
	for _, m := range []struct{ page, pages, prot int }{{0, 1, unix.PROT_READ}, {1, 2, protRW}, {5, 3, unix.PROT_NONE}, {9, 1, protRW}, {10, 1, unix.PROT_READ}} {
		_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, m.page)), uintptr(m.pages)<<linux.PageShift, uintptr(m.prot), fixedAnon, ^uintptr(0), 0)
		must(t, err)
	}
	_, err := p.Call(unix.SYS_MMAP, uintptr(at(p, 12)), linux.PageSize, protRW, unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uintptr(0), 0)
	must(t, err)
	all, err := p.Areas()
	must(t, err)
	for i := range all {
		all[i].Name = ""
	}
	for from := range 16 {
		for to := from + 1; to <= 16; to++ {
			got, err := p.AreasAround(at(p, from), at(p, to))
			must(t, err)
			first := slices.IndexFunc(all, func(a Area) bool { return a.End > at(p, from) })
			var want []Area
			for i := first; i >= 0 && i < len(all); i++ {
				want = append(want, all[i])
				if all[i].Start >= at(p, to) {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages %d to %d: %v, expected %v", from, to, got, want)
			}
		}
	}
}

// TestEachPageSkipsNothing compares what is asked for with what is read, over more pages than are read at once.
func TestEachPageSkipsNothing(t *testing.T) {
	l := newLab(t)
	const pages = 4 * smallRange
	p := newProcess(t, l, Window{Size: pages << linux.PageShift})
	mapAnon(t, p, 0, pages, protRW)
	for i := 0; i < pages; i += 1 + i/3 {
		touch := linux.Write
		if i%2 == 0 {
			touch = linux.Read
		}
		_, err := p.Touch(at(p, i), touch)
		must(t, err)
	}
	const adviceGuardInstall = 102 // since 6.13; elsewhere nothing changes
	_, _ = p.Call(unix.SYS_MADVISE, uintptr(at(p, 2000)), 3*linux.PageSize, adviceGuardInstall)
	var want, got []Page
	collect := func(to *[]Page) func(uint64, Page) {
		return func(_ uint64, e Page) {
			*to = append(*to, e)
		}
	}
	must(t, p.readPages(at(p, 0), at(p, pages), collect(&want)))
	must(t, p.EachPage(at(p, 0), at(p, pages), collect(&got)))
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("%d pages %v, expected %d %v", len(got), got, len(want), want)
	}
}
