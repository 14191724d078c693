package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
	"vmasim/workloads/program"
)

// divided is a scenario whose search by DPOR is long enough to be divided, and short enough for tests.
const divided = "foreign-put"

// load reads one scenario.
func load(tb testing.TB, name string) *workloads.Scenario {
	tb.Helper()
	all, err := workloads.Load(name, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return all[0]
}

// options are those of a search under the default rules.
func options() program.Options {
	return program.Options{Setting: program.Setting{Rules: "linux-6.18"}, Options: explore.Options{Workers: 1}}
}

// split divides a search in a new directory.
func split(tb testing.TB, sc *workloads.Scenario, o program.Options, n int) (dir string) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "parts")
	if err := Split(context.Background(), sc, o, n, dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// search searches the part of a file with at most so many executions; 0: to its end.
func search(tb testing.TB, file string, executions int) *program.Result {
	tb.Helper()
	part, err := Read(file)
	if err != nil {
		tb.Fatal(err)
	}
	sc, o, err := part.Open(program.Options{Options: explore.Options{Workers: 1, Executions: executions}})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := program.Explore(context.Background(), sc, o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// merge adds up a directory.
func merge(dir string) (*program.Result, error) {
	c, err := Load(dir)
	if err != nil {
		return nil, err
	}
	return c.Merge(context.Background(), program.Options{})
}

func merged(tb testing.TB, dir string) *program.Result {
	tb.Helper()
	r, err := merge(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// told is what of a result must not depend on how the search was divided.
func told(r *program.Result) string {
	var outcomes []string
	for _, o := range r.Outcomes {
		outcomes = append(outcomes, fmt.Sprint(o.Executions, o.Text))
	}
	return fmt.Sprint(r.Verdict(), r.OK(), r.Broken(), r.Search.Complete, r.Search.Executions, r.Search.Steps, r.Reached, r.NeverReached, r.Observations, r.Rules, r.Memory, r.Choices,
		r.Oracles, r.Settings, outcomes, "\n")
}

// TestMergedIsTheWhole: the parts of real scenarios, each searched by a process of its own that knows only its file, come to what one search does.
func TestMergedIsTheWhole(t *testing.T) {
	for name, change := range map[string]func(*program.Options){
		"detach-race": func(*program.Options) {},
		"lock-order":  func(*program.Options) {},
		"seal-hole":   func(o *program.Options) { o.Strategy = explore.Bounded },
		"two-faults": func(o *program.Options) {
			o.Without = []string{"data-race"}
			o.Executions = 40
			o.Strategy = explore.PCT
		},
		"attach-order": func(o *program.Options) { o.Rules = ""; o.KeepGoing = 100 },
		"ref-acquire":  func(o *program.Options) { o.Rules = ""; o.Model = "views:1"; o.KeepGoing = 100 },
	} {
		sc, o := load(t, name), options()
		change(&o)
		whole := o
		whole.Workers, whole.Checkpoint = 2, filepath.Join(t.TempDir(), "whole") // divided like parts
		want, err := program.Explore(context.Background(), sc, whole)
		if err != nil {
			t.Fatal(err)
		}
		parts := []int{1, 7, 16}
		if testing.Short() {
			parts = parts[2:]
		}
		for _, n := range parts {
			dir := split(t, sc, o, n)
			for i := range n {
				r := search(t, filepath.Join(dir, fmt.Sprintf("%d.part", i)), 0)
				if r.Part != fmt.Sprintf("%d of %d", i, n) || r.Verdict() == program.Verified {
					t.Errorf("%s: part %q is %s", name, r.Part, r.Verdict())
				}
			}
			got := merged(t, dir)
			if o.Strategy == explore.Bounded { // parts end by themselves
				got.Search.Executions = want.Search.Executions
			}
			if told(got) != told(want) || got.Parts.Of != n || got.Parts.Ended != n || len(got.Parts.Lack)+len(got.Parts.Notes) > 0 {
				t.Errorf("%s in %d parts: %+v\n%s\nat once:\n%s", name, n, got.Parts, told(got), told(want))
			}
		}
	}
}

// TestStatedViolation: a part that does not show what the scenario states is as it should be, and a verdict of the whole is not.
func TestStatedViolation(t *testing.T) {
	sc, o := load(t, "detach-race"), options()
	o.Rules = ""
	dir := split(t, sc, o, 4)
	shown := 0
	for i := range 4 {
		r := search(t, filepath.Join(dir, fmt.Sprintf("%d.part", i)), 0)
		if !r.OK() {
			t.Errorf("part %d is not as stated: %s", i, r.Verdict())
		}
		if r.Verdict() == program.Violated {
			shown++
		}
	}
	if r := merged(t, dir); shown == 0 || r.Verdict() != program.Violated || !r.OK() || len(r.Violations) != 1 || r.Violations[0].Trace == nil {
		t.Errorf("%d parts show it: %s, %+v", shown, r.Verdict(), r.Violations)
	}
}

// TestWhatLacks: parts that are lost, unfinished, damaged or there twice are named, and make nothing verified.
func TestWhatLacks(t *testing.T) {
	sc := load(t, divided)
	dir := split(t, sc, options(), 5)
	file := func(name string) string { return filepath.Join(dir, name) }
	lacks := func(words ...string) {
		t.Helper()
		r := merged(t, dir)
		all := strings.Join(slices.Concat(r.Parts.Lack, r.Parts.Notes), "\n")
		for _, w := range words {
			if !strings.Contains(all, w) {
				t.Errorf("%q is not told:\n%s", w, all)
			}
		}
		if r.Verdict() != program.NotFound || !strings.HasSuffix(all, "") && len(words) > 0 {
			t.Errorf("%s, %s", r.Verdict(), all)
		}
	}
	lacks("part 0 was not begun: there is no "+file("0.state"), "part 4 was not begun")
	for i := range 4 {
		search(t, file(fmt.Sprintf("%d.part", i)), 0)
	}
	search(t, file("4.part"), 1)
	lacks("part 4 is not finished: executions so far, in " + file("4.state") + ": 1")
	good := readFile(t, file("4.part"))
	remove(t, file("4.state"))
	remove(t, file("4.part"))
	lacks("part 4 is lost: there is no 4.part")
	write(t, file("4.part"), good[:len(good)/2])
	lacks("part 4 is lost", file("4.part")+" is damaged")
	write(t, file("4.part"), good)
	search(t, file("4.part"), 0)
	if r := merged(t, dir); r.Verdict() != program.Verified || len(r.Parts.Lack) > 0 {
		t.Errorf("%s, %v", r.Verdict(), r.Parts)
	}

	whole := merged(t, dir).Search.Executions
	state := readFile(t, file("2.state"))
	write(t, file("copy.state"), state)
	r := merged(t, dir)
	if r.Search.Executions != whole || r.Verdict() != program.Verified || len(r.Parts.Notes) != 1 || !strings.Contains(r.Parts.Notes[0], "are both of part 2, which counts once") {
		t.Errorf("a copy: %d executions, expected %d; %v", r.Search.Executions, whole, r.Parts)
	}
	remove(t, file("2.part")) // what it came to is there
	if r := merged(t, dir); r.Verdict() != program.Verified {
		t.Errorf("%s, %v", r.Verdict(), r.Parts)
	}
	remove(t, file("copy.state"))
	state[len(state)/2] ^= 1
	write(t, file("2.state"), state)
	lacks("part 2 is lost", file("2.state")+" is damaged")
}

// TestTheBestCopyCounts: of several states of a part that counts which tells most.
func TestTheBestCopyCounts(t *testing.T) {
	dir := split(t, load(t, divided), options(), 2)
	file := func(name string) string { return filepath.Join(dir, name) }
	search(t, file("1.part"), 0)
	search(t, file("0.part"), 1)
	early := readFile(t, file("0.state"))
	search(t, file("0.part"), 0)
	write(t, file("a.state"), early)
	write(t, file("z.state"), early)
	if r := merged(t, dir); r.Verdict() != program.Verified || len(r.Parts.Notes) != 2 {
		t.Errorf("%s, %v", r.Verdict(), r.Parts)
	}
}

// TestDifferentSearches: what does not belong together is refused, with the difference.
func TestDifferentSearches(t *testing.T) {
	sc := load(t, divided)
	dir := split(t, sc, options(), 2)
	refused := func(dir, want string) {
		t.Helper()
		if _, err := merge(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	into := func(o program.Options, sc *workloads.Scenario, n int) string {
		other := split(t, sc, o, n)
		write(t, filepath.Join(other, "x.part"), readFile(t, filepath.Join(dir, "1.part")))
		return other
	}
	deep := options()
	deep.Depth = 50
	refused(into(deep, sc, 2), "are parts of different searches: the second belongs to depth")
	refused(into(options(), load(t, "detach-race"), 2), "belongs to scenario")
	refused(into(options(), sc, 3), "are parts of different divisions, into 3 and 2")
	old := options()
	old.Rules = "linux-6.18,-detach-waits"
	refused(into(old, sc, 2), "belongs to rules")

	part, err := Read(filepath.Join(dir, "0.part"))
	if err != nil {
		t.Fatal(err)
	}
	part.Share.Search.Build = "old"
	text, err := wrap(partKind, part)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "0.part"), text)
	refused(dir, "belongs to build of vmasim")
	again, err := Read(filepath.Join(dir, "0.part"))
	if err != nil {
		t.Fatal(err)
	}
	own, o, err := again.Open(program.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Explore(context.Background(), own, o); err == nil || !strings.Contains(err.Error(), "belongs to build of vmasim old, this is") {
		t.Errorf("%v", err)
	}

	refused(t.TempDir(), "there is no part of a search in it")
	refused(filepath.Join(dir, "none"), "no such file")
	if err := Split(t.Context(), sc, options(), 2, dir); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	states := options()
	states.Strategy = explore.States
	if err := Split(t.Context(), sc, states, 2, t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot be divided") {
		t.Errorf("%v", err)
	}
}

// TestDivide: what a part has left becomes parts, and only with all of them is the whole complete.
func TestDivide(t *testing.T) {
	sc := load(t, divided)
	want := search1(t, sc)
	dir := split(t, sc, options(), 2)
	file := func(name string) string { return filepath.Join(dir, name) }
	divide := func(name string, n int) error {
		part, err := Read(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return part.Divide(t.Context(), program.Options{}, n, dir)
	}
	if err := divide("1.part", 2); err == nil || !strings.Contains(err.Error(), "is not begun") {
		t.Errorf("%v", err)
	}
	search(t, file("0.part"), 0)
	search(t, file("1.part"), 20)
	write(t, file("1.7.part"), []byte("of a division that came to no end"))
	if err := divide("1.part", 3); err != nil {
		t.Fatal(err)
	}
	if err := divide("1.part", 3); err == nil || !strings.Contains(err.Error(), "nothing of it is left") {
		t.Errorf("%v", err)
	}
	r := merged(t, dir)
	if len(r.Parts.Lack) != 3 || r.Parts.Of != 5 || r.Verdict() != program.NotFound || !strings.Contains(r.Parts.Lack[0], "part 1.0 was not begun") {
		t.Errorf("%s, %+v", r.Verdict(), r.Parts)
	}
	search(t, file("1.0.part"), 0)
	search(t, file("1.1.part"), 1)
	if r := search(t, file("1.2.part"), 0); r.Part != "1.2, of 3 that part 1 left" {
		t.Errorf("it is %q", r.Part)
	}
	if err := divide("1.1.part", 2); err != nil {
		t.Fatal(err)
	}
	search(t, file("1.1.0.part"), 0)
	lost := readFile(t, file("1.1.1.part"))
	remove(t, file("1.1.1.part"))
	if r := merged(t, dir); !slices.Equal(r.Parts.Lack, []string{"part 1.1.1 is lost: there is no 1.1.1.part"}) || r.Verdict() != program.NotFound {
		t.Errorf("%s, %+v", r.Verdict(), r.Parts)
	}
	write(t, file("1.1.1.part"), lost)
	search(t, file("1.1.1.part"), 0)
	if r := merged(t, dir); r.Verdict() != program.Verified || r.Parts.Ended != 7 || len(r.Outcomes) != len(want.Outcomes) {
		t.Errorf("%s, %+v", r.Verdict(), r.Parts)
	}
	remove(t, file("0.part")) // it is known by its state
	remove(t, file("1.part"))
	if _, err := merge(dir); err == nil || !strings.Contains(err.Error(), "all parts are of what another had left") {
		t.Errorf("%v", err)
	}
}

// search1 searches a scenario at once.
func search1(t *testing.T, sc *workloads.Scenario) *program.Result {
	t.Helper()
	r, err := program.Explore(t.Context(), sc, options())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFilesOfScenario: a scenario that maps a file is searched from elsewhere, and its positions are those of its text.
func TestFilesOfScenario(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "data"), make([]byte, 8192))
	write(t, filepath.Join(home, "s.vma"), []byte("# A title.\n\nfile F path \"data\"\nthread a\n    # a remark\n    mmap A 4K r private file F\nthread b\n    mmap B 4K r private file F\n"))
	sc := load(t, filepath.Join(home, "s.vma"))
	o := options()
	o.Machine = []workloads.MachineSetting{}
	dir := split(t, sc, o, 2)
	search(t, filepath.Join(dir, "0.part"), 0)
	search(t, filepath.Join(dir, "1.part"), 0)
	if r := merged(t, dir); r.Verdict() != program.Verified || r.Title != "A title." {
		t.Errorf("%s %q", r.Verdict(), r.Title)
	}
	remove(t, filepath.Join(home, "data"))
	if _, err := merge(dir); err == nil || !strings.Contains(err.Error(), "s.vma:3:6: cannot open") {
		t.Errorf("%v", err)
	}
}

// TestSweep removes what a killed process was writing, and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"3.state", "3.state.123", "3.part", "33.state.1", "3.state.1x"} {
		write(t, filepath.Join(dir, name), nil)
	}
	if err := Sweep(filepath.Join(dir, "3.state")); err != nil {
		t.Fatal(err)
	}
	if left, err := entries(dir); err != nil || !slices.Equal(left, []string{"3.part", "3.state", "3.state.1x", "33.state.1"}) {
		t.Errorf("%v, %v", left, err)
	}
}

// FuzzParse: what is no part, or a damaged one, is an error, with a checksum that fits, too.
func FuzzParse(f *testing.F) {
	for _, s := range []explore.Strategy{explore.DPOR, explore.DFS, explore.Bounded, explore.POS} {
		o := options()
		o.Strategy = s
		text := readFile(f, filepath.Join(split(f, load(f, "detach-race"), o, 64), "0.part"))
		f.Add(text)
		var e envelope
		if err := json.Unmarshal(text, &e); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(e.Body))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if part, err := Parse(text); err == nil && part.Share == nil {
			t.Error("a part of nothing")
		}
		part, err := parseBody(text)
		if err != nil {
			return
		}
		if _, _, err := part.Open(program.Options{}); err == nil && part.Label() == "" {
			t.Error("it has no label")
		}
	})
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func write(tb testing.TB, name string, text []byte) {
	tb.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func remove(tb testing.TB, name string) {
	tb.Helper()
	if err := os.Remove(name); err != nil {
		tb.Fatal(err)
	}
}
