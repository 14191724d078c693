package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"vmasim/workloads/driver"
	"vmasim/workloads/turns"
)

// judgedTurns are made up, so that no figure differs from run to run.
func judgedTurns(rules, rounds int, swept bool) *turns.Judged {
	m := &turns.Measurement{Rules: []string{"mmap-lock", "linux-6.18", "linux-6.18"}[:rules], Hosts: []string{"plan9/mips, 3 CPUs"}, Sample: 250 * time.Millisecond, MinShare: 0.9}
	points := []*turns.Point{{Scenario: "storm", Title: "Faults & <writers>."}}
	if swept {
		points = nil
		for _, n := range []int{1, 8} {
			for _, w := range []int{0, 1} {
				points = append(points, &turns.Point{Scenario: "storm", Title: "Faults & <writers>.",
					Counts: driver.Counts{{Thread: "faulter", Tasks: n}, {Thread: "churner", Tasks: w}}})
			}
		}
		points = append(points, &turns.Point{Scenario: "calm", Threads: 4})
	}
	for at, p := range points {
		m.Points = append(m.Points, p)
		for r := range rounds {
			round := turns.Round{}
			for k := range m.Rules {
				wobble := 1 + 0.01*math.Sin(float64(7*r+3*k+at))
				rate := 1e6 * wobble * float64(1+at)
				fallen := 1.0
				if k > 0 {
					rate *= 1.2
					fallen = 0.001 * float64(at) * wobble
				}
				s := &turns.Sample{Tasks: 2, CPUs: 2, Share: 0.99, Figures: map[string]float64{
					"faults_per_second": rate, "fault_p50_ns": 2e8 / rate, "fallen_back": fallen, "vma_bytes": 128, "vma_reused": 0.5,
				}}
				switch {
				case r == 1 && k == 0:
					s.Dropped = true
				case r == 2 && k == 1 && at == 1:
					s.Failed = "storm.vma:1:2: touch A: got SEGV_MAPERR, expected ok (faulter/1)"
				}
				round.Runs = append(round.Runs, s)
			}
			p.Rounds = append(p.Rounds, round)
		}
	}
	m.Interrupted = rounds == 4
	return m.Judge()
}

// TestTurnsGolden prints measurements, each of so many rules and rounds.
func TestTurnsGolden(t *testing.T) {
	datadriven.RunTest(t, "testdata/turns", func(t *testing.T, d *datadriven.TestData) string {
		format, err := FormatByName(TurnsFormats(), d.Cmd)
		if err != nil {
			return err.Error()
		}
		var rules, rounds, width int
		d.ScanArgs(t, "rules", &rules)
		d.ScanArgs(t, "rounds", &rounds)
		d.MaybeScanArgs(t, "width", &width)
		var out bytes.Buffer
		if err := format.New(&out, Look{Width: width})(judgedTurns(rules, rounds, d.HasArg("swept"))); err != nil {
			return err.Error()
		}
		return machineless(out.String())
	})
}

func TestTurnsJSONIsComplete(t *testing.T) {
	text, err := turnsJSON(judgedTurns(2, 20, true), Look{})
	if err != nil {
		t.Fatal(err)
	}
	var got jsonMeasured
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Points) != 5 || got.OK || got.Verdicts == 0 {
		t.Fatalf("%d points, ok %v, %d verdicts", len(got.Points), got.OK, got.Verdicts)
	}
	p := got.Points[1]
	r := p.Results[1]
	f := r.Figures["faults_per_second"]
	if p.Threads["faulter"] != 1 || p.Threads["churner"] != 1 || r.Failed != 1 || r.Failure == "" || r.Samples != 19 || len(f.Samples) != 19 || p.Results[0].Dropped != 1 {
		t.Errorf("%+v", p)
	}
	if f.Change == nil || f.Change.Verdict != "faster" || f.Change.Rounds != 18 || *f.Change.Low > *f.Change.Ratio || *f.Change.Ratio > *f.Change.High || *f.Low > f.Median {
		t.Errorf("%+v", f)
	}
	if got.Points[4].Threads["*"] != 4 {
		t.Errorf("%+v", got.Points[4].Threads)
	}
}

func TestTurnsCSVIsSquare(t *testing.T) {
	text, err := turnsCSV(judgedTurns(3, 8, true), Look{})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) < 5*3*4 {
		t.Errorf("%v: %d lines", err, len(lines))
	}
}

// TestTurnsPageStandsAlone: the page is well-formed, its plots are there, and it asks for nothing from elsewhere.
func TestTurnsPageStandsAlone(t *testing.T) {
	for _, swept := range []bool{false, true} {
		page, err := turnsHTML(judgedTurns(3, 8, swept), Look{})
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?i)https?:|<script|<link|<img|@import|url\(|NaN|Inf`).MatchString(page) {
			t.Error("the page asks for something, or draws something that is no number")
		}
		if plots := strings.Count(page, "<svg"); plots < 4 || plots != strings.Count(page, "</svg>") {
			t.Errorf("%d plots", plots)
		}
		for i, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
			if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
				t.Errorf("plot %d: %v", i, err)
			}
		}
		if strings.Contains(page, "<writers>") {
			t.Error("a title is not escaped")
		}
	}
}

func TestAxes(t *testing.T) {
	linear, log := axis{0, 100, false}, axis{1, 1000, true}
	bottom, top := float64(plotHeight-plotBottom), float64(plotTop)
	for _, test := range []struct {
		a    axis
		v, y float64
	}{
		{linear, 0, bottom}, {linear, 100, top}, {linear, 1000, top}, {linear, 50, (top + bottom) / 2}, {log, 0, bottom}, {log, 1, bottom}, {log, 1000, top},
	} {
		if got := test.a.y(test.v); math.Abs(got-test.y) > 1e-6 {
			t.Errorf("%+v: %v is drawn at %v, want %v", test.a, test.v, got, test.y)
		}
	}
	if got := fmt.Sprint(linear.ticks(), log.ticks()); got != "[0 20 40 60 80 100] [1 10 100 1000]" {
		t.Errorf("ticks %s", got)
	}
}

func TestChangeWords(t *testing.T) {
	some := []float64{1, 2, 3, 4, 5, 6, 7}
	zero := make([]float64, len(some))
	j := func(one, two []float64) string {
		m := &turns.Measurement{Rules: []string{"a", "b"}, Points: []*turns.Point{{Scenario: "s"}}}
		for i := range one {
			m.Points[0].Rounds = append(m.Points[0].Rounds, turns.Round{Runs: []*turns.Sample{
				{Figures: map[string]float64{"fallen_back": one[i]}}, {Figures: map[string]float64{"fallen_back": two[i]}}}})
		}
		row := m.Judge().Points[0].Rows[0]
		return strings.Join(changeOf(&row, &row.Cells[1]), " ")
	}
	for _, test := range []struct {
		one, two []float64
		want     string
	}{
		{zero, some, "from 0 more"},
		{some, zero, "-100.0 % (-100.0 to -100.0) less"},
		{some, some, "0 % no difference"},
		{some[:3], some[1:4], "+50.0 % too noisy to say"},
	} {
		if got := j(test.one, test.two); got != test.want {
			t.Errorf("%v and %v: %s, want %s", test.one, test.two, got, test.want)
		}
	}
}

func TestTurnsProgress(t *testing.T) {
	if got, want := TurnsProgress(turns.Progress{Scenario: "storm faulter=1", Done: 3, All: 70, Dropped: 1, Left: 18200 * time.Millisecond}),
		"storm faulter=1: sample 4 of about 70, 18s left, 1 dropped"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
