package page

import (
	"bytes"
	"compress/gzip"
	"encoding/ascii85"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vmasim/workloads"
)

var rewrite = flag.Bool("rewrite", false, "write the table of lessons in docs/teaching.md")

// part returns what stands in an element of a page.
func part(t *testing.T, page, id string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<script type="[a-z/]+" id="` + id + `">(.*?)</script>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no %s", id)
	}
	return found[1]
}

// unpackedPart returns what is packed in an element of a page.
func unpackedPart(t *testing.T, page, id string) string {
	t.Helper()
	gz, err := base64.StdEncoding.DecodeString(part(t, page, id))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestScript: no file of the script is left out.
func TestScript(t *testing.T) {
	js, err := script()
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []func() (string, error){bootScript, timelineScript} {
		text, err := more()
		if err != nil {
			t.Fatal(err)
		}
		js += text
	}
	files, err := filepath.Glob("assets/*/*.js")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(js, string(text)) {
			t.Errorf("%s is left out, %v", name, err)
		}
	}
}

// TestScriptNames: the files are one script, which the timeline's joins, in which the last of two functions of a name would silently be both.
func TestScriptNames(t *testing.T) {
	js, err := script()
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []func() (string, error){bootScript, timelineScript} {
		text, err := more()
		if err != nil {
			t.Fatal(err)
		}
		js += text
	}
	declared := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:async )?(?:function|const|let) (\w+)`).FindAllStringSubmatch(js, -1) {
		if declared[m[1]] {
			t.Errorf("%s is declared twice", m[1])
		}
		declared[m[1]] = true
	}
	if len(declared) < 100 {
		t.Errorf("only %d names are declared", len(declared))
	}
}

// TestWrite: a page has all that it needs in itself, and what was put in comes out again.
func TestWrite(t *testing.T) {
	sc, err := workloads.Parse("mine.vma", []byte("# A <b>title</b>\n\nthread a\n    mmap 4K rw private anon # </script>\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := &Lesson{Name: "l", Title: "Of <locks>", Scenarios: []string{"detach-race"}, Own: []*workloads.Scenario{sc}, Links: []Link{{"a&b.html", "<next>"}}}
	var b bytes.Buffer
	if err := Write(&b, l, &Engine{Gzip: []byte("packed"), WasmExec: []byte("const s = '</script>';")}, "vmasim 1"); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, outside := range []string{"src=", "http-equiv", "@import", "url("} {
		if strings.Contains(page+unpackedPart(t, page, "script")+unpackedPart(t, page, "timeline-script"), outside) {
			t.Errorf("the page loads something: %s", outside)
		}
	}
	got := make([]byte, 100)
	n, _, err := ascii85.Decode(got, []byte(strings.ReplaceAll(part(t, page, "engine"), "v", "<")), true)
	if err != nil || string(got[:n]) != "packed" {
		t.Errorf("the engine is %q, %v", got[:n], err)
	}
	if got := unpackedPart(t, page, "worker"); !strings.HasPrefix(got, "const s = '</script>';\n") || !strings.Contains(got, "self.onmessage") {
		t.Errorf("the worker is %q", got)
	}
	if got := unpackedPart(t, page, "script"); !strings.HasSuffix(got, "\nbegin();\n") {
		t.Errorf("the script is %q", got)
	}
	var lesson struct {
		Scenarios []string
		Own       []own
	}
	if err := json.Unmarshal([]byte(part(t, page, "lesson")), &lesson); err != nil {
		t.Fatal(err)
	}
	if len(lesson.Scenarios) != 2 || lesson.Own[0].Title != "A <b>title</b>" || !strings.Contains(lesson.Own[0].Text, "thread a") {
		t.Errorf("%+v", lesson)
	}
	if !strings.Contains(page, "<h1>Of &lt;locks&gt;</h1>") || !strings.Contains(page, `<a href="a&amp;b.html">&lt;next&gt;</a>`) {
		t.Error("the title or a link is not escaped")
	}
}

// TestCourse: its scenarios exist, and the index leads to each page and says what it is.
func TestCourse(t *testing.T) {
	course, err := Course()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteIndex(&b, course); err != nil {
		t.Fatal(err)
	}
	for _, l := range course {
		if !strings.Contains(b.String(), `href="`+l.Name+`.html"`) || !strings.Contains(b.String(), html.EscapeString(l.About)) {
			t.Errorf("the index does not lead to %s", l.Name)
		}
		if (l.Minutes == 0 || l.Questions == 0) != (l.Name == laboratory) {
			t.Errorf("%s takes %d minutes and asks %d questions", l.Name, l.Minutes, l.Questions)
		}
		for _, name := range l.Scenarios {
			if _, err := workloads.LoadBuiltin(name); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
	}
}

// manual is what teachers read.
const manual = "../../docs/teaching.md"

// TestManual: the table of lessons in it is that of the course. -rewrite updates it.
func TestManual(t *testing.T) {
	course, err := Course()
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, l := range course {
		minutes := ""
		if l.Minutes > 0 {
			minutes = fmt.Sprint(l.Minutes)
		}
		fmt.Fprintf(&table, "| %s: `%s.html` | %s | %s |\n", l.Title, l.Name, l.About, minutes)
	}
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- lessons -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end -->")
	if !ok || !closed {
		t.Fatalf("%s has no part for the lessons", manual)
	}
	want := before + "<!-- lessons -->\n" + table.String() + "<!-- end -->" + after
	if want == string(text) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the course says: go test ./classroom/page -rewrite", manual)
	}
	if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEngine: it is compiled in a checkout, kept, and small enough for the page.
func TestEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the engine")
	}
	e, err := FindEngine(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := e.Save(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{gzipFile, wasmExecFile} {
		if i, err := os.Stat(filepath.Join(dir, name)); err != nil || i.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	course, err := Course()
	if err != nil {
		t.Fatal(err)
	}
	for i := range course {
		var b bytes.Buffer
		if err := Write(&b, &course[i], e, "v"); err != nil {
			t.Fatal(err)
		}
		if most := 4_000_000; b.Len() > most {
			t.Errorf("%s has %d bytes, expected at most %d", course[i].Name, b.Len(), most)
		}
		t.Logf("%s has %d bytes", course[i].Name, b.Len())
	}
}

func TestNoCheckout(t *testing.T) {
	if _, err := FindEngine(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "make page") {
		t.Errorf("outside a checkout: %v", err)
	}
}

func TestNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Compile(t.Context(), "../.."); err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("without Go: %v", err)
	}
}
