package report

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"vmasim/workloads/turns"
)

// turnsStyle is that of the page, in the colours of the reader's system.
const turnsStyle = `
:root { color-scheme: light dark; --ink: #1b1b1f; --back: #fff; --line: #c8c8d0; --faint: #6a6a75; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6ea; --back: #17171a; --line: #45454f; --faint: #9a9aa6; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p.small { color: var(--faint); font-size: .88rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td:last-child { text-align: left; }
div.wide { overflow-x: auto; }
div.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; font-size: .92rem; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; } svg .axis { stroke: var(--line); } svg .faint { fill: var(--faint); }
.failed { color: #d03030; font-weight: 600; }
`

// palette are colours that can be told apart (Okabe and Ito), then others.
var palette = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b", "#7f5fc0", "#7a8b00", "#777777"}

func colorOf(rules int) string { return palette[rules%len(palette)] }

// turnsHTML is a page with nothing in it that is elsewhere: plots as SVG, tables, no script.
func turnsHTML(j *turns.Judged, _ Look) (string, error) {
	var b strings.Builder
	esc := html.EscapeString
	var names []string
	for _, points := range byScenario(j) {
		names = append(names, points[0].Scenario)
	}
	title := strings.Join(names, ", ") + ": " + strings.Join(turnsLabels(j), " beside ")
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<h1>%s</h1>\n", esc(title), turnsStyle, esc(title))
	b.WriteString("<p>")
	for k, l := range turnsLabels(j) {
		fmt.Fprintf(&b, "<span style=\"color:%s\">●</span> %s &nbsp; ", colorOf(k), esc(l))
	}
	b.WriteString("</p>\n")
	for _, points := range byScenario(j) {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<p class=\"small\">%s</p>\n", esc(turnsTitle(points)), esc(takenLine(j, points)))
		for _, line := range failedLines(j, points) {
			fmt.Fprintf(&b, "<p class=\"failed\">%s</p>\n", esc(line))
		}
		b.WriteString("<div class=\"plots\">\n")
		for _, f := range figureRows(points) {
			if !f.figure.Exact {
				plotFigure(&b, j, f)
			}
		}
		b.WriteString("</div>\n")
		htmlTable(&b, j, points)
	}
	for _, line := range footnotes(j) {
		fmt.Fprintf(&b, "<p class=\"small\">%s</p>\n", esc(line))
	}
	b.WriteString("<p class=\"small\">In the plots a mark is a median, the bar through it the interval, a dot a sample.</p>\n</body>\n</html>\n")
	return b.String(), nil
}

func htmlTable(b *strings.Builder, j *turns.Judged, points []turns.JudgedPoint) {
	esc := html.EscapeString
	b.WriteString("<div class=\"wide\"><table>\n<tr><th>figure</th><th>" + esc(strings.Join(points[0].Swept(), ", ")) + "</th>")
	for k, l := range turnsLabels(j) {
		b.WriteString("<th>" + esc(l) + "</th>")
		if k > 0 {
			b.WriteString("<th>change</th><th>verdict</th>")
		}
	}
	b.WriteString("</tr>\n")
	for _, f := range figureRows(points) {
		for i, row := range f.rows {
			numbers := numbersText(f.at[i])
			if f.figure.Exact {
				numbers = ""
			}
			fmt.Fprintf(b, "<tr title=\"%s\"><td>%s</td><td>%s</td>", esc(f.figure.Doc), esc(f.figure.Name), numbers)
			for k, c := range row.Cells {
				b.WriteString("<td>" + esc(medianText(f.figure, &c)) + "</td>")
				if k > 0 {
					change := []string{"", ""}
					if c.Change != nil {
						change = changeOf(row, &c)
					}
					b.WriteString("<td>" + esc(change[0]) + "</td><td>" + esc(change[1]) + "</td>")
				}
			}
			b.WriteString("</tr>\n")
		}
	}
	b.WriteString("</table></div>\n")
}

// panel is the points of a figure that differ in one number of tasks only, so that a line through them means something.
type panel struct {
	name string // the other numbers
	axis string // the thread whose tasks grow
	at   []int  // indices of points
}

// panelsOf divides the points of a figure by all numbers but the one of the thread that has the most.
func panelsOf(f figureRow) (panels []panel) {
	names := f.at[0].Swept()
	main, most := -1, 0
	for n := range names {
		var values []int
		for _, p := range f.at {
			if v := p.Numbers()[n]; !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > most {
			main, most = n, len(values)
		}
	}
	for i, p := range f.at {
		var others []string
		for n, name := range names {
			if n != main {
				others = append(others, fmt.Sprintf("%s=%d", name, p.Numbers()[n]))
			}
		}
		one := panel{name: strings.Join(others, " ")}
		if main >= 0 {
			one.axis = names[main]
		}
		at := slices.IndexFunc(panels, func(other panel) bool { return other.name == one.name })
		if at < 0 {
			panels, at = append(panels, one), len(panels)
		}
		panels[at].at = append(panels[at].at, i)
	}
	return panels
}
