package judge

import (
	"context"
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
)

// newDeepLab skips the test where the kernel does not let us look.
func newDeepLab(t *testing.T) *Lab {
	t.Helper()
	l := newLab(t)
	if err := l.Deep(); err != nil {
		t.Skip(err)
	}
	return l
}

func TestRandomDeep(t *testing.T) {
	l := newDeepLab(t)
	r, err := l.Random(context.Background(), Options{Operations: operations() / 2, Seed: *randomSeed, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations in %d sequences, %v, seed %d", r.Operations, r.Sequences, r.Elapsed, r.Seed)
	if r.FirstDrift != nil {
		t.Errorf("drift: %v\n%s\n%s", r.FirstDrift, r.FirstDrift.Picture, r.FirstDrift.Scenario)
	}
}

// TestHiddenDrift does something to the kernel's side alone that /proc does not show: a page is written and dropped, an
// anon_vma is left.
func TestHiddenDrift(t *testing.T) {
	l := newDeepLab(t)
	sc, err := workloads.Parse("hidden", []byte("init\n    mmap A 16K rw private anon at 0x200000000000 fixed\n    mincore A => 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := l.newWorld(setting{scenario: sc, window: host.Window{}, flagsEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	env := sc.Init.NewEnv(1, 0, nil)
	mmap, look := step{stmt: sc.Init.Body[0]}, step{stmt: sc.Init.Body[1]}
	if d, err := w.do(mmap, env); d != nil || err != nil {
		t.Fatal(d, err)
	}
	p, addr := w.spaces[0].kernel, env.Regions[0].Base
	if f, err := p.Touch(addr+linux.PageSize, linux.Write); err != nil || !f.OK() {
		t.Fatal(f, err)
	}
	if _, err := p.Call(linux.SYS_MADVISE, uintptr(addr), 4*linux.PageSize, linux.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	d, err := w.do(look, env)
	if err != nil {
		t.Fatal(err)
	}
	const want = "has anon_vma A1 in the kernel, no anon_vma in the simulator"
	if d == nil || !strings.Contains(d.What, want) || !strings.Contains(d.Picture, "A1") {
		t.Errorf("%v, want %s", d, want)
	}
}

// TestHiddenSeesEverything changes one thing at a time.
func TestHiddenSeesEverything(t *testing.T) {
	make := func() []hidden {
		return []hidden{
			{1 << 20, 2 << 20, linux.VMRead | linux.VMWrite, 256, 256, 1, false},
			{2 << 20, 3 << 20, linux.VMRead, 512, 512, 0, false},
		}
	}
	if what := compareHidden(make(), make()); what != "" {
		t.Errorf("equal states differ: %s", what)
	}
	for name, change := range map[string]func(h []hidden) []hidden{
		"a VMA less":     func(h []hidden) []hidden { return h[:1] },
		"start":          func(h []hidden) []hidden { h[0].start -= 4096; return h },
		"end":            func(h []hidden) []hidden { h[1].end += 4096; return h },
		"a known flag":   func(h []hidden) []hidden { h[1].flags |= linux.VMNoReserve; return h },
		"any other bit":  func(h []hidden) []hidden { h[1].flags |= 1 << 60; return h },
		"page offset":    func(h []hidden) []hidden { h[0].pgoff++; return h },
		"copies' offset": func(h []hidden) []hidden { h[0].anonPgoff++; return h },
		"no anon_vma":    func(h []hidden) []hidden { h[0].anonVMA = 0; return h },
		"another one":    func(h []hidden) []hidden { h[0].anonVMA = 2; return h },
		"inheritance":    func(h []hidden) []hidden { h[0].inherited = true; return h },
	} {
		if compareHidden(change(make()), make()) == "" || compareHidden(make(), change(make())) == "" {
			t.Errorf("%s: no difference", name)
		}
	}
}

// TestNumbering gives the same numbers to the same partition, whatever the names.
func TestNumbering(t *testing.T) {
	for _, names := range [][]uint64{{7, 0, 9, 7, 3}, {0xffff8880, 0, 1, 0xffff8880, 2}} {
		n := numbering{}
		for i, want := range []int{1, 0, 2, 1, 3} {
			if got := n.number(names[i]); got != want {
				t.Errorf("%#x is %d, want %d", names[i], got, want)
			}
		}
	}
}
