package workloads

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestLanguage runs the goldens. "parse" prints the scenario in canonical form,
// or every mistake; -rewrite accepts what comes.
func TestLanguage(t *testing.T) {
	datadriven.Walk(t, "../testdata/language", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "parse" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			// Blank lines end datadriven's input, so tabs and blanks at the end
			// of lines are written as escapes.
			src := strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\r`, "\r").Replace(d.Input)
			sc, err := Parse("t.vma", []byte(src))
			if err != nil {
				return err.Error() + "\n"
			}
			checkRoundTrip(t, src)
			return sc.String()
		})
	})
}

func TestDesignExamplesParse(t *testing.T) {
	litmus := `# A reader pins a VMA that munmap is detaching (Zijlstra, December 2024).
rules refcount-v6
init
    mmap A 64K rw private anon
thread writer
    munmap A+16K 16K
thread reader
    touch A+16K write          # ok or SEGV, both are fine
never use-after-free, wrong-vma, pte-outside-vma
exists reader.1 = SEGV
`
	sc := mustParse(t, litmus)
	if sc.Rules.Spec != "refcount-v6" || len(sc.Questions) != 2 {
		t.Errorf("rules %v, questions %v", sc.Rules, sc.Questions)
	}
	term := sc.Questions[1].Terms[0]
	if s := sc.Threads[term.Thread.Index].Statement(term.Stmt); s.Kind != KindTouch {
		t.Errorf("reader.1 is %v", s)
	}
	stress := `thread faulter * 4
    repeat 100000
        touch random(A) write
thread mapper
    for 2s
        munmap A+1M 64K
        mmap A+1M 64K rw private anon fixed
`
	// The design leaves out init here; without one, A is nowhere bound.
	mustParse(t, "init\n    mmap A 4M rw private anon\n"+stress)
	_, err := Parse("x.vma", []byte(stress))
	var list ErrorList
	if !errors.As(err, &list) || len(list) != 3 {
		t.Errorf("without init: %v", err)
	}
}

// TestSpecs checks that the example of every statement is one, and of its kind.
func TestSpecs(t *testing.T) {
	for i, spec := range specs {
		if int(spec.Kind) != i || spec.Name == "" || spec.Help == "" || spec.In == 0 {
			t.Errorf("incomplete: %+v", spec)
		}
		if !strings.HasPrefix(spec.Usage(), spec.Name) || !strings.HasPrefix(spec.Example, spec.Name) {
			t.Errorf("%s: usage %q, example %q", spec.Name, spec.Usage(), spec.Example)
		}
		if spec.Kind >= KindMmap {
			checkStatementExample(t, &spec)
		}
	}
}

// TestDeclarationExamples: an example of the manual is read as what it is an example of, and written as it stands.
func TestDeclarationExamples(t *testing.T) {
	for _, spec := range specs {
		if spec.In != InTop || spec.Body != NoBody {
			continue
		}
		sc, err := Parse("t.vma", []byte(spec.Example+"\ninit\n    mmap A 8K rw private anon\nthread reader\n    load A\nthread writer\n    lock A\n"))
		if err != nil {
			if strings.Contains(err.Error(), "t.vma:1:") {
				t.Errorf("%q: %v", spec.Example, err)
			}
			continue
		}
		if text := sc.String(); !strings.Contains(text, spec.Example+"\n") {
			t.Errorf("%q is written as %q", spec.Example, text)
		}
	}
}

func checkStatementExample(t *testing.T, spec *Spec) {
	body := map[Body]string{
		NoBody:      "",
		BodyBlock:   "        yield\n",
		BodyChoices: "        yield\n",
		BodyPicture: "        R..R.end rw private anon\n",
	}
	if spec.In == InInit {
		sc := mustParse(t, "init\n    mmap A 64K rw private anon\n    "+spec.Example+"\n"+body[spec.Body])
		if got := sc.Init.Body[1].Kind; got != spec.Kind {
			t.Errorf("%q is a %v", spec.Example, got)
		}
		return
	}
	src := "mm child\nfile F memory 4K\n" +
		"init\n    mmap R 64K rw private anon\n    fork child\n" +
		"thread writer\n    mmap A 64K rw private anon\n    barrier start\n    yield\n" +
		"thread back background\n    mmap A 64K rw private anon\n    barrier start\n" +
		"    " + spec.Example + "\n" + body[spec.Body]
	src = strings.Replace(src, "fork child\n", "fork child\n    heap H 1M at R.end\n", 1)
	sc := mustParse(t, src)
	last := sc.Threads[1].Body[2]
	if last.Kind != spec.Kind {
		t.Errorf("%q is a %v", spec.Example, last.Kind)
	}
}

func TestStatementNumbers(t *testing.T) {
	sc := mustParse(t, "thread t\n  mmap A 4K r private anon\n  repeat 2\n    load A\n    choose\n      yield\n  validate\n")
	b := &sc.Threads[0].Block
	for n, want := range map[int]Kind{1: KindMmap, 2: KindLoad, 3: KindYield, 4: KindValidate} {
		if s := b.Statement(n); s == nil || s.Kind != want {
			t.Errorf("statement %d is %v, want %v", n, s, want)
		}
	}
	if b.Statement(5) != nil || b.Statement(0) != nil {
		t.Error("statements 0 and 5 exist")
	}
}

// TestAfter: a statement of another thread is named by its number, as questions name it, and written so again.
func TestAfter(t *testing.T) {
	const src = "thread a * 2\n    repeat 2\n        yield\n    yield\n    validate\nthread b\n    after a.3\n    after a.2\n    yield\nthread c\n    after b.3\n    after a.3\n"
	sc := mustParse(t, src)
	if sc.String() != strings.ReplaceAll(src, "\nthread", "\n\nthread") {
		t.Errorf("written as\n%s", sc)
	}
	if want := []Awaited{{0, 2}, {0, 3}, {1, 3}}; !slices.Equal(sc.Awaited, want) {
		t.Errorf("%v, expected %v", sc.Awaited, want)
	}
	for n, want := range []int{1, 0} {
		if s := sc.Threads[1].Body[n]; s.After.Milestone != want {
			t.Errorf("%v is milestone %d, expected %d", s, s.After.Milestone, want)
		}
	}
	for src, want := range map[string]string{
		"thread a\n yield\nthread b\n after a.2":             `x.vma:4:8: thread "a" has no statement 2, expected one counted from 1, not counting repeat and the like`,
		"thread a\n repeat 2\n  yield\nthread b\n after a.1": `x.vma:5:8: statement 1 of thread "a" stands in a loop, expected one that is performed once`,
		"thread a\n yield\n after a.1":                       `x.vma:3:8: thread "a" waits for itself, expected another thread`,
		"thread ab\n yield\nthread b\n after ac.1":           `x.vma:4:8: unknown thread "ac", did you mean "ab"?`,
		"thread a\n yield\nthread b\n after a":               `x.vma:4:9: the line ends too early, expected THREAD.N`,
		"init\n after a.1\nthread a\n yield":                 `x.vma:2:2: after does not belong in init, expected it in a thread`,
	} {
		if _, err := Parse("x.vma", []byte(src)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, expected %s", src, err, want)
		}
	}
}

func TestParties(t *testing.T) {
	sc := mustParse(t, "thread a * 3\n  barrier x\n  barrier y\nthread b\n  repeat 2\n    barrier x\n")
	if x, y := sc.Parties(0), sc.Parties(1); x != 4 || y != 3 {
		t.Errorf("parties %d and %d, want 4 and 3", x, y)
	}
}

// FuzzParse checks that no text makes the parser panic, that mistakes lie
// inside the text and are in order, and that a good scenario survives printing.
func FuzzParse(f *testing.F) {
	for _, info := range Builtin() {
		f.Add(info.Source)
	}
	paths, err := filepath.Glob("../testdata/language/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatal("no goldens to start from", err)
	}
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(src), "parse\n") {
			code, _, _ := strings.Cut(part, "----")
			f.Add(code)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		_, err := Parse("x.vma", []byte(src))
		if err == nil {
			checkRoundTrip(t, src)
			return
		}
		if err := checkErrors(err, src); err != nil {
			t.Fatal(err)
		}
	})
}

func checkErrors(err error, src string) error {
	var list ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return fmt.Errorf("not an ErrorList: %v", err)
	}
	lines := strings.Split(src, "\n")
	for i, e := range list {
		if e.Pos.File != "x.vma" || e.Pos.Line < 1 || e.Pos.Line > len(lines) ||
			e.Pos.Col < 1 || e.Pos.Col > len(lines[e.Pos.Line-1])+1 {
			return fmt.Errorf("position outside the text: %v", e)
		}
		if i > 0 && list[i-1].Pos.compare(e.Pos) > 0 {
			return fmt.Errorf("not sorted: %v before %v", list[i-1], e)
		}
		if e.Msg == "" {
			return fmt.Errorf("no message: %v", e)
		}
	}
	return nil
}
