package step

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vmasim/workloads"
)

// done performs a command that must succeed, and returns its lines.
func done(t *testing.T, s *Session, line string) string {
	t.Helper()
	a, err := s.Do(t.Context(), line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Join(a.Lines, "\n")
}

func TestCommands(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"A 3", ""},
		{"l 2", "   2 A  smp_load_acquire mm.mm_mt"},
		{"u", ""},
		{"redo", ""},
		{"undo 2", ""},
		{"g 8", ""},
		{"ahead", "lock-left-held"},
		{"violation", ""},
		{"x", "* vma#1.vm_refcnt = 1 -> 0  (reader, step 34)"},
		{"m", "main:"},
		{"p", "vmasim replay detach-race 'v2:"},
		{"u", ""},
		{"w reader", "it holds vma#1 (reference)"},
		{"o lock-left-held", ""},
		{"p", "vmasim replay --without lock-left-held detach-race"},
		{"e munmap", "munmap (statement)"},
		{"g 34", ""},
		{"explain", "vma_start_read (function)"},
		{"e", "vm_area_struct.vm_refcnt (field)"},
		{"help", "statement TASK"},
	} {
		if got := done(t, s, c.line); !strings.Contains(got, c.want) {
			t.Errorf("%s says %q, expected %q", c.line, got, c.want)
		}
	}
	if a, err := s.Do(t.Context(), "q"); err != nil || !a.Quit {
		t.Errorf("q: %+v, %v", a, err)
	}
}

func TestCommandsRefuse(t *testing.T) {
	s := begun(t, "detach-race")
	for line, want := range map[string]string{
		"reeder":     `unknown command "reeder", did you mean "reader"?`,
		"C":          `unknown command "C"`,
		"A x":        `"x" is no number`,
		"u":          "0 steps were taken",
		"r":          "0 steps were taken back",
		"u 1 2":      "2 words, expected a number of steps",
		"g":          "0 words, expected a step",
		"g 7":        "step 7 is not there, expected one from 0 to 0",
		"s nobody":   `unknown task "nobody"`,
		"c":          "0 words, expected a value",
		"c x":        `"x" is no number`,
		"c 1":        "nothing was decided in this step",
		"w":          "0 words, expected the name or the letter of a task",
		"o no":       `unknown oracle "no"`,
		"l x":        `"x" is no number`,
		"save /":     "/: ",
		"e":          "no step was taken, expected a name",
		"e a b":      "2 words, expected a name",
		"e vm_refcn": `did you mean "vm_refcnt"?`,
		"A 2 3":      `unknown command "A"`,
		"statement ": "0 words",
	} {
		if _, err := s.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
	if s.At() != 0 {
		t.Errorf("stands at %d", s.At())
	}
}

// TestNothingAhead: where no continuation breaks anything that is said, and that it is all of them.
func TestNothingAhead(t *testing.T) {
	s := begun(t, "detach-race")
	done(t, s, "s writer")
	if got := done(t, s, "violation"); !strings.Contains(got, "every continuation was searched") {
		t.Error(got)
	}
	if got := done(t, s, "ahead"); !strings.HasPrefix(got, "0 of 1 continuations break") {
		t.Error(got)
	}
}

// TestSave: a file has the run in it, and is not overwritten.
func TestSave(t *testing.T) {
	s := opened(t, "detach-race", raceRun(t))
	must(t, s.Go(s.Len()))
	name := filepath.Join(t.TempDir(), "race.vma")
	done(t, s, "save "+name)
	text, err := os.ReadFile(name)
	must(t, err)
	sc, err := workloads.Parse(name, text)
	must(t, err)
	if run := s.Schedule(); sc.Schedule.Text != run.String() || sc.Rules.Spec != "refcount-v6" || sc.Title == "" {
		t.Errorf("%s", text)
	}
	if _, err := s.Do(t.Context(), "save "+name); err == nil {
		t.Error("it is overwritten")
	}
}

// TestLinesFit: no line of what is shown is wider than it may be, unless one word is.
func TestLinesFit(t *testing.T) {
	run := raceRun(t)
	for _, width := range []int{40, 80, 100} {
		s := opened(t, "detach-race", run)
		for s.At() < s.Len() {
			must(t, s.Go(s.At()+1))
			for _, line := range s.Lines(s.At()-5, width) {
				if n := len([]rune(line)); n > width && len(strings.Fields(line)) > 1 {
					t.Errorf("step %d, %d columns of %d: %s", s.At(), n, width, line)
				}
			}
		}
		if last := strings.Join(s.Lines(0, width), " "); !strings.Contains(last, "LOCK-LEFT-HELD: ") {
			t.Errorf("the end is not told: %s", last)
		}
	}
}

// TestTaskNamedAsACommand: it takes its steps, and the command is there with what it needs.
func TestTaskNamedAsACommand(t *testing.T) {
	s := begun(t, "detach-race")
	for _, line := range []string{"writer", "writer 2", "writer mm.mmap_lock"} {
		if _, err := s.Do(t.Context(), line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if s.At() != 3 || s.Trace().Steps[2].Task != "writer" {
		t.Errorf("stands at %d", s.At())
	}
}
