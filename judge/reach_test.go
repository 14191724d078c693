package judge

import (
	"fmt"
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// manyAreas is a scenario that makes so many areas, and then changes one of them again and again.
func manyAreas(areas, changes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "window 64M\ninit\n    mmap A %d rw private anon\n", areas*linux.PageSize)
	for i := 0; i < areas; i += 2 {
		fmt.Fprintf(&b, "    mprotect A+%d 4K r\n", i*linux.PageSize)
	}
	for i := range changes {
		fmt.Fprintf(&b, "    store A+%d %d\n", linux.PageSize+8*(i%500), i)
	}
	return b.String()
}

// TestDifferenceElsewhereIsPinned: an operation that changes what it should not, far from where it works, is named though the
// whole is not compared after each, whatever it is that differs.
func TestDifferenceElsewhereIsPinned(t *testing.T) {
	const value = 137 // what the operation stores that has an effect elsewhere
	far := uint64(90 * linux.PageSize)
	for name, spoil := range map[string]func(a *interp.Actor, base uint64){
		"an area": func(a *interp.Actor, base uint64) { _ = a.MM.Munmap(a.Task, base+far, linux.PageSize) },
		"a page": func(a *interp.Actor, base uint64) {
			_ = a.MM.Madvise(a.Task, base+far, linux.PageSize, linux.MADV_POPULATE_READ)
		},
		"vm_flags": func(a *interp.Actor, base uint64) {
			_ = a.MM.Madvise(a.Task, base+far, linux.PageSize, linux.MADV_DONTDUMP)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.spoil = func(a *interp.Actor, c *interp.Call) {
				if c.Kind == workloads.KindStore && c.Value == value {
					spoil(a, c.Addr&^(linux.PageSize-1)-linux.PageSize)
				}
			}
			sc, err := workloads.Parse("many", []byte(manyAreas(100, 300)))
			if err != nil {
				t.Fatal(err)
			}
			r, err := l.Scenario(t.Context(), sc, 0)
			if err != nil {
				t.Fatal(err)
			}
			if r.FirstDrift == nil || !strings.HasSuffix(r.FirstDrift.Statement, fmt.Sprint(" ", value)) {
				t.Errorf("the drift is %v, expected it at the store of %d", r.FirstDrift, value)
			}
		})
	}
}

// TestWholeIsRareWhereAreasAreMany: a comparison of everything costs as much as there is, so it must come the more rarely; with few
// areas it comes each time, and always where everything may have changed or nothing less can be asked for.
func TestWholeIsRareWhereAreasAreMany(t *testing.T) {
	l := newLab(t)
	l.host.Require(t, host.Query)
	for _, c := range []struct{ areas, most int }{{10, 1000}, {200, 1000 * 16 / 200 * 2}, {3000, 1000 * 16 / 3000 * 2}} {
		w := &world{lab: l, set: setting{flagsEvery: 1}}
		sp := &space{areas: c.areas}
		wholes := 0
		for range 1000 {
			w.operations++
			if d := w.due(sp, reach{}); d.whole {
				wholes++
				sp.wholeAt = w.operations
				if d.flags {
					sp.flagsAt = w.operations
				}
			}
		}
		if wholes > c.most || wholes == 0 || c.areas <= everyOperation && wholes != 1000 {
			t.Errorf("%d areas: %d comparisons of everything in 1000 operations, expected at most %d", c.areas, wholes, c.most)
		}
		if !w.due(sp, everywhere).whole {
			t.Errorf("%d areas: what may change everything is not compared as a whole", c.areas)
		}
		w.set.exact = true
		w.operations++
		if d := w.due(sp, reach{}); !d.whole || !d.flags {
			t.Errorf("%d areas: not compared as a whole though that was asked for", c.areas)
		}
	}
}

// TestReach: what lies beyond the window is no part of what an operation may change, whatever its arguments.
func TestReach(t *testing.T) {
	const base, page = host.DefaultBase, uint64(linux.PageSize)
	w := &world{set: setting{window: host.Window{Base: base, Size: 16 * page}}}
	ok := workloads.Outcome{Kind: workloads.ResultOK}
	for _, c := range []struct {
		name string
		call interp.Call
		out  workloads.Outcome
		want string
	}{
		{"munmap", interp.Call{Kind: workloads.KindMunmap, Addr: base + page, Len: 1}, ok, "[{1 2}]"},
		{"over the end", interp.Call{Kind: workloads.KindMprotect, Addr: base + page, Len: 1 << 60}, ok, "[{1 16}]"},
		{"overflow", interp.Call{Kind: workloads.KindMunmap, Addr: base + page, Len: ^uint64(0)}, ok, "[{1 16}]"},
		{"elsewhere", interp.Call{Kind: workloads.KindMunmap, Addr: 1 << 20, Len: page}, ok, "[]"},
		{"mmap", interp.Call{Kind: workloads.KindMmap, Len: 2 * page}, workloads.Outcome{Kind: workloads.ResultOK, Value: base + 3*page}, "[{3 5}]"},
		{"mmap refused", interp.Call{Kind: workloads.KindMmap, Addr: base, Len: page}, interp.Failure(linux.ENOMEM), "[]"},
		{"fault", interp.Call{Kind: workloads.KindLoad, Addr: base + 2*page + 8}, ok, "[{0 16}]"},
		{"mremap", interp.Call{Kind: workloads.KindMremap, Addr: base, Len: page, NewLen: 2 * page},
			workloads.Outcome{Kind: workloads.ResultOK, Value: base + 8*page}, "[{0 2} {8 10}]"},
		{"setrlimit", interp.Call{Kind: workloads.KindSetrlimit}, ok, "[]"},
		{"mlockall", interp.Call{Kind: workloads.KindMlockall}, ok, "all"},
		{"remove", interp.Call{Kind: workloads.KindMadvise, Addr: base, Len: page, Advice: linux.MADV_REMOVE}, ok, "all"},
	} {
		r := w.reachOf(&space{}, &c.call, c.out)
		var ranges []extent
		for _, x := range r.ranges {
			ranges = append(ranges, extent{(x.start - base) / page, (x.end - base) / page})
		}
		got := fmt.Sprint(ranges)
		if r.all {
			got = "all"
		}
		if got != c.want {
			t.Errorf("%s may change pages %s, expected %s", c.name, got, c.want)
		}
	}
}
