package play

import (
	"strings"
	"testing"
)

// TestCompare: a run beside other rules, and beside another run, as a page sees them.
func TestCompare(t *testing.T) {
	report, err := Explore(t.Context(), request(t, "detach-race"), nil, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	run := report.Violations[0].Found.Schedule
	r := &Comparing{Request: *request(t, "detach-race"), Against: " linux-6.18"}
	r.Schedule = run.String()
	told := 0
	pair, err := Compare(r, func() {}, func(p Progress) { told = p.Executions })
	if err != nil {
		t.Fatal(err)
	}
	m := decoded(t, pair)
	if parted := m["partings"].([]any); len(parted) != 2 || told < 5 || !strings.Contains(parted[0].(map[string]any)["because"].(string), "detach-waits") {
		t.Errorf("%d runs, %v", told, m["partings"])
	}
	if s := decoded(t, pair.State(pair.Partings[0].Row)); len(s["cells"].([]any)) == 0 {
		t.Errorf("%v", s)
	}
	short := run.UpTo(9)
	r.Against = short.String()
	if pair, err = Compare(r, func() {}, func(Progress) {}); err != nil || len(pair.Partings) != 1 || pair.Partings[0].Because != "" {
		t.Errorf("%v %v", pair, err)
	}
	for _, c := range []struct{ schedule, against, want string }{
		{"", "linux-6.18", "there is no run to compare"},
		{"v2:", "linux-6.18", "not a schedule"},
		{run.String(), " ", "nothing to compare with was named"},
		{run.String(), "linux-9", `"linux-9"`},
		{run.String(), "refcount-v6", "both sides have the rules refcount-v6"},
		{run.String(), "v2:x:y", "the other run: not a schedule"},
	} {
		r.Schedule, r.Against = c.schedule, c.against
		if _, err := Compare(r, func() {}, func(Progress) {}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q against %q: %v", c.schedule, c.against, err)
		}
	}
	r.Text = "thread"
	if _, err := Compare(r, func() {}, func(Progress) {}); err == nil {
		t.Error("a scenario with a mistake is compared")
	}
}
