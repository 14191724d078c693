//go:build linux

package report

import (
	"encoding/json"
	"fmt"
	"io"
	mapslib "maps"
	"slices"
	"strings"

	"vmasim/internal/wrap"
	"vmasim/judge"
	"vmasim/workloads/program"
)

// DiffText words a comparison with the real kernel. A scenario is as it is written.
func DiffText(w io.Writer, r *judge.Result, look Look) error {
	var b strings.Builder
	look.line(&b, r.Name)
	b.WriteString(strings.Repeat("=", min(len(r.Name), look.width())) + "\n")
	if d := r.FirstDrift; d != nil {
		word := "DRIFT "
		if r.Kernel.Judges() != nil {
			word = "another kernel:"
		}
		look.line(&b, fmt.Sprintf("%s %v", word, d))
		b.WriteString("\n" + wrap.Text(indented(d.Picture)+"\n", look.width(), "  "))
		if d.Scenario != "" {
			fmt.Fprintf(&b, "\nthe scenario that shows it:\n\n%s\n", indented(strings.TrimRight(d.Scenario, "\n")))
		}
		b.WriteByte('\n')
	}
	if d := r.Unexpected; d != nil {
		look.line(&b, fmt.Sprintf("UNEXPECTED  %v", d))
		b.WriteString("\n")
	}
	line := func(key, text string) {
		b.WriteString(wrap.Text(fmt.Sprintf("%-13s %s\n", key, text), look.width(), strings.Repeat(" ", 14)))
	}
	line("verdict", diffVerdict(r))
	line("compared", diffCompared(r))
	if r.Sequences > 0 {
		line("seed", fmt.Sprint(r.Seed))
	}
	for _, kind := range slices.Sorted(mapslib.Keys(r.Coverage)) {
		line(kind, outcomes(r.Coverage[kind]))
	}
	for i := range r.Unstable {
		line("once only", r.Unstable[i].String())
	}
	if len(r.Skipped) > 0 {
		line("not compared", outcomes(r.Skipped))
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func diffVerdict(r *judge.Result) string {
	if err := r.Kernel.Judges(); err != nil {
		found := "no difference"
		if r.Drifts > 0 {
			found = plural(uint64(r.Drifts), "difference")
		}
		return fmt.Sprintf("none, another kernel: %s; %v", found, err)
	}
	switch {
	case r.Drifts == 1:
		return "a drift"
	case r.Drifts > 1:
		return fmt.Sprintf("%d drifts", r.Drifts)
	case r.Unexpected != nil:
		return "no drift, but the scenario states what neither side gives"
	case r.Interrupted:
		return "no drift until it was interrupted"
	}
	return "no drift"
}

func diffCompared(r *judge.Result) string {
	text := plural(uint64(r.Operations), "operation")
	if r.Sequences > 0 {
		text += " in " + plural(uint64(r.Sequences), "sequence")
	}
	if r.Elapsed > 0 {
		text += fmt.Sprintf(", %s, %s", duration(r.Elapsed), rate(float64(r.Operations)/r.Elapsed.Seconds()))
	}
	return text
}

// outcomes lists counts, the most frequent first.
func outcomes(counts map[string]int) string {
	names := slices.SortedFunc(mapslib.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %s", count(uint64(counts[n])), n)
	}
	return strings.Join(names, ", ")
}

func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

// DiffJSON prints a comparison as one object on a line.
func DiffJSON(w io.Writer, r *judge.Result) error { return json.NewEncoder(w).Encode(r) }

// DiffPartsJSON prints what shards came to as one object on a line, the keys of a comparison and which shards there are.
func DiffPartsJSON(w io.Writer, r *judge.Result, p *program.Parts) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	parts, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s,\"parts\":%s}\n", strings.TrimSuffix(string(text), "}"), parts)
	return err
}

// DiffProgress is the line that tells how far a comparison is.
func DiffProgress(p judge.Progress) string {
	text := fmt.Sprintf("%s of %s operations", count(uint64(p.Operations)), count(uint64(p.Wanted)))
	if s := p.Elapsed.Seconds(); s > 0 {
		text += ", " + rate(float64(p.Operations)/s)
	}
	if p.Shrinking {
		text += ", a difference is made short"
	}
	return text
}
