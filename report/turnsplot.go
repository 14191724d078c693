package report

import (
	"fmt"
	"html"
	"math"
	"strings"

	"vmasim/workloads/turns"
)

// The sizes of a plot, in pixels.
const (
	plotHeight = 220
	plotLeft   = 62
	plotRight  = 12
	plotTop    = 22
	plotBottom = 36
	plotColumn = 34 // of a point, and as much again for each two rules
	logarithm  = 20 // from this ratio of largest and smallest on the scale is logarithmic
)

// axis turns a figure into a height.
type axis struct {
	low, high float64
	log       bool
}

// newAxis fits all that is drawn of a figure. It begins at 0, unless it is logarithmic.
func newAxis(f figureRow) axis {
	least, most := math.Inf(1), 0.0
	for _, row := range f.rows {
		for _, c := range row.Cells {
			for _, v := range append([]float64{c.High}, c.Samples...) {
				most = max(most, v)
				if v > 0 {
					least = min(least, v)
				}
			}
		}
	}
	if most > logarithm*least {
		return axis{math.Pow(10, math.Floor(math.Log10(least))), most * 1.2, true}
	}
	return axis{0, max(most*1.05, 1e-9), false}
}

// y is the height of a value: 0 has none on a logarithmic scale, and lies at its end.
func (a axis) y(v float64) float64 {
	at := (v - a.low) / (a.high - a.low)
	if a.log {
		at = 0
		if v > a.low {
			at = math.Log(v/a.low) / math.Log(a.high/a.low)
		}
	}
	return plotTop + (1-min(max(at, 0), 1))*(plotHeight-plotTop-plotBottom)
}

// ticks are values to be written beside the axis.
func (a axis) ticks() (all []float64) {
	if a.log {
		for v := a.low; v <= a.high; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high/4)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if a.high/(step*factor) <= 5 {
			step *= factor
			break
		}
	}
	for v := 0.0; v <= a.high; v += step {
		all = append(all, v)
	}
	return all
}

// plotFigure draws a figure: at each point a mark for each rules, with its interval and its samples; lines where the number of tasks grows.
func plotFigure(b *strings.Builder, j *turns.Judged, f figureRow) {
	a := newAxis(f)
	for _, p := range panelsOf(f) {
		column := plotColumn + plotColumn*len(j.Rules)/2
		width := plotLeft + plotRight + column*len(p.at)
		name := f.figure.Name
		if p.name != "" {
			name += ", " + p.name
		}
		fmt.Fprintf(b, "<figure><figcaption>%s</figcaption><svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
			html.EscapeString(name), width, plotHeight, width, plotHeight, html.EscapeString(name))
		for _, v := range a.ticks() {
			fmt.Fprintf(b, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"faint\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n",
				plotLeft, width-plotRight, a.y(v), a.y(v), plotLeft-5, a.y(v)+4, html.EscapeString(valueText(f.figure.Unit, v)))
		}
		for n, i := range p.at {
			if numbers := f.at[i].Numbers(); len(numbers) > 0 {
				fmt.Fprintf(b, "<text text-anchor=\"middle\" x=\"%d\" y=\"%d\">%d</text>\n", plotLeft+column*n+column/2, plotHeight-plotBottom+15, tasksOf(f.at[i], p.axis))
			}
		}
		fmt.Fprintf(b, "<text class=\"faint\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">%s</text>\n", plotLeft+column*len(p.at)/2, plotHeight-6, html.EscapeString(p.axis))
		for k := range j.Rules {
			plotRules(b, f, p, a, column, k, len(j.Rules), turnsLabels(j)[k])
		}
		b.WriteString("</svg></figure>\n")
	}
}

// tasksOf is how many tasks a swept thread has at a point.
func tasksOf(p *turns.JudgedPoint, thread string) int {
	for i, name := range p.Swept() {
		if name == thread {
			return p.Numbers()[i]
		}
	}
	return 0
}

// plotRules draws a figure under the k-th rules of so many.
func plotRules(b *strings.Builder, f figureRow, p panel, a axis, column, k, of int, label string) {
	var line, dots strings.Builder
	var marks strings.Builder
	for n, i := range p.at {
		c := &f.rows[i].Cells[k]
		if c.N == 0 {
			continue
		}
		x := plotLeft + float64(column)*(float64(n)+(float64(k)+1)/(float64(of)+1))
		for s, v := range c.Samples { // beside each other, in the order in which they were taken
			fmt.Fprintf(&dots, "M%.1f %.1fh0", x-5+10*float64(s)/float64(max(len(c.Samples)-1, 1)), a.y(v))
		}
		if line.Len() == 0 {
			fmt.Fprintf(&line, "M%.1f %.1f", x, a.y(c.Median))
		} else {
			fmt.Fprintf(&line, "L%.1f %.1f", x, a.y(c.Median))
		}
		fmt.Fprintf(&marks, "<g><title>%s %s: %s</title><line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke-width=\"2\"/><circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/></g>\n",
			html.EscapeString(label), html.EscapeString(f.at[i].Setting()), html.EscapeString(medianText(f.figure, c)), x, x, a.y(c.Low), a.y(c.High), x, a.y(c.Median), colorOf(k))
	}
	fmt.Fprintf(b, "<g stroke=\"%s\" fill=\"none\"><path d=\"%s\" stroke-width=\"2.5\" stroke-linecap=\"round\" opacity=\".35\"/><path d=\"%s\" opacity=\".7\"/>\n%s</g>\n",
		colorOf(k), dots.String(), line.String(), marks.String())
}
