package report

import (
	"strings"
	"testing"

	"vmasim/explore/trace"
	"vmasim/internal/wrap"
)

// area makes an area of so many pages, from a page on.
func area(name string, page, pages int, place, rights, anon string, present ...int) trace.Area {
	a := trace.Area{VMA: name, Start: trace.Address(page) << pageShift, End: trace.Address(page+pages) << pageShift, Place: place, Rights: rights, AnonVMA: anon}
	for _, p := range present {
		a.Pages = append(a.Pages, trace.Page{At: trace.Address(page+p) << pageShift, Writable: strings.Contains(rights, "w")})
	}
	return a
}

func spaces(areas ...trace.Area) []trace.Map { return []trace.Map{{Name: "main", Areas: areas}} }

// splitTrace is of a VMA that is split, and of one that lies far away.
func splitTrace() *trace.Trace {
	far := area("vma#9", 1<<30, 2, "F..F+8K", "r--s", "", 0)
	moving := area("vma#1", 16, 4, "A..A+16K", "rw-p", "anon_vma#1", 0, 3)
	moving.Itself = "A+8K..A+16K"
	return &trace.Trace{
		Tasks:  []string{"a"},
		Steps:  make([]trace.Step, 9),
		Before: spaces(area("vma#1", 16, 4, "A..A+16K", "rw-p", "anon_vma#1", 0, 3), far),
		Between: []trace.Change{
			{Step: 4, Spaces: spaces(moving, far)},
			{Step: 6, Spaces: spaces(area("vma#2", 16, 2, "A..A+8K", "rw-p", "anon_vma#1", 0), area("vma#1", 18, 2, "A+8K..A+16K", "rw-p", "anon_vma#1", 1), far)},
			{Step: 7, Spaces: spaces(area("vma#2", 16, 2, "A..A+8K", "rw-p", "anon_vma#1", 0), area("vma#1", 18, 2, "A+8K..A+16K", "rw-p", "anon_vma#1", 1), far)},
		},
		After: spaces(area("vma#2", 16, 2, "A..A+8K", "rw-p", "anon_vma#1", 0), area("vma#1", 18, 2, "A+8K..A+16K", "r--p", "anon_vma#1", 1), far),
	}
}

func TestBars(t *testing.T) {
	for width, want := range map[int]string{
		80: `
  main     A                 A+8K              A+16K    F                 F+8K
  before   [vma#1 rw-p                        ]         [vma#9 r--s      ]
            ■        ·        ·        ■                 □        ·
            anon_vma#1
  step 4   [vma#1 rw-p                        ]         [vma#9 r--s      ]
           vma#1 itself: A+8K..A+16K
  step 6   [vma#2 rw-p      ][vma#1 rw-p      ]         [vma#9 r--s      ]
            anon_vma#1        anon_vma#1
  after    [vma#2 rw-p      ][vma#1 r--p      ]         [vma#9 r--s      ]
            ■        ·        ·        □                 □        ·
`,
		60: `
  main     A             A+8K          A+16K  F
  before   [vma#1 rw-p                ]       [vma#9 r--s  ]
            ■      ·      ·      ■             □      ·
            anon_vma#1
  step 4   [vma#1 rw-p                ]       [vma#9 r--s  ]
           vma#1 itself: A+8K..A+16K
  step 6   [vma#2 rw-p  ][vma#1 rw-p  ]       [vma#9 r--s  ]
            anon_vma#1    anon_vma#1
  after    [vma#2 rw-p  ][vma#1 r--p  ]       [vma#9 r--s  ]
            ■      ·      ·      □             □      ·
`,
	} {
		if got := "\n" + bars(splitTrace(), 0, Look{Width: width}); got != want {
			t.Errorf("width %d: got%s\nexpected%s", width, got, want)
		}
	}
	unchanged := &trace.Trace{Before: spaces(area("vma#1", 1, 1, "A..A+4K", "r--p", "")), After: spaces(area("vma#1", 1, 1, "A..A+4K", "r--p", ""))}
	if got := bars(unchanged, 0, Look{}); got != "" {
		t.Errorf("one VMA that does not change is drawn:\n%s", got)
	}
}

// TestBarsFit: whatever is mapped, no line is too wide, and what is far larger than the line is drawn to scale.
func TestBarsFit(t *testing.T) {
	large := &trace.Trace{
		Before: spaces(area("vma#1", 0, 1<<20, "A..A+4G", "rw-p", "anon_vma#1", 0, 1<<19), area("vma#2", 1<<20, 1<<19, "A+4G..A+6G", "r--p", "")),
		After:  spaces(),
	}
	for i := range 30 {
		large.After[0].Areas = append(large.After[0].Areas, area("vma#3", i*1000, 1+i, "B..C", "rw-p", "anon_vma#2"))
	}
	many := &trace.Trace{Before: spaces()}
	for i := range 500 {
		many.Before[0].Areas = append(many.Before[0].Areas, area("vma#1", i*3, 1, "A..B", "r--p", ""))
	}
	for _, tr := range []*trace.Trace{splitTrace(), large, many} {
		for _, width := range []int{MinWidth, 80, 200} {
			for line := range strings.Lines(bars(tr, 0, Look{Width: width})) {
				if n := wrap.Cells(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("width %d: a line of %d: %s", width, n, line)
				}
			}
		}
	}
	lines := strings.Split(bars(large, 0, Look{Width: 100}), "\n")
	if first, second := strings.Index(lines[1], "["), strings.LastIndex(lines[1], "["); second-first < 40 || len(lines[1])-second > second-first {
		t.Errorf("of two VMAs one is twice as large as the other:\n%s", lines[1])
	}
}

// TestBarsOfManyChanges: of very many changes the first and the last are drawn.
func TestBarsOfManyChanges(t *testing.T) {
	tr := splitTrace()
	tr.Between = nil
	for i := range 100 {
		tr.Between = append(tr.Between, trace.Change{Step: 1 + i%9, Spaces: spaces(area("vma#1", 16, 1+i%4, "A..B", "rw-p", ""))})
	}
	got := bars(tr, 0, Look{})
	if n := strings.Count(got, "\n"); n > 40 || !strings.Contains(got, "  … 90 changes\n") || !strings.Contains(got, "  before ") || !strings.Contains(got, "  after ") {
		t.Errorf("%d lines:\n%s", n, got)
	}
}

// TestBarsNow: what is mapped where a trace ends is drawn alone, to the scale of all that was.
func TestBarsNow(t *testing.T) {
	split := splitTrace()
	split.After = split.Between[1].Spaces
	want := `
  main     A                 A+8K              A+16K    F                 F+8K
  now      [vma#2 rw-p      ][vma#1 rw-p      ]         [vma#9 r--s      ]
            ■        ·        ·        ■                 □        ·
            anon_vma#1        anon_vma#1
`
	if got := "\n" + BarsNow(split, Look{Width: 80}); got != want {
		t.Errorf("drawn%s\nexpected%s", got, want)
	}
	if got := BarsNow(&trace.Trace{Before: spaces(), After: spaces()}, Look{}); got != "" {
		t.Errorf("nothing is mapped, and drawn: %q", got)
	}
}
