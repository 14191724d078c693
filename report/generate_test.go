package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vmasim/explore"
	"vmasim/internal/task"
	"vmasim/workloads/program"
)

// generated is what came of drawing programs, with nothing found yet.
func generated() *program.Generated {
	reached := map[string]int{}
	for _, name := range task.AllPoints().Names()[2:] {
		reached[name] = 7
	}
	return &program.Generated{
		Rules: "linux-6.18,-detach-waits", Against: "linux-6.18", Calls: []string{"lock", "munmap"}, May: []string{"alloc-fails"}, Seed: 5,
		Strategies: []explore.Strategy{explore.DPOR, explore.POS, explore.PCT}, Bound: 200, Programs: 1000, Done: 100, Executions: 40000,
		Counts: map[program.Change]int{program.ChangeNone: 98, program.ChangeOpen: 2}, Both: 1, Differing: 7, Reached: reached, Elapsed: 6 * time.Second,
	}
}

const generatedHead = `rules    linux-6.18,-detach-waits
against  linux-6.18
drawn    programs of lock, munmap, may alloc-fails; seed 5
each     at most 200 executions under each, by each of dpor, pos and pct

`

func TestGeneratedText(t *testing.T) {
	difference := func(change program.Change) *program.Difference {
		d := &program.Difference{Program: 99, Message: "it broke", Under: "linux-6.18,-detach-waits", Text: "init\n\nend\n", File: "d.vma",
			Pair: &program.Pair{Change: change, With: searched("d", true, "leak"), Against: searched("d", true, "stuck")}}
		return d
	}
	const sum = " in 6s, 1000 a minute: 0 NEW, 0 GONE, 0 other, 2 open, 98 the same, of which 1 violated under both; the rules made a difference in 7; 40,000 executions\n"
	for want, change := range map[string]func(g *program.Generated){
		"no program differs\n\n100 programs" + sum:                            func(*program.Generated) {},
		"no program differs\n\ninterrupted: 100 of 1,000 programs" + sum:      func(g *program.Generated) { g.Interrupted = true },
		"no program differs\n\nthe time is over: 100 of 1,000 programs" + sum: func(g *program.Generated) { g.TimedOut = true },
		"NEW leak in program 99 of 1000: it broke\nmade smaller, it is d.vma:\n\n    init\n\n    end\n\n" +
			"to see it: vmasim explore --rules linux-6.18,-detach-waits d.vma\n\n100 programs" + sum: func(g *program.Generated) { g.Difference = difference(program.ChangeNew) },
		"GONE stuck in program 99 of 1000: it broke\nmade smaller, it is d.vma:\n\n    init\n\n    end\n\n" +
			"to see it: vmasim explore --rules linux-6.18,-detach-waits d.vma\n\n100 programs" + sum: func(g *program.Generated) { g.Difference = difference(program.ChangeGone) },
		"other outcomes under linux-6.18,-detach-waits in program 99 of 1000: it broke\nwith the results stated that come under the others, it is d.vma:\n\n    init\n\n    end\n\n" +
			"to see it: vmasim explore --rules linux-6.18,-detach-waits --against linux-6.18 d.vma\n\n100 programs" + sum: func(g *program.Generated) { g.Difference = difference(program.ChangeOther) },
	} {
		g := generated()
		change(g)
		got := generatedText(g, Look{Width: MaxWidth})
		if !strings.HasPrefix(got, generatedHead+want) {
			t.Errorf("%s\nexpected\n%s", got, generatedHead+want)
		}
		names := task.AllPoints().Names()
		if !strings.Contains(got, "\nreached        "+names[2]+" 7, ") || !strings.HasSuffix(got, "\nnever reached  "+names[0]+", "+names[1]+"\n") {
			t.Errorf("what was reached and what was not is not told:\n%s", got)
		}
	}
}

func TestGeneratedJSON(t *testing.T) {
	g := generated()
	g.Difference = &program.Difference{Program: 99, File: "d.vma", Pair: &program.Pair{Change: program.ChangeNew, With: searched("d", true, "leak"), Against: searched("d", true)}}
	var b bytes.Buffer
	if err := GeneratedFormats()[1].New(&b, Look{})(g); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Counts     map[string]int
		Both       int `json:"violated_under_both"`
		Difference struct {
			Program int
			File    string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Counts["same"] != 98 || got.Both != 1 || got.Difference.Program != 99 || got.Difference.File != "d.vma" {
		t.Errorf("%+v, %v: %s", got, err, &b)
	}
}

func TestGenerateProgress(t *testing.T) {
	if got, want := GenerateProgress(generated()), "100 of 1,000 programs, 6.0s, 40,000 executions, 0 other, 2 open"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}
