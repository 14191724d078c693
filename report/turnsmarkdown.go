package report

import (
	"fmt"
	"strings"

	"vmasim/workloads/turns"
)

// turnsMarkdown has a table for each figure: a row for each rules, a column for each point of each scenario that has it.
func turnsMarkdown(j *turns.Judged, _ Look) (string, error) {
	var b strings.Builder
	for _, points := range byScenario(j) {
		fmt.Fprintf(&b, "%s: %s\n", points[0].Scenario, takenLine(j, points))
		for _, line := range failedLines(j, points) {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	for _, f := range figureRows(j.Points) {
		cells := []string{f.figure.Name}
		for i := range f.rows {
			cells = append(cells, f.at[i].Name())
		}
		markdownRow(&b, cells)
		b.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
		for k, label := range turnsLabels(j) {
			cells := []string{"`" + label + "`"}
			for _, row := range f.rows {
				text := medianText(f.figure, &row.Cells[k])
				if change := changeOf(row, &row.Cells[k]); change[0] != "" {
					text += ", " + change[0] + ": " + change[1]
				}
				cells = append(cells, text)
			}
			markdownRow(&b, cells)
		}
		b.WriteString("\n")
	}
	for _, line := range footnotes(j) {
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

func markdownRow(b *strings.Builder, cells []string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
