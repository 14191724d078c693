package main

import (
	"encoding/json"
	goflag "flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rewrite = goflag.Bool("rewrite", false, "write the samples of docs/explore.md")

func manual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// measured matches what differs from run to run in a report.
var measured = regexp.MustCompile(`[<\d][\d,.]*( ?(ns|µs|ms|s|k/s|M/s|/s|KiB|MiB|GiB|%|×))?\b?`)

// shape is a line without its measurements, errors that may not have come, and alignment.
func shape(line string) string {
	line = regexp.MustCompile(` \(\S+ redundant\)|(, )?SEGV_\w+ [\d,]+`).ReplaceAllString(line, "")
	return strings.Join(strings.Fields(measured.ReplaceAllString(line, "N")), " ")
}

func shapes(text string) (all []string) {
	for line := range strings.Lines(text) {
		if s := shape(line); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// explored splits a report of the explorer that shows a violation: what happened, the drawing, what the names mean, the
// verdict.
func explored(t *testing.T, report string) []string {
	t.Helper()
	_, report, _ = strings.Cut(report, "\n\n")
	message, report, ok1 := strings.Cut(report, "\n\n")
	drawing, report, ok2 := strings.Cut(report, "\n\nwhere\n")
	names, verdict, ok3 := strings.Cut(report, "\n\nverdict ")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("the report has other parts:\n%s", report)
	}
	return []string{message + "\n", drawing + "\n", "where\n" + names + "\n", "verdict " + verdict}
}

// TestExploreSample: the report that docs/explore.md explains is the one that vmasim explore prints, but for what is
// measured, and the steps that it speaks of are in it. -rewrite updates the report.
func TestExploreSample(t *testing.T) {
	const name = "docs/explore.md"
	text := manual(t, name)
	made := explored(t, vmasim(t, "explore detach-race -j 1", exitOK))
	const open, end = "```text\n", "```\n"
	before, rest, ok := strings.Cut(text, "`vmasim explore detach-race`, which has")
	if !ok {
		t.Fatalf("%s explains no report", name)
	}
	fresh := before + "`vmasim explore detach-race`, which has"
	section, _, _ := strings.Cut(rest, "| line | meaning |")
	for _, part := range made {
		prose, behind, _ := strings.Cut(rest, open)
		sample, after, _ := strings.Cut(behind, end)
		if strings.HasPrefix(part, "verdict") && slices.Equal(shapes(sample), shapes(part)) && oracleCount(sample) == oracleCount(part) {
			part = sample // only measurements differ
		}
		fresh += prose + open + part + end
		rest = after
	}
	fresh += rest
	for _, m := range regexp.MustCompile(`\(step (\d+)\)`).FindAllStringSubmatch(section, -1) {
		if !regexp.MustCompile(`(?m)^ *` + m[1] + ` `).MatchString(made[1]) {
			t.Errorf("%s speaks of step %s, which is not drawn", name, m[1])
		}
	}
	if fresh == text {
		return
	}
	if !*rewrite {
		t.Fatalf("the sample of %s is not what is printed: go test ./cmd/vmasim -run Sample -rewrite", name)
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, name), []byte(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBarsSample: the bars that docs/explore.md shows are those that their command prints, and the steps that it speaks of are in them. -rewrite
// updates them.
func TestBarsSample(t *testing.T) {
	const name, open, end = "docs/explore.md", "<!-- bars -->\n", "<!-- end -->\n"
	const line = "explore split-fault --rules linux-6.18,-split-locks-old"
	_, made, _ := strings.Cut(vmasim(t, line+" -j 1", exitOK), "\naddress space\n")
	made, _, _ = strings.Cut(made, "\n\n")
	made = "```text\n$ vmasim " + line + "\n…\naddress space\n" + made + "\n```\n"
	text := manual(t, name)
	before, rest, ok1 := strings.Cut(text, open)
	sample, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s shows no bars", name)
	}
	prose, _, _ := strings.Cut(after, "\n## ")
	m := regexp.MustCompile(`steps (\d+) and (\d+)`).FindStringSubmatch(prose)
	if m == nil || !strings.Contains(made, "step "+m[1]+" ") || !strings.Contains(made, "step "+m[2]+" ") {
		t.Errorf("%s speaks of steps %v, which are not in\n%s", name, m, made)
	}
	if sample == made {
		return
	}
	if !*rewrite {
		t.Fatalf("the bars of %s are not what is printed: go test ./cmd/vmasim -run Sample -rewrite", name)
	}
	if err := os.WriteFile(filepath.Join(moduleRoot, name), []byte(before+open+made+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func oracleCount(text string) string { return regexp.MustCompile(`(?m)^oracles .*$`).FindString(text) }

// TestRunSamples: the results that the manuals show have the lines that vmasim run prints.
func TestRunSamples(t *testing.T) {
	found := regexp.MustCompile(`^(they found no VMA|N found no VMA).*|^N could not be finished.*|^note: tasks had `) // which depend on what else the machine does
	tables := regexp.MustCompile(`(?m)^(timed faults|waits for) .*\n(.+\n)+\n`)                                       // likewise, as does whether there are any
	printed := map[string][]string{
		"text":  shapes(tables.ReplaceAllString(vmasim(t, "run quickstart --duration 300ms", exitOK), "")),
		"bench": shapes(vmasim(t, "run quickstart --duration 50ms --format bench", exitOK)),
	}
	for _, c := range []struct {
		manual, behind, format string
		whole                  bool
	}{
		{"README.md", "The first prints, on a 2-core machine:", "text", true},
		{"docs/output.md", "## text", "text", false},
		{"docs/output.md", "## bench", "bench", false},
	} {
		_, text, ok := strings.Cut(manual(t, c.manual), c.behind)
		_, text, _ = strings.Cut(text, "```")
		_, text, _ = strings.Cut(text, "\n")
		text, _, closed := strings.Cut(text, "```")
		if !ok || !closed {
			t.Fatalf("%s has no sample behind %q", c.manual, c.behind)
		}
		sample, want := shapes(tables.ReplaceAllString(text, "")), printed[c.format]
		for _, line := range sample {
			if !found.MatchString(line) && !slices.Contains(want, line) {
				t.Errorf("%s shows the line %q, printed are %q", c.manual, line, want)
			}
		}
		if !c.whole {
			continue
		}
		for _, line := range want {
			if !found.MatchString(line) && !slices.Contains(sample, line) {
				t.Errorf("%s leaves out the line %q", c.manual, line)
			}
		}
	}
}

// TestKeysAreTold: every key of the results in JSON stands in the manual.
func TestKeysAreTold(t *testing.T) {
	for line, name := range map[string]string{
		"run quickstart --duration 50ms --format json":                                                                               "docs/output.md",
		"explore detach-race --format json -j 1":                                                                                     "docs/explore.md",
		"explore fork-parent --format json -j 1 --executions 50 --keep-going 1":                                                      "docs/explore.md",
		"explore put-to-zero --consequences --format ndjson -j 1":                                                                    "docs/explore.md",
		"explore reuse-before-lock reader-overflow --format json --rules linux-6.18,-reader-limit --against linux-6.18,-check-vm-mm": "docs/explore.md",
		"explore reader-overflow --format json --summary":                                                                            "docs/explore.md",
	} {
		told := map[string]bool{}
		for _, m := range inlineWords.FindAllStringSubmatch(manual(t, name), -1) {
			for word := range strings.FieldsFuncSeq(m[1], func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_-", r) }) {
				told[word] = true
			}
		}
		for object := range strings.Lines(vmasim(t, line, exitOK, exitFailed)) {
			var v any
			if err := json.Unmarshal([]byte(object), &v); err != nil {
				t.Fatal(err)
			}
			visitKeys(v, func(key string) {
				if !told[key] {
					t.Errorf("%s does not tell of the key %s of vmasim %s", name, key, line)
					told[key] = true
				}
			})
		}
	}
}

var inlineWords = regexp.MustCompile("`([^`\n]*)`")

// visitKeys visits the keys of an object and of those in it; not those that are names of something.
func visitKeys(v any, visit func(key string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			visit(key)
			switch key {
			case "ops":
				for _, kind := range inner.(map[string]any) {
					visitKeys(kind, visit)
				}
			case "errors", "outcomes", "first":
			default:
				visitKeys(inner, visit)
			}
		}
	case []any:
		for _, inner := range v {
			visitKeys(inner, visit)
		}
	}
}
