//go:build linux

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	lockpath "vmasim/judge/lockpath"
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
	}.String())
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

func named(scenario, title string) string {
	if title == "" {
		return scenario
	}
	return scenario + ": " + title
}

// faulted is a measurement as --format json prints it.
type faulted struct {
	Scenario    string      `json:"scenario"`
	Threads     int         `json:"threads"`
	Release     string      `json:"kernel_release"`
	Kernel      faultedSide `json:"kernel"`
	Simulator   faultedSide `json:"simulator"`
	Interrupted bool        `json:"interrupted"`
	OK          bool        `json:"ok"`
}

type faultedSide struct {
	Faults     uint64   `json:"faults"`
	MmapLock   uint64   `json:"pgfault_mmap_lock"`
	Share      float64  `json:"share"`
	PerSecond  float64  `json:"faults_per_second"`
	Elapsed    int64    `json:"elapsed_ns"`
	Unexpected []string `json:"unexpected"`
}

// FaultsJSON prints the same as one object on a line.
func FaultsJSON(w io.Writer, r *lockpath.Result) error {
	side := func(s *lockpath.Side) faultedSide {
		return faultedSide{s.Faults, s.MmapLock, s.Share(), s.Rate(), s.Elapsed.Nanoseconds(), append([]string{}, s.Unexpected...)}
	}
	return json.NewEncoder(w).Encode(faulted{
		Scenario: r.Scenario, Threads: r.Threads, Release: r.Release, Kernel: side(&r.Kernel), Simulator: side(&r.Simulator),
		Interrupted: r.Interrupted, OK: r.OK(),
	})
}
