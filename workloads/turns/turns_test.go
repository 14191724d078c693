package turns

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vmasim/internal/rules"
	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/measure"
)

const storm = `# A storm.

init
    mmap A 64K rw private anon
thread faulter * 2
    for 5ms
        touch random(A) write
        madvise A dontneed
thread churner background
    forever
        mmap B 8K rw private anon
        munmap B
`

func parse(t *testing.T, name, src string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.Parse(name+".vma", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	sc.Name, sc.Source = name, []byte(src)
	return sc
}

func options() *Options {
	return &Options{Rules: []string{"mmap-lock", rules.Default}, Rounds: 3, Options: driver.Options{Duration: 2 * time.Millisecond, Memory: 8 << 20}}
}

func TestPoints(t *testing.T) {
	sc, other := parse(t, "storm", storm), parse(t, "calm", "thread waiter * 2\n    yield\n")
	o := options()
	o.Sweeps = []Sweep{{"faulter", []int{1, 2}}, {"churner", []int{0, 1}}, {"", []int{3}}}
	m, err := New([]*workloads.Scenario{sc, other}, o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range m.Points {
		names = append(names, p.Name())
	}
	if got, want := strings.Join(names, "; "), "storm threads=3 faulter=1 churner=0; storm threads=3 faulter=1 churner=1; storm threads=3 faulter=2 churner=0; "+
		"storm threads=3 faulter=2 churner=1; calm threads=3"; got != want {
		t.Errorf("points %s, want %s", got, want)
	}
	if !slices.Equal(m.Rules, o.Rules) {
		t.Errorf("rules %q", m.Rules)
	}
	o.Sweeps = []Sweep{{"faultr", []int{1, 2}}}
	if _, err := New([]*workloads.Scenario{sc}, o); err == nil || err.Error() != `storm.vma: unknown thread "faultr", did you mean "faulter"?` {
		t.Errorf("an unknown thread, once for all points and rules: %v", err)
	}
}

// TestEachRoundHasAllRules: every rule has a turn in each round of each point, and what comes of them is judged.
func TestEachRoundHasAllRules(t *testing.T) {
	o := options()
	o.Sweeps = []Sweep{{"churner", []int{0, 1}}}
	told := 0
	o.Progress = func(p Progress) {
		if told++; p.All < p.Done || p.Left < 0 || p.Scenario == "" {
			t.Errorf("progress %+v", p)
		}
	}
	m, err := New([]*workloads.Scenario{parse(t, "storm", storm)}, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if told != 2*2*3 || m.Interrupted || m.Elapsed <= 0 {
		t.Errorf("%d samples, %+v", told, m)
	}
	for _, p := range m.Points {
		if p.Good() != 3 || len(p.Rounds) != 3 {
			t.Errorf("%s: %d of %d rounds are good", p.Name(), p.Good(), len(p.Rounds))
		}
	}
	j := m.Judge()
	if !j.OK() {
		t.Errorf("failed: %+v", j.Points[0].Candidates)
	}
	fallen := j.Points[0].Rows[slices.IndexFunc(j.Points[0].Rows, func(r Row) bool { return r.Key == "fallen_back" })]
	if fallen.Cells[0].Median != 1 || fallen.Cells[1].Median != 0 || fallen.Cells[1].Change.Ratio.Median != 0 {
		t.Errorf("without VMA locks every fault is under mmap_lock, with them none: %+v", fallen.Cells)
	}
	if has := func(p int, key string) bool {
		return slices.ContainsFunc(j.Points[p].Rows, func(r Row) bool { return r.Key == key })
	}; has(0, "writes_per_second") || !has(1, "writes_per_second") || !has(1, "write_p50_ns") || !has(0, "faults_per_second") {
		t.Error("writes are measured where there are some, and nowhere else")
	}
}

// TestStarvedSamplesAreDropped: samples without enough of the CPUs do not count, and are taken again a bounded number of times.
func TestStarvedSamplesAreDropped(t *testing.T) {
	o := options()
	o.MinShare = 1.1
	m, err := New([]*workloads.Scenario{parse(t, "storm", storm)}, o)
	if err == nil {
		err = m.Run(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	j := m.Judge()
	if c := j.Points[0].Candidates[1]; c.Dropped != MostRounds*o.Rounds || c.Samples != 0 || j.Points[0].Good() != 0 || j.Verdicts != 0 || len(j.Points[0].Rows) != 0 {
		t.Errorf("%+v, %d verdicts", c, j.Verdicts)
	}
}

func TestFailedSamplesDoNotCount(t *testing.T) {
	o := options()
	m, err := New([]*workloads.Scenario{parse(t, "wrong", "thread a\n    load 4096\n")}, o)
	if err == nil {
		err = m.Run(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	j := m.Judge()
	if c := j.Points[0].Candidates[0]; j.OK() || c.Samples != 0 || c.Failed == 0 || !strings.Contains(c.Failure, "wrong.vma:2:5: load 4K: got SEGV_MAPERR") {
		t.Errorf("%+v", c)
	}
}

func TestTimeAndInterrupts(t *testing.T) {
	o := options()
	o.Rounds, o.Time = 0, 60*time.Millisecond
	m, err := New([]*workloads.Scenario{parse(t, "storm", storm)}, o)
	if err == nil {
		err = m.Run(t.Context(), o)
	}
	if err != nil || len(m.Points[0].Rounds) == 0 || m.Interrupted {
		t.Errorf("%v: %d rounds", err, len(m.Points[0].Rounds))
	}
	ctx, cancel := context.WithCancel(t.Context())
	o.Time = time.Hour
	o.Progress = func(p Progress) {
		if p.Done >= 5 {
			cancel()
		}
	}
	m, err = New([]*workloads.Scenario{parse(t, "storm", storm)}, o)
	if err == nil {
		err = m.Run(ctx, o)
	}
	if err != nil || !m.Interrupted || len(m.Points[0].Rounds) < 2 {
		t.Errorf("%v: interrupted %v, %d rounds", err, m.Interrupted, len(m.Points[0].Rounds))
	}
	m.Judge() // a round that was cut short is no harm
}

// made is a measurement of so many rounds in which the figures of the second rules are so many times those of the first.
func made(rounds int, times float64) *Measurement {
	m := &Measurement{Rules: []string{"a", "b"}, Hosts: []string{"one"}, Points: []*Point{{Scenario: "s", scenario: &workloads.Scenario{Source: []byte("x")}}}}
	for r := range rounds {
		speed := 1000 + 10*float64(r)
		m.Points[0].Rounds = append(m.Points[0].Rounds, Round{Runs: []*Sample{
			{Tasks: 1, Figures: map[string]float64{"faults_per_second": speed, "fault_p50_ns": speed, "vma_bytes": 128}},
			{Tasks: 1, Figures: map[string]float64{"faults_per_second": speed * times, "fault_p50_ns": speed * times, "vma_bytes": 128 * times}},
		}})
	}
	return m
}

func TestWords(t *testing.T) {
	for _, test := range []struct {
		rounds int
		times  float64
		want   string
	}{
		{20, 1.5, "faster slower more"},
		{20, 0.5, "slower faster less"},
		{20, 1, "no difference no difference no difference"},
		{4, 1.5, "too noisy to say too noisy to say more"},
	} {
		j := made(test.rounds, test.times).Judge()
		var words []string
		for _, row := range j.Points[0].Rows {
			if words = append(words, row.Word(row.Cells[1].Change.Verdict)); row.Cells[0].Change != nil {
				t.Error("the first rules are compared with themselves")
			}
		}
		if got := strings.Join(words, " "); got != test.want {
			t.Errorf("%d rounds, %v times: %s, want %s", test.rounds, test.times, got, test.want)
		}
		if n := j.Enough(); j.Verdicts != 2 || measure.LeastP(n) > 0.025 || measure.LeastP(n-1) <= 0.025 {
			t.Errorf("%d rounds are enough for %d verdicts", n, j.Verdicts)
		}
	}
}

func TestMerge(t *testing.T) {
	one, two := made(3, 2), made(4, 2)
	two.Hosts = []string{"two"}
	text, err := json.Marshal(two)
	read := &Measurement{}
	if err == nil {
		err = json.Unmarshal(text, read)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read.Points[0].Rounds, two.Points[0].Rounds) {
		t.Errorf("what is written is not what is read: %s", text)
	}
	all := Merge([]*Measurement{one, read})
	if all.Points[0].Good() != 7 || len(one.Points[0].Rounds) != 3 || !slices.Equal(all.Hosts, []string{"one", "two"}) || len(one.Hosts) != 1 {
		t.Errorf("%+v", all)
	}
	other := made(1, 1)
	other.Points[0].scenario.Source = []byte("y")
	if one.Sum() == other.Sum() || one.Sum() != made(9, 9).Sum() {
		t.Error("the checksum is not that of the scenarios")
	}
}

func TestFiguresAreDeclared(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Figures() {
		if f.Key == "" || f.Name == "" || f.Doc == "" || f.More == "" || f.Less == "" || seen[f.Key] || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Key], seen[f.Name] = true, true
	}
}
