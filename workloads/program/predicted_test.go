package program

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

const exploreManual = "../../docs/explore.md"

// sized are searches that can be finished; long ones by make long alone.
var sized = []struct {
	name, threads string
	long          bool
}{
	{"two locks, beside mprotect twice", "thread reader * 2\n\tlock A => ok | EAGAIN\nthread writer\n\tmprotect A r\n\tmprotect A rw\n", false},
	{"a lock three times, beside munmap and mmap", "thread reader\n\tlock A => ok | EAGAIN\n\tlock A => ok | EAGAIN\n\tlock A => ok | EAGAIN\nthread writer\n\tmunmap A\n\tmmap 4K rw private anon at A fixed\n", false},
	{"a lock twice and a load, beside munmap", "thread reader\n\tlock A => ok | EAGAIN\n\tlock A => ok | EAGAIN\nthread other\n\tload A => any\nthread writer\n\tmunmap A\n", true},
}

// TestPredictions holds predictions to searches whose size is known, and the table in docs/explore.md to what came of them. -rewrite updates it.
func TestPredictions(t *testing.T) {
	if testing.Short() {
		t.Skip("searches of up to 40,000 executions, to their end: go test without -short, as the README has it, makes them")
	}
	text, err := os.ReadFile(exploreManual)
	if err != nil {
		t.Fatal(err)
	}
	const open, end = "<!-- predictions -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), open)
	table, after, closed := strings.Cut(rest, end)
	held, of := 0, 0
	rows := "| search | executions | predicted from 5 % | predicted from 10 % |\n|---|---:|---:|---:|\n"
	for _, c := range sized {
		if c.long && os.Getenv("VMASIM_LONG") == "" {
			for line := range strings.Lines(table) {
				if strings.HasPrefix(line, "| "+c.name+" |") {
					rows += line // it stays
				}
			}
			continue
		}
		sc := parse(t, "init\n\tmmap A 4K rw private anon\n"+c.threads)
		whole := limits{}.search(t, sc, rules.Default, explore.Options{})
		if !whole.Complete {
			t.Fatalf("%s: %v", c.name, whole.Violations)
		}
		t.Logf("%s: %d executions, %v", c.name, whole.Executions, whole.Elapsed)
		truth := float64(whole.Executions - whole.Redundant)
		row := fmt.Sprintf("| %s | %.0f ", c.name, truth)
		for _, share := range []float64{0.05, 0.1} {
			p, err := New(sc, Setting{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := explore.Predict(t.Context(), p, explore.Options{Executions: int(share * truth), Choices: p.choices(), Pass: func(string) bool { return true }})
			if err != nil || got == nil {
				t.Fatal(c.name, got, err)
			}
			p.Close()
			if got.High == 0 {
				row += fmt.Sprintf("| more than %.0f ", got.Executions)
				continue
			}
			row += fmt.Sprintf("| %s (%s to %s) ", twoDigits(got.Executions), twoDigits(got.Low), twoDigits(got.High))
			if of++; got.Low <= truth && truth <= got.High {
				held++
			}
		}
		rows += row + "|\n"
	}
	if held*10 < of*8 || of == 0 {
		t.Errorf("%d of %d intervals hold the truth:\n%s", held, of, rows)
	}
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no part predictions", exploreManual)
	case *rewrite:
		if err := os.WriteFile(exploreManual, []byte(before+open+rows+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case table != rows:
		t.Errorf("%s says\n%sexpected, by go test ./workloads/program -run TestPredictions -rewrite,\n%s", exploreManual, table, rows)
	}
}

// TestPredictionsOfLitmusTests holds predictions to searches that were not looked at when the intervals were made: each litmus test with one of
// its threads twice, as far as that can be searched to its end. docs/explore.md says what came of them.
func TestPredictionsOfLitmusTests(t *testing.T) {
	if os.Getenv("VMASIM_LONG") == "" {
		t.Skip("some hundred searches of up to 300,000 executions, ten minutes: make long makes them")
	}
	var litmus []string
	for _, info := range workloads.Litmus() {
		litmus = append(litmus, info.Name)
	}
	all := predictDoubled(t, litmus, 20_000, 300_000)
	held, within := 0, 0
	for _, p := range all {
		if p.got.Low <= p.truth && p.truth <= p.got.High {
			held++
		}
		if p.got.Executions <= 3*p.truth && p.truth <= 3*p.got.Executions {
			within++
		}
	}
	if 3*held < 2*len(all) || len(all) == 0 {
		t.Error("less than two thirds of the predictions hold")
	}
	t.Logf("of %d predictions %d hold, and %d are within a factor of three", len(all), held, within)
}

// TestCalibration prints by what the upper end of an interval has to be raised so that nine of ten hold, from other searches than those that
// test it: random programs. The factor is conformal: of n by which an end has to be raised to hold, the one that ceil(0.9 (n+1)) of them do
// not exceed.
func TestCalibration(t *testing.T) {
	if !*tableFlag {
		t.Skip("searches of 800 random programs: -table makes them; explore/predict.go has what came of it")
	}
	factors, seen := []float64{}, map[predicted]bool{}
	for seed := range uint64(800) {
		p, err := New(parse(t, randomProgram(rand.New(rand.NewPCG(seed, 78)).Uint64())), Setting{Rules: rules.Default})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range predict(t, p, fmt.Sprint("seed ", seed), 2_000, 30_000, 0.2, 0.4) {
			if !seen[one] { // one program may come twice
				seen[one] = true
				factors = append(factors, one.truth/one.got.High)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(factors)
	k := int(math.Ceil(0.9 * float64(len(factors)+1)))
	if k > len(factors) {
		t.Fatalf("%d predictions are too few", len(factors))
	}
	t.Logf("of %d: %.1f, of %.2f", len(factors), factors[k-1], factors)
}

// predicted is a prediction of a search whose size is known.
type predicted struct {
	got   explore.Prediction
	truth float64
}

// predictDoubled predicts the searches of scenarios with one of their threads twice, from a twentieth and from a tenth, as far as they have
// so many executions.
func predictDoubled(t *testing.T, names []string, least, most int) (all []predicted) {
	for _, name := range names {
		for i := 0; ; i++ {
			sc, err := workloads.LoadBuiltin(name)
			if err != nil {
				t.Fatal(err)
			}
			if i >= len(sc.Threads) {
				break
			}
			sc.Threads[i].Count, sc.Threads[i].Multiplied = 2*sc.Threads[i].Count, true
			p, err := New(sc, Setting{Rules: rules.Default})
			if err != nil {
				continue // the thread cannot be there twice
			}
			all = append(all, predict(t, p, name+", thread "+sc.Threads[i].Name+" twice", least, most, 0.05, 0.1)...)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	return all
}

func predict(t *testing.T, p *Program, name string, least, most int, shares ...float64) (all []predicted) {
	o := explore.Options{Executions: most, Choices: p.choices(), Pass: func(string) bool { return true }}
	whole, err := explore.Search(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	truth := float64(whole.Executions - whole.Redundant)
	if !whole.Complete || truth < float64(least) {
		return nil
	}
	for _, share := range shares {
		o.Executions = int(share * truth)
		got, err := explore.Predict(t.Context(), p, o)
		if err != nil {
			t.Fatal(name, err)
		}
		if got == nil || got.High == 0 {
			continue
		}
		t.Logf("%s, from %.0f %%: %.0f (%.0f to %.0f), in truth %.0f", name, 100*share, got.Executions, got.Low, got.High, truth)
		all = append(all, predicted{*got, truth})
	}
	return all
}

// twoDigits words a number with two digits.
func twoDigits(n float64) string {
	unit := math.Pow(10, math.Max(math.Floor(math.Log10(n))-1, 0))
	return fmt.Sprintf("%.0f", math.Round(n/unit)*unit)
}
