// Package page makes pages of which each is one file that holds a lesson and the engine: opened from a disk, without a server or a
// network, it explores, replays and steps as vmasim does.
package page

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"text/template"

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

// script returns the script of a page: its files, one after the other. The one that begins comes last.
func script() (string, error) {
	names := []string{"engine", "views", "scenario", "search", "run", "ahead", "draw", "quiz", "address", "page"}
	var b strings.Builder
	for _, name := range names {
		text, err := scripts.ReadFile("assets/script/" + name + ".js")
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
	}{l.Name, []string{}, []own{}}
	for _, sc := range l.Own {
		about.Scenarios = append(about.Scenarios, sc.Name)
		about.Own = append(about.Own, own{sc.Name, "own", sc.Title, sc.Doc, sc.String()})
	}
	about.Scenarios = append(about.Scenarios, l.Scenarios...)
	text, err := json.Marshal(about) // which has no "<"
	if err != nil {
		return err
	}
	links := make([]Link, len(l.Links))
	for i, link := range l.Links {
		links[i] = Link{html.EscapeString(link.File), html.EscapeString(link.Title)}
	}
	js, err := script()
	if err != nil {
		return err
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Version": html.EscapeString(version), "Title": html.EscapeString(l.Title), "Links": links, "Style": pageCSS,
		"Lesson": string(text), "Script": inScript(js), "Worker": inScript(workerJS), "WasmExec": inScript(string(e.WasmExec)),
		"Engine": base64.StdEncoding.EncodeToString(e.Gzip),
	})
}

// inScript makes a text one that does not end the script element that it stands in.
func inScript(js string) string { return strings.ReplaceAll(js, "</script", `<\/script`) }

// Course returns the lessons that --all makes, but for their links: one for each of the threads that vmasim began with, and one with everything.
func Course() []Lesson {
	return []Lesson{
		{Name: "detach", Title: "Detaching a VMA, and who frees it", Scenarios: []string{"detach-race", "put-to-zero", "reattach", "last-put", "downgrade-teardown"}},
		{Name: "overlap", Title: "mmap over what is mapped", Scenarios: []string{"overlap-fault", "detached-flag", "attach-order", "b43-map-fixed-fault"}},
		{Name: "reuse", Title: "Memory that is reused at once: SLAB_TYPESAFE_BY_RCU", Scenarios: []string{"reuse-before-lock", "reuse-while-locking", "reuse-then-attach", "foreign-put", "struct-copy"}},
		{Name: "locks", Title: "Who may hold which lock: the locking documentation", Scenarios: []string{"downgrade-ends-locks", "late-lock", "fork-parent", "seq-wrap"}},
		{Name: "all", Title: "The laboratory"},
	}
}

// WriteIndex writes the page that links to lessons.
func WriteIndex(w io.Writer, lessons []Lesson) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>vmasim: page faults and VMA locks</title>\n<style>%s main { display: block; max-width: 45rem; margin: auto; }</style>\n<header><h1>Page faults and VMA locks</h1></header>\n<main>\n<p>Each page holds the protocol code of the Linux kernel's VMA locks as vmasim has it, and explores it in the browser. Nothing is sent anywhere.</p>\n<ol>\n", pageCSS)
	for _, l := range lessons {
		fmt.Fprintf(&b, "<li><a href=\"%s.html\">%s</a>", html.EscapeString(l.Name), html.EscapeString(l.Title))
		for i, name := range l.Scenarios {
			sep := ", "
			if i == 0 {
				sep = ": "
			}
			b.WriteString(sep + html.EscapeString(name))
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ol>\n</main>\n</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
