package report

import (
	"encoding/csv"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"vmasim/workloads/measure"
	"vmasim/workloads/turns"
)

// jsonMeasured is what compare --format json prints: docs/output.md names every key.
type jsonMeasured struct {
	Hosts       []string    `json:"hosts"`
	Rules       []string    `json:"rules"`
	SampleNS    int64       `json:"sample_ns"`
	MinShare    float64     `json:"min_share"`
	Confidence  float64     `json:"confidence"`
	Margin      float64     `json:"margin"`
	Verdicts    int         `json:"verdicts"`
	ElapsedNS   int64       `json:"elapsed_ns"`
	Interrupted bool        `json:"interrupted"`
	OK          bool        `json:"ok"`
	Points      []jsonPoint `json:"points"`
}

type jsonPoint struct {
	Scenario string         `json:"scenario"`
	Threads  map[string]int `json:"threads"`
	Results  []jsonResult   `json:"results"`
}

type jsonResult struct {
	Rules   string                `json:"rules"`
	Tasks   int                   `json:"tasks"`
	Samples int                   `json:"samples"`
	Dropped int                   `json:"dropped"`
	Failed  int                   `json:"failed"`
	Failure string                `json:"failure,omitempty"`
	Figures map[string]jsonFigure `json:"figures"`
}

type jsonFigure struct {
	Median  float64     `json:"median"`
	Low     *float64    `json:"low"` // null: there are too few samples
	High    *float64    `json:"high"`
	Samples []float64   `json:"samples"`
	Change  *jsonChange `json:"change,omitempty"`
}

type jsonChange struct {
	Ratio   *float64 `json:"ratio"` // null: infinite
	Low     *float64 `json:"low"`   // null: infinite, or there are too few rounds
	High    *float64 `json:"high"`
	P       float64  `json:"p"`
	Rounds  int      `json:"rounds"`
	Verdict string   `json:"verdict"`
}

// finite is a number that JSON has, nil for none.
func finite(v float64, known bool) *float64 {
	if !known || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// threadsOf are the numbers of tasks of a point, by thread; "*" are all that are written with "* N".
func threadsOf(p *turns.JudgedPoint) map[string]int {
	all := map[string]int{}
	if p.Threads > 0 {
		all["*"] = p.Threads
	}
	for _, c := range p.Counts {
		all[c.Thread] = c.Tasks
	}
	return all
}

func turnsJSON(j *turns.Judged, _ Look) (string, error) {
	out := jsonMeasured{
		Hosts: j.Hosts, Rules: j.Rules, SampleNS: int64(j.Sample), MinShare: j.MinShare, Confidence: measure.Confidence, Margin: measure.Margin,
		Verdicts: j.Verdicts, ElapsedNS: int64(j.Elapsed), Interrupted: j.Interrupted, OK: j.OK(), Points: []jsonPoint{},
	}
	for i := range j.Points {
		p := &j.Points[i]
		point := jsonPoint{Scenario: p.Scenario, Threads: threadsOf(p), Results: []jsonResult{}}
		for k, c := range p.Candidates {
			r := jsonResult{Rules: j.Rules[k], Tasks: c.Tasks, Samples: c.Samples, Dropped: c.Dropped, Failed: c.Failed, Failure: c.Failure, Figures: map[string]jsonFigure{}}
			for _, row := range p.Rows {
				cell := row.Cells[k]
				f := jsonFigure{Median: cell.Median, Low: finite(cell.Low, cell.Known), High: finite(cell.High, cell.Known), Samples: listed(cell.Samples)}
				if ch := cell.Change; ch != nil {
					f.Change = &jsonChange{
						Ratio: finite(ch.Ratio.Median, true), Low: finite(ch.Ratio.Low, ch.Ratio.Known), High: finite(ch.Ratio.High, ch.Ratio.Known),
						P: ch.P, Rounds: ch.Ratio.N, Verdict: row.Word(ch.Verdict),
					}
				}
				r.Figures[row.Key] = f
			}
			point.Results = append(point.Results, r)
		}
		out.Points = append(out.Points, point)
	}
	var b strings.Builder
	err := encoderTo(&b).Encode(&out)
	return b.String(), err
}

// csvHeading are the columns of compare --format csv.
var csvHeading = [...]string{"scenario", "threads", "rules", "tasks", "samples", "dropped", "failed", "figure", "median", "low", "high",
	"ratio", "ratio_low", "ratio_high", "p", "verdict"}

func turnsCSV(j *turns.Judged, _ Look) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(csvHeading[:]); err != nil {
		return "", err
	}
	number := func(v float64, known bool) string {
		if finite(v, known) == nil {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	for i := range j.Points {
		p := &j.Points[i]
		for _, row := range p.Rows {
			for k, c := range row.Cells {
				of := p.Candidates[k]
				line := []string{p.Scenario, p.Setting(), j.Rules[k], strconv.Itoa(of.Tasks), strconv.Itoa(of.Samples), strconv.Itoa(of.Dropped), strconv.Itoa(of.Failed),
					row.Key, number(c.Median, c.N > 0), number(c.Low, c.Known), number(c.High, c.Known), "", "", "", "", ""}
				if ch := c.Change; ch != nil {
					r := ch.Ratio
					copy(line[len(line)-5:], []string{number(r.Median, true), number(r.Low, r.Known), number(r.High, r.Known), number(ch.P, true), row.Word(ch.Verdict)})
				}
				if err := w.Write(line); err != nil {
					return "", err
				}
			}
		}
	}
	w.Flush()
	return b.String(), w.Error()
}

// turnsBench writes the format of golang.org/design/14313-benchmark-format, a line for each sample. Rules and numbers of tasks are parts of the
// name, by which benchstat makes columns and rows. A shard's samples are told from each other by nothing but their order.
func turnsBench(j *turns.Judged, _ Look) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: vmasim/cmd/vmasim\n", runtime.GOOS, runtime.GOARCH)
	labels := turnsLabels(j)
	for i := range j.Points {
		p := &j.Points[i]
		for k := range j.Rules {
			name := "BenchmarkCompare/scenario=" + p.Scenario + "/rules=" + labels[k]
			for word := range strings.FieldsSeq(p.Setting()) {
				name += "/" + word
			}
			for _, round := range p.Rounds {
				s := round.Runs[k]
				if s == nil || !s.Counts() {
					continue
				}
				var values []string
				for _, row := range p.Rows {
					if v, has := s.Figures[row.Key]; has {
						values = append(values, fmt.Sprintf("%.6g %s", v, benchUnit(row.Figure)))
					}
				}
				fmt.Fprintf(&b, "%s-%d 1 %s\n", strings.Map(unspaced, name), runtime.GOMAXPROCS(0), strings.Join(values, " "))
			}
		}
	}
	return b.String(), nil
}

// benchUnit is a figure as benchstat names it: a unit, of which what ends in /s is better if it is more.
func benchUnit(f *turns.Figure) string {
	name := strings.ReplaceAll(f.Name, " ", "-")
	switch f.Unit {
	case turns.Nanoseconds:
		return name + "-ns"
	case turns.PerSecond:
		return strings.TrimSuffix(name, "/s") + "/s"
	case turns.Part:
		return name + "-part"
	}
	return name
}
