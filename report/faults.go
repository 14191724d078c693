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
func FaultsText(w io.Writer, r *lockpath.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s, beside Linux %s\n\n", named(r.Scenario, r.Title), plural(uint64(r.Threads), "thread"), r.Release)
	k, s := &r.Kernel, &r.Simulator
	b.WriteString(table{
		{"", "kernel", "simulator"},
		{"page faults", count(k.Faults), count(s.Faults)},
		{"  under the VMA lock", percent(k.Faults-k.MmapLock, k.Faults), percent(s.Faults-s.MmapLock, s.Faults)},
		{"  under mmap_lock", percent(k.MmapLock, k.Faults), percent(s.MmapLock, s.Faults)},
		{"  that is", count(k.MmapLock), count(s.MmapLock)},
		{"per second", rate(k.Rate()), rate(s.Rate())},
		{"in", duration(k.Elapsed), duration(s.Elapsed)},
	}.text(Look{}))
	for _, side := range []struct {
		name       string
		unexpected []string
	}{{"kernel", k.Unexpected}, {"simulator", s.Unexpected}} {
		for _, u := range side.unexpected {
			fmt.Fprintf(&b, "\nunexpected, %s: %s", side.name, u)
		}
	}
	switch {
	case r.Interrupted:
		b.WriteString("\ninterrupted")
	case !r.OK():
		b.WriteString("\n\nFAIL: some results are not as stated")
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n\n")
	return err
}

// FaultsJSON prints the same as one object on a line.
func FaultsJSON(w io.Writer, r *lockpath.Result) error { return json.NewEncoder(w).Encode(r) }
