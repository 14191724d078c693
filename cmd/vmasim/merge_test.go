package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"vmasim/workloads/campaign"
	"vmasim/workloads/measure"
)

// TestAnyMachine: shards of compare that were measured on machines that differ are added up only if that is asked for, and the report names
// all machines.
func TestAnyMachine(t *testing.T) {
	const other = "linux/amd64, 96 CPUs, another processor"
	dir := t.TempDir()
	for i := 1; i <= 2; i++ {
		vmasim(t, fmt.Sprintf("compare fault-storm --rules mmap-lock --rules linux-6.18 --samples 4 --duration 1ms --min-share 0 --shard %d/2 --result %s/%d.result", i, dir, i), exitOK)
	}
	merged := vmasim(t, "merge "+dir, exitOK)
	if strings.Contains(merged, other) || !strings.Contains(merged, "4 rounds") {
		t.Errorf("of one machine:\n%s", merged)
	}
	moved, err := campaign.ReadResult(filepath.Join(dir, "2.result"))
	if err != nil {
		t.Fatal(err)
	}
	moved.Body = json.RawMessage(strings.ReplaceAll(string(moved.Body), measure.Host(), other))
	if err := moved.Save(filepath.Join(dir, "2.result")); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	status := execute([]string{"merge", dir}, strings.NewReader(""), &stdout, &stderr)
	want := fmt.Sprintf("was measured on %s, and %s on %s: expected one kind of machine, or --any-machine", measure.Host(), filepath.Join(dir, "2.result"), other)
	if status != exitUsage || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
		t.Errorf("exit status %d, %q, printed %q, expected %q", status, stderr.String(), stdout.String(), want)
	}
	for format, rounds := range map[string]string{"": "4 rounds", "json": `"hosts":["` + measure.Host() + `","` + other + `"]`, "csv": ",4,4,"} {
		args := "merge " + dir + " --any-machine"
		if format != "" {
			args += " --format " + format
		}
		all := vmasim(t, args, exitOK)
		if !strings.Contains(all, rounds) || format == "" && (!strings.Contains(strings.Join(strings.Fields(all), " "), other) || !strings.Contains(all, measure.Host())) {
			t.Errorf("%s: no %q of both machines in\n%s", args, rounds, all)
		}
	}
}
