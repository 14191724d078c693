//go:build linux

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"vmasim/judge/lockpath"
)

// FaultsText words how kernel and simulator handled the faults of a scenario.
func FaultsText(w io.Writer, r *lockpath.Result, look Look) error {
	var b strings.Builder
	look.line(&b, named(r.Scenario, r.Title))
	in := ""
	if r.Processes > 1 {
		in = " in " + plural(uint64(r.Processes), "process")
	}
	look.line(&b, fmt.Sprintf("%s%s, beside Linux %s", plural(uint64(r.Threads), "thread"), in, r.Release))
	b.WriteString("\n")
	k, s := &r.Kernel, &r.Simulator
	b.WriteString(table{
		{"", "kernel", "simulator"},
		{"page faults", count(k.Faults), count(s.Faults)},
		{"  under the VMA lock", percent(k.Faults-k.MmapLock, k.Faults), percent(s.Faults-s.MmapLock, s.Faults)},
		{"  under mmap_lock", percent(k.MmapLock, k.Faults), percent(s.MmapLock, s.Faults)},
		{"  that is", count(k.MmapLock), count(s.MmapLock)},
		{"  per second", rate(k.Rate()), rate(s.Rate())},
		{"operations", count(k.Operations), count(s.Operations)},
		{"  per second", rate(k.OperationRate()), rate(s.OperationRate())},
		{"in", duration(k.Elapsed), duration(s.Elapsed)},
	}.text(look))
	for _, side := range []struct {
		name       string
		unexpected []string
	}{{"kernel", k.Unexpected}, {"simulator", s.Unexpected}} {
		for i, u := range side.unexpected {
			if i == 0 {
				b.WriteString("\n")
			}
			look.line(&b, fmt.Sprintf("unexpected, %s: %s", side.name, u))
		}
	}
	switch {
	case r.Interrupted:
		b.WriteString("\ninterrupted")
	case !r.OK():
		b.WriteString("\nFAIL: some results are not as stated")
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n\n")
	return err
}

// FaultsJSON prints the same as one object on a line.
func FaultsJSON(w io.Writer, r *lockpath.Result) error { return json.NewEncoder(w).Encode(r) }
