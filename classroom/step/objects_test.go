package step

import (
	"slices"
	"strings"
	"testing"
)

// TestOn: along a run and back one comes to each step that touches a cell, and to no other.
func TestOn(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(s.Len()))
	var want []int
	for i, st := range s.Trace().Steps {
		if st.Cell == "vma#1.vm_refcnt" {
			want = append(want, i+1)
		}
	}
	whole := s.Run()
	must(t, s.Go(0))
	var forth, back []int
	for s.On("vm_refcnt", "") == nil {
		forth = append(forth, s.At())
	}
	must(t, s.Go(s.Len()))
	if want[len(want)-1] == s.At() {
		back = append(back, s.At())
	}
	for s.Back("vma#1.vm_refcnt") == nil {
		back = append(back, s.At())
	}
	slices.Reverse(back)
	if !slices.Equal(forth, want) || !slices.Equal(back, want) {
		t.Errorf("forth %v, back %v, expected %v", forth, back, want)
	}
	if run := s.Run(); run.String() != whole.String() {
		t.Errorf("the run is %s, expected %s", &run, &whole)
	}
}

// TestOnByTask: a task's steps are taken up to the one that touches an object.
func TestOnByTask(t *testing.T) {
	s := begun(t, "detach-race")
	must(t, s.On("mm.mmap_lock", "writer"))
	if last := s.Trace().Steps[s.At()-1]; last.Cell != "mm.mmap_lock" || last.Task != "writer" || s.At() != 1 {
		t.Fatalf("stands behind %+v", last.Summary)
	}
	must(t, s.On("vma#1", "B"))
	if last := s.Trace().Steps[s.At()-1]; !strings.HasPrefix(last.Cell, "vma#1.") || s.Schedule().Tasks[0] != 1 {
		t.Errorf("stands behind %+v", last.Summary)
	}
	s = begun(t, "reuse-then-attach")
	must(t, s.On("vma#2", "recycler")) // which is made in a step that accesses none of its fields
	if last := s.Trace().Steps[s.At()-1]; !slices.Contains(last.Notes, "vma#2 is born in the memory of vma#1") {
		t.Errorf("stands behind %+v", last.Summary)
	}
}

// TestWriter: the writer of a cell is the one that Cells tells.
func TestWriter(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(s.Len()))
	for _, c := range Cells(s.Trace(), s.Len(), true) {
		name, st, err := s.Writer(c.Name)
		if must(t, err); name != c.Name || (st == nil) != (c.Step == 0) || st != nil && (st.Number != c.Step || st.Task != c.Writer) {
			t.Errorf("%s was written by %+v, expected step %d", name, st, c.Step)
		}
	}
	if got := done(t, s, "writer vm_refcnt"); !strings.HasPrefix(got, "vma#1.vm_refcnt was last written by reader, in lock A:\n  34 A  ") {
		t.Error(got)
	}
	if got := done(t, s, "f mm_count"); got != "no step has written mm.mm_count" {
		t.Error(got)
	}
}

func TestObjectsRefuse(t *testing.T) {
	s := begun(t, "detach-race")
	for line, want := range map[string]string{
		"on":                   "0 words, expected a cell or an object",
		"on vm_refcnt":         "no step was taken back along which to go on: name the task",
		"on vma#2 reader":      `unknown cell or object "vma#2", did you mean "vma#1"?`,
		"on anon_vma reader":   "reader comes to step 16 and goes no further before a step touches vma#1.anon_vma",
		"on vm_refcnt C":       `unknown task "C"`,
		"back":                 "0 words, expected a cell or an object",
		"back vm_refcnt":       "no step before this one touches vma#1.vm_refcnt",
		"f":                    "0 words, expected a cell",
		"writer vma#1.vm_refc": `did you mean "vma#1.vm_refcnt"?`,
	} {
		if _, err := s.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
	if s.At() != 0 || s.Len() != 0 {
		t.Errorf("stands at %d of %d", s.At(), s.Len())
	}
	must(t, s.Take("reader"))
	must(t, s.Go(0))
	if err := s.On("vm_refcnt", ""); err == nil || !strings.Contains(err.Error(), "none of the 1 steps that were taken back") {
		t.Error(err)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		cell, name string
		want       bool
	}{
		{"vma#1.vm_refcnt", "vma#1", true}, {"vma#10.vm_refcnt", "vma#1", false}, {"vma#1", "vma#1", true}, {"page#1.word[3]", "page#1.word", true}, {"frame#2+8", "frame#2", true}, {"", "vma#1", false},
	} {
		if got := within(c.cell, c.name); got != c.want {
			t.Errorf("%s is in %s: %v", c.cell, c.name, got)
		}
	}
	if _, err := resolve("b", []string{"x.b", "y.b"}); err == nil || !strings.Contains(err.Error(), "x.b, y.b") {
		t.Error(err)
	}
}
