package trace

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// inFile returns traces as they stand in a file.
func inFile(t testing.TB, all ...*Trace) string {
	t.Helper()
	var b strings.Builder
	for _, one := range all {
		if err := Write(&b, one); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestRoundTrip: what was written is read, however many there are.
func TestRoundTrip(t *testing.T) {
	_, one := recorded()
	_, other := recorded()
	one.Origin = Origin{"race", "A race.", "linux-6.18", "v2:::A1", []string{"w.1 munmap A"}}
	other.Diverged = nil
	want := []*Trace{one, other}
	text := inFile(t, want...)
	got, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, written was %+v", got, want)
	}
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, `"operation":"WRITE_ONCE"`) || !strings.Contains(text, "<out>") {
		t.Error(text)
	}
	if none, err := Read(strings.NewReader(" \n")); err != nil || len(none) != 0 {
		t.Errorf("nothing is read as %v, %v", none, err)
	}
}

// TestReadRefuses: what is no trace is refused with its place, and so is what no recorder makes.
func TestReadRefuses(t *testing.T) {
	_, good := recorded()
	broken := func(change func(*Trace)) string {
		_, wrong := recorded()
		change(wrong)
		return inFile(t, good, wrong)
	}
	for _, c := range []struct{ text, want string }{
		{"x", "1:1: invalid character 'x'"},
		{"\n\n[1]", "3:1: no trace, expected an object with a version"},
		{"{}", "1:1: no trace, expected an object with a version"},
		{"null", "1:1: no trace"},
		{`{"version":3,"steps":3}`, "1:1: the trace is of version 3, and this vmasim reads version 2"},
		{`{"version":"one"}`, "1:17: version: got string, expected a number"},
		{"{\"version\":2,\n\"steps\":3}", "2:10: steps: got number, expected a list"},
		{`{"version":2,"title":3}`, "1:23: title: got number, expected a string"},
		{`{"version":2,"blocked":[{"slept":1}]}`, "1:35: blocked.slept: got number, expected true or false"},
		{`{"version":2,"steps":[{"step":"one"}]}`, "1:36: steps.step: got string, expected a number"},
		{`{"version":2,"before":["é",3]}`, "1:27: before: got string, expected an object"},
		{"{\"version\":2,\n\"steps\":[", "2:10: the text ends within a trace"},
		{`{"version":2,"steps":[{"operation":"nothing"}]}`, `1:1: unknown operation "nothing"`},
		{`{"version":2,"steps":[{"address":"here"}]}`, `1:1: "here" is no address`},
		{`{"version":2,"ending":"well"}`, `1:1: unknown ending "well"`},
		{broken(func(t *Trace) { t.Steps[1].Number = 7 }), "2:1: step 2 has the number 7"},
		{broken(func(t *Trace) { t.Steps[1].Task = "c" }), `2:1: step 2: "c" is none of the tasks`},
		{broken(func(t *Trace) { t.Steps[1].From = 2 }), "2:1: step 2 sees what step 2 wrote, expected an earlier one"},
		{broken(func(t *Trace) { t.Steps[1].From = -1 }), "2:1: step 2 sees"},
		{broken(func(t *Trace) { t.Finally[0].From = 4 }), "2:1: finally sees what step 4 of 3 wrote"},
		{broken(func(t *Trace) { t.Between = []Change{{Step: 4}} }), "2:1: what is mapped changes in step 4 of 3"},
		{broken(func(t *Trace) { t.Blocked[0].Task = "c" }), `2:1: blocked: "c" is none of the tasks`},
	} {
		all, err := Read(strings.NewReader(c.text))
		if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s\nis read as %v, %v, expected %s", c.text, all, err, c.want)
		}
	}
}

// FuzzRead: what is read is written so that it is read again, and what is refused has a place in the text.
func FuzzRead(f *testing.F) {
	_, one := recorded()
	f.Add(inFile(f, one))
	f.Add(inFile(f, one, &Trace{Tasks: []string{"a"}, Ending: Livelock, Violated: []task.Violation{{Oracle: "leak"}}}))
	f.Add("{\"version\":2,\n\"steps\":[null]}")
	f.Add(`{"version":2,"steps":[{"step":1e3,"address":"0x10"}],"finally":[{"from":1}]}`)
	f.Add(`{"version":2} null`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Read(strings.NewReader(text))
		if wrong, ok := errors.AsType[*Error](err); ok {
			lines := strings.Split(text, "\n")
			if wrong.Line < 1 || wrong.Line > len(lines) || wrong.Column < 1 || wrong.Column > len(lines[wrong.Line-1])+1 {
				t.Fatalf("%v lies outside of %q", err, text)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		first := inFile(t, all...)
		again, err := Read(strings.NewReader(first))
		if err != nil {
			t.Fatalf("%s cannot be read again: %v", first, err)
		}
		if second := inFile(t, again...); first != second {
			t.Fatalf("%s\nis read again as\n%s", first, second)
		}
	})
}
