package judge

import (
	"strings"
	"testing"
)

func TestNamingIsOneToOne(t *testing.T) {
	n := newNaming()
	for _, c := range []struct {
		sim, kernel uint64
		want        bool
	}{{0, 0, true}, {0, 7, false}, {7, 0, false}, {1, 10, true}, {1, 10, true}, {1, 11, false}, {2, 10, false}, {2, 11, true}} {
		if got := n.agree(c.sim, c.kernel); got != c.want {
			t.Errorf("%d is %d: %v", c.sim, c.kernel, got)
		}
	}
}

// TestCompareSeesEverything changes one thing at a time.
func TestCompareSeesEverything(t *testing.T) {
	make := func() *state {
		return &state{
			areas: []area{{start: 1 << 20, end: 2 << 20, prot: 3, object: 5, offset: 4096, flags: "rd wr"}},
			pages: []mapped{{1 << 20, anonymous}, {1<<20 + 4096, filePage}},
		}
	}
	if what := newNaming().compare(make(), make()); what != "" {
		t.Errorf("equal states differ: %s", what)
	}
	for name, change := range map[string]func(s *state){
		"an area more":    func(s *state) { s.areas = append(s.areas, area{start: 3 << 20, end: 4 << 20}) },
		"start":           func(s *state) { s.areas[0].start += 4096 },
		"end":             func(s *state) { s.areas[0].end += 4096 },
		"rights":          func(s *state) { s.areas[0].prot = 1 },
		"sharing":         func(s *state) { s.areas[0].shared = true },
		"file":            func(s *state) { s.areas[0].object = 0 },
		"offset":          func(s *state) { s.areas[0].offset = 0 },
		"flags":           func(s *state) { s.areas[0].flags = "rd" },
		"a page less":     func(s *state) { s.pages = s.pages[:1] },
		"another page":    func(s *state) { s.pages[0].addr += 8192 },
		"kind of page":    func(s *state) { s.pages[1].page = zeroPage },
		"no pages at all": func(s *state) { s.pages = nil },
	} {
		s := make()
		change(s)
		if newNaming().compare(s, make()) == "" || newNaming().compare(make(), s) == "" {
			t.Errorf("%s: no difference", name)
		}
	}
}

func TestSideBySide(t *testing.T) {
	got := sideBySide([]string{"a", "b", "c"}, []string{"a", "x", "c", "d"})
	want := strings.Join([]string{"  kernel  simulator", "  a       a", "* b       x", "  c       c", "*         d"}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
