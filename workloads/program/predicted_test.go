package program

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
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
		t.Skip("searches to the end of what is predicted take long")
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

// twoDigits words a number with two digits.
func twoDigits(n float64) string {
	unit := math.Pow(10, math.Max(math.Floor(math.Log10(n))-1, 0))
	return fmt.Sprintf("%.0f", math.Round(n/unit)*unit)
}
