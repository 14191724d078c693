package play

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"vmasim/workloads"
)

func request(tb testing.TB, name string) *Request {
	tb.Helper()
	for _, i := range workloads.AllBuiltin() {
		if i.Name == name {
			return &Request{Name: name, Text: i.Source}
		}
	}
	tb.Fatalf("no scenario %s", name)
	return nil
}

// decoded is a value as a page sees it.
func decoded(tb testing.TB, v any) (m map[string]any) {
	tb.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// TestExplore: the verdict, the executions and the line that replays are those of the command line, and what a page needs to draw is there.
func TestExplore(t *testing.T) {
	told := 0
	report, err := Explore(t.Context(), request(t, "detach-race"), nil, func(Progress) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	m := decoded(t, report)
	if m["verdict"] != "violation" || !strings.HasPrefix(m["replay"].(string), "vmasim replay detach-race 'v2:") {
		t.Errorf("verdict %v, %v", m["verdict"], m["replay"])
	}
	trace := m["counterexample"].(map[string]any)
	if steps := trace["steps"].([]any); len(steps) < 20 || steps[0].(map[string]any)["function"] == "" {
		t.Errorf("%d steps", len(steps))
	}
	fixed := request(t, "detach-race")
	fixed.Rules = "linux-6.18"
	report, err = Explore(t.Context(), fixed, nil, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if m := decoded(t, report); m["verdict"] != "verified" || m["counterexample"] != nil || m["replay"] != "" {
		t.Errorf("%v", m)
	}
}

// TestExploreIsCancelled: what was found so far is returned.
func TestExploreIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := request(t, "fork-parent")
	r.Rules = "linux-6.18"
	calls := 0
	report, err := Explore(ctx, r, func() {
		if calls++; calls == 50 {
			cancel()
		}
	}, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if result := decoded(t, report)["result"].(map[string]any); result["interrupted"] != true || result["complete"] != false {
		t.Errorf("%v", result)
	}
}

func TestSession(t *testing.T) {
	s, err := Open(request(t, "detach-race"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := s.Do(t.Context(), "A 3")
	if p.At != 3 || p.Wrong != "" || len(p.Trace.Next) != 2 || len(p.Cells) == 0 || p.Rules != "refcount-v6" || p.Title == "" {
		t.Errorf("%+v", p)
	}
	p = s.Do(t.Context(), "violation")
	if !p.Over || !strings.HasPrefix(p.Run, "v2:") {
		t.Errorf("%+v", p)
	}
	again := request(t, "detach-race")
	again.Schedule = p.Run
	s2, err := Open(again, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if q := s2.Do(t.Context(), "go 3"); q.At != 3 || q.Len != p.Len {
		t.Errorf("%+v", q)
	}
	if q := s2.Do(t.Context(), "nothing"); q.Wrong == "" || q.At != 3 {
		t.Errorf("%+v", q)
	}
}

// TestAhead: from the end of a schedule on, and from there only.
func TestAhead(t *testing.T) {
	r := request(t, "detach-race")
	r.Seconds = 10
	all, err := Ahead(t.Context(), r, nil)
	if err != nil || !all.Complete || all.Breaking == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	s, err := Open(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r.Schedule = s.Do(t.Context(), "statement A").Run // the reader is through before the writer begins
	after, err := Ahead(t.Context(), r, nil)
	if err != nil || !after.Complete || after.Of >= all.Of || after.Breaking != 0 || after.Nearest != nil {
		t.Errorf("%+v, %v", after, err)
	}
	r.Text = "thread"
	if _, err := Ahead(t.Context(), r, nil); err == nil {
		t.Error("a scenario with a mistake is searched")
	}
}

// TestMisfit: of a schedule that belongs to something else the possible steps are there, and what is wrong is said.
func TestMisfit(t *testing.T) {
	r := request(t, "detach-race")
	r.Schedule = "v2:00000000:00000000:A3"
	s, err := Open(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if p := s.Do(t.Context(), ""); p.Len != 3 || !strings.Contains(p.Misfit, "belongs to") {
		t.Errorf("%d steps, %q", p.Len, p.Misfit)
	}
}

// TestMistakes have places in the text where they are about the text.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]Mistake{
		"thread a\n    lod A": {2, 5, "lod"},
		"rules linux-9\nthread a\n    mmap 4K rw private anon":                   {1, 1, "linux-9"},
		"file F path \"/etc/passwd\" ro\nthread a\n    mmap 4K r private file F": {0, 0, "real file"},
	} {
		err := Check(&Request{Name: "mine", Text: text})
		if err == nil {
			t.Errorf("%q has none", text)
			continue
		}
		if all := Mistakes(err); all[0].Line != want.Line || all[0].Column != want.Column || !strings.Contains(all[0].Message, want.Message) {
			t.Errorf("%q: %+v, expected %+v", text, all, want)
		}
	}
	r := request(t, "detach-race")
	if err := Check(r); err != nil {
		t.Error(err)
	}
	r.Schedule = "v9:x"
	if _, err := Open(r, nil); err == nil || Mistakes(err)[0].Line != 0 {
		t.Errorf("a schedule that is none: %v", err)
	}
}

// TestList: nothing that there is to choose from lacks a name or what it stands for.
func TestList(t *testing.T) {
	c := reflect.ValueOf(*List())
	for i := range c.NumField() {
		if c.Field(i).Len() == 0 {
			t.Errorf("no %s", c.Type().Field(i).Name)
		}
	}
	for _, s := range List().Scenarios {
		if s.Name == "" || s.Title == "" || s.Story == "" || s.Text == "" {
			t.Errorf("%+v", s)
		}
	}
	for _, f := range List().Families {
		for _, r := range f.Rules {
			if r.Doc == "" || r.Since == "" || r.Setting == "" {
				t.Errorf("%+v", r)
			}
		}
	}
}
