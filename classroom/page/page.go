// Package page makes pages of which each is one file that holds a lesson and the engine: opened from a disk, without a server or a
// network, it explores, replays and steps as vmasim does.
package page

import (
	"embed"
	"encoding/ascii85"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"text/template"

	"vmasim/classroom/lesson"
	"vmasim/workloads"
)

// The parts of a page.
var (
	//go:embed assets/page.html
	pageHTML string
	//go:embed assets/page.css
	pageCSS string
	//go:embed assets/script/*.js
	scripts embed.FS
	//go:embed assets/worker.js
	workerJS string
)

// bootScript returns what a page runs first: it unpacks the script.
func bootScript() (string, error) { return joined(scripts, "script", "element", "boot") }

// script returns the script of a page: its files, one after the other. The one that begins comes last.
func script() (string, error) {
	names := []string{"engine", "views", "scenario", "search", "run", "branches", "ahead", "bands", "draw", "state", "compare", "runtimeline", "quiz", "explain", "lesson", "levels", "address", "page"}
	return joined(scripts, "script", names...)
}

// joined returns the files of a folder of assets as one.
func joined(files embed.FS, dir string, names ...string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := files.ReadFile("assets/" + dir + "/" + name + ".js")
		if err != nil {
			return "", err
		}
		b.Write(append(text, '\n'))
	}
	return b.String(), nil
}

// Lesson is what a page is about.
type Lesson struct {
	Name      string                // of its file, without .html
	Title     string                // of the page
	Scenarios []string              // the built-in ones that it offers, the first one being shown; none: all
	Own       []*workloads.Scenario // others, which come before them
	Links     []Link                // to other pages
	Lessons   []string              // of package lesson that it tells; "all" stands for all of them
	About     string                // a sentence or two, for the index
	Minutes   int                   // that it takes; 0: as many as one likes
	Questions int                   // that it asks
}

// Link is a link to another page.
type Link struct{ File, Title string }

// own is a scenario of a lesson, with the keys of package play.
type own struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Title string `json:"title"`
	Story string `json:"story"`
	Text  string `json:"text"`
}

// Write writes the page of a lesson.
func Write(w io.Writer, l *Lesson, e *Engine, version string) error {
	about := struct {
		Name      string   `json:"name"`
		Scenarios []string `json:"scenarios"`
		Own       []own    `json:"own"`
		Lessons   []string `json:"lessons"`
	}{l.Name, []string{}, []own{}, append([]string{}, l.Lessons...)}
	for _, sc := range l.Own {
		about.Scenarios = append(about.Scenarios, sc.Name)
		about.Own = append(about.Own, own{sc.Name, "own", sc.Title, sc.Doc, sc.String()})
	}
	about.Scenarios = append(about.Scenarios, l.Scenarios...)
	text, err := json.Marshal(about) // which has no "<"
	if err != nil {
		return err
	}
	var links strings.Builder
	for _, link := range l.Links {
		fmt.Fprintf(&links, "<a href=\"%s\">%s</a> ", html.EscapeString(link.File), html.EscapeString(link.Title))
	}
	js, err := script()
	if err != nil {
		return err
	}
	boot, err := bootScript()
	if err != nil {
		return err
	}
	timeline, err := timelineScript()
	if err != nil {
		return err
	}
	fields := map[string]string{
		"Version": html.EscapeString(version), "Title": html.EscapeString(l.Title), "Links": links.String(), "Style": pageCSS,
		"Lesson": string(text), "Boot": inScript(boot), "Engine": base85(e.Gzip),
	}
	for name, script := range map[string]string{"Script": js, "Timeline": timeline, "Worker": string(e.WasmExec) + "\n" + workerJS} {
		if fields[name], err = packedScript(script); err != nil {
			return err
		}
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, fields)
}

// packedScript words a script as base 64 of a gzip, which the page unpacks.
func packedScript(js string) (string, error) {
	gz, err := packed([]byte(plain(js)))
	return base64.StdEncoding.EncodeToString(gz), err
}

// base85 words bytes for a script element: base 85, which takes a sixteenth less than base 64, with v for the sign that begins tags. The worker
// reads it.
func base85(data []byte) string {
	text := make([]byte, ascii85.MaxEncodedLen(len(data)))
	return strings.ReplaceAll(string(text[:ascii85.Encode(text, data)]), "<", "v")
}

// inScript makes a script one that does not end the element that it stands in.
func inScript(js string) string { return strings.ReplaceAll(plain(js), "</script", `<\/script`) }

// plain leaves out indents and lines that are comments. No text of ours goes over several lines.
func plain(js string) string {
	var b strings.Builder
	for line := range strings.Lines(js) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// laboratory is the page with everything.
const laboratory = "all"

// Course returns the pages that --all makes, but for their links: one for each lesson, and one with everything.
func Course() ([]Lesson, error) {
	all, err := lesson.Lessons()
	if err != nil {
		return nil, err
	}
	var course []Lesson
	for i := range all {
		l := &all[i]
		course = append(course, Lesson{
			Name: l.Name, Title: l.Title, About: l.About, Minutes: l.Minutes, Questions: l.Questions(), Scenarios: l.Scenarios, Lessons: []string{l.Name},
		})
	}
	return append(course, Laboratory()), nil
}

// Laboratory returns the page with all lessons, levels and scenarios.
func Laboratory() Lesson {
	return Lesson{
		Name: laboratory, Title: "The laboratory", Lessons: []string{laboratory},
		About: "Every scenario, every rule, all lessons, the levels and the quiz: for those who want to try something of their own.",
	}
}

// indexHead is the head of the index.
const indexHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>vmasim: page faults and VMA locks</title>
<style>%s main { display: block; max-width: 45rem; margin: auto; } main li { margin: .9rem 0; } main li a { font-weight: 600; color: var(--t0); } main li p { margin: .1rem 0; }</style>
</head><body><header><h1>Page faults and VMA locks</h1></header>
<main>
<p>Each page is a lesson and holds the protocol code of the Linux kernel's VMA locks as vmasim has it, which it runs and explores in the browser: predict, then look.
Nothing is sent anywhere, and each page works when it is saved to a disk.</p>
<ol>
`

// WriteIndex writes the page that links to the others.
func WriteIndex(w io.Writer, course []Lesson) error {
	var b strings.Builder
	fmt.Fprintf(&b, indexHead, pageCSS)
	for _, l := range course {
		fmt.Fprintf(&b, "<li><a href=\"%s.html\">%s</a>", html.EscapeString(l.Name), html.EscapeString(l.Title))
		fmt.Fprintf(&b, "<p>%s</p>", html.EscapeString(l.About))
		if l.Minutes > 0 {
			fmt.Fprintf(&b, "<p class=\"small hint\">%d minutes, %d questions</p>", l.Minutes, l.Questions)
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ol>\n</main>\n<script>if (matchMedia(\"(prefers-color-scheme: dark)\").matches) document.documentElement.classList.add(\"dark\");</script>\n</body></html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
