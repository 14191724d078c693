//go:build linux

package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vmasim/judge/lockpath"
)

func measured() *lockpath.Result {
	return &lockpath.Result{
		Scenario: "storm", Title: "A storm.", Threads: 4, Processes: 2, Release: "6.18.0",
		Kernel:    lockpath.Side{Faults: 200_000, MmapLock: 300, Operations: 400_000, Elapsed: 2 * time.Second},
		Simulator: lockpath.Side{Faults: 1_000_000, Operations: 3_000_000, Elapsed: time.Second},
	}
}

func TestFaultsText(t *testing.T) {
	var b strings.Builder
	if err := FaultsText(&b, measured(), Look{}); err != nil {
		t.Fatal(err)
	}
	const want = `storm: A storm.
4 threads in 2 processes, beside Linux 6.18.0

                       kernel  simulator
page faults           200,000  1,000,000
  under the VMA lock  99.85 %      100 %
  under mmap_lock      0.15 %        0 %
  that is                 300          0
  per second          100 k/s   1.00 M/s
operations            400,000  3,000,000
  per second          200 k/s   3.00 M/s
in                         2s         1s

`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	r := measured()
	r.Simulator.Unexpected = []string{"touch A: got SEGV_MAPERR, expected ok (toucher)"}
	b.Reset()
	if err := FaultsText(&b, r, Look{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"unexpected, simulator: touch A: got SEGV_MAPERR", "FAIL: "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}

func TestFaultsJSON(t *testing.T) {
	var b strings.Builder
	if err := FaultsJSON(&b, measured()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Kernel struct {
			Share      float64
			PerSecond  float64 `json:"faults_per_second"`
			Elapsed    int64   `json:"elapsed_ns"`
			Unexpected []string
		}
		OK bool
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if k := got.Kernel; k.Share != 0.0015 || k.PerSecond != 100_000 || k.Elapsed != 2e9 || k.Unexpected == nil || !got.OK {
		t.Errorf("%s", b.String())
	}
	checkDocumented(t, "../docs/fidelity.md", printed(t, measured()))
}
