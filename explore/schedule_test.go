package explore

import (
	"errors"
	"reflect"
	"testing"
)

func TestScheduleString(t *testing.T) {
	for text, want := range map[string]Schedule{
		"v2:s:r:":               {Scenario: "s", Rules: "r"},
		"v2:s:r:A3 B1 A2":       {Scenario: "s", Rules: "r", Tasks: []uint8{0, 0, 0, 1, 0, 0}},
		"v2:s:r:=1 A2=0,1 A1":   {Scenario: "s", Rules: "r", Tasks: []uint8{0, 0, 0}, Choices: []StepDecision{{0, 1}, {2, 0}, {2, 1}}},
		"v2:::A1=2 B1=1 P12 B1": {Tasks: []uint8{0, 1, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 1}, Choices: []StepDecision{{1, 2}, {2, 1}}},
	} {
		got, err := ParseSchedule(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if s := want.String(); s != text {
			t.Errorf("%+v prints as %s, expected %s", want, s, text)
		}
	}
	unnoted := Schedule{Tasks: []uint8{0}, Choices: []StepDecision{{0, 0}, {1, 0}}}
	if s := unnoted.String(); s != "v2:::A1" {
		t.Errorf("usual choices are printed: %s", s)
	}
	for _, text := range []string{"", "v1:s:r:A1", "v2:s:r", "v2:s:r:A", "v2:s:r:A0", "v2:s:r:a1", "v2:s:r:Q1", "v2:s:r:A1=", "v2:s:r:A1=-1", "v2:s:r:A1 =1", "v2:s:r:A99999999", "v2:s:r:A1 B0", "v2:s:r:A1 | B1"} {
		if _, err := ParseSchedule(text); !errors.Is(err, errSchedule) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("v2:s:r:A3 B1 A2")
	f.Add("v2:abc:def:=1,0 A2=0,1 A1 C7=3")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		printed := s.String()
		again, err := ParseSchedule(printed)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if !reflect.DeepEqual(again.Tasks, s.Tasks) || again.String() != printed {
			t.Fatalf("%q prints as %q, and that as %q", text, printed, again.String())
		}
	})
}
