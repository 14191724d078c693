package lesson

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/classroom/play"
)

var span = regexp.MustCompile("`([^`]+)`")

// TestLessons: each scenario can be explored, and what the engine answers to each question is a choice, and the one that its
// explanation begins with.
func TestLessons(t *testing.T) {
	all, err := Lessons()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(order) {
		t.Fatalf("%d lessons", len(all))
	}
	for _, l := range all {
		if l.Title == "" || l.About == "" || l.Minutes == 0 || l.Questions() < 4 {
			t.Errorf("%s: %q, %q, %d minutes, %d questions", l.Name, l.Title, l.About, l.Minutes, l.Questions())
		}
		for _, name := range l.Scenarios {
			if text, err := bare(name, ""); err != nil || strings.Contains(text, "verdict") || strings.Contains(text, "#") && !strings.Contains(text, "    ") {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		}
		for i := range l.Steps {
			s := &l.Steps[i]
			t.Run(l.Name+"/"+s.Title, func(t *testing.T) { checkStep(t, &l, i) })
		}
	}
}

func checkStep(t *testing.T, l *Lesson, i int) {
	s := &l.Steps[i]
	if s.Scenario != "" {
		if err := play.Check(s.request()); err != nil {
			t.Fatal(err)
		}
	}
	if s.Moves != "" {
		if run, err := l.Place(t.Context(), i); err != nil || !strings.HasPrefix(run, "v2:") {
			t.Errorf("%s: %v", run, err)
		}
	}
	if s.Question == "" {
		return
	}
	right := 0
	for _, choice := range s.Choices {
		r, err := l.Reveal(t.Context(), i, choice, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Right {
			right++
		}
		if !slices.Contains(s.Choices, r.Answer) || r.Right != (choice == r.Answer) || len(r.Found) == 0 {
			t.Fatalf("%q is marked %+v", choice, r)
		}
		if first := span.FindStringSubmatch(r.After[0]); first == nil || first[1] != r.Answer || !strings.HasPrefix(r.After[0], first[0]) {
			t.Errorf("the engine says %q, the explanation begins %.60s", r.Answer, r.After[0])
		}
		if r.Schedule != "" {
			q := s.request()
			q.Schedule = r.Schedule
			session, err := play.Open(q, nil)
			if err != nil {
				t.Fatalf("the run that shows it: %v", err)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if right != 1 {
		t.Errorf("%d choices are right", right)
	}
}

// TestRefuses: a lesson with a mistake says where, and a question is answered with one of its choices.
func TestRefuses(t *testing.T) {
	const step = "title T\nminutes 5\n\nstep S\n"
	for text, want := range map[string]string{
		"titel T\n":                         `l.txt:1: unknown word "titel", did you mean "title"?`,
		"minutes five\n":                    "l.txt:1: ",
		step + "scenaro x\n":                `l.txt:5: unknown word "scenaro"`,
		step + "scenario detach-rac\n":      "l.txt:5: ",
		step + "table mode\n":               `did you mean "modes"?`,
		step:                                "step S: nothing is told",
		step + "ask verdict\n\nText\n":      "there is none",
		step + "question Q?\n\nText\n":      "needs ask, choices and reveal",
		step + "rules linux-6.18\n\nText\n": "there is none",
		step + "ask verdit\nquestion Q?\nchoices a | b\n\nText\n\nreveal\n\nMore\n": `did you mean "verdict"?`,
	} {
		if _, err := read("l.txt", "l", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
	l, err := Find("detach")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []func() error{
		func() error { _, err := l.Reveal(t.Context(), 0, "7", nil); return err },
		func() error { _, err := l.Reveal(t.Context(), 99, "1", nil); return err },
		func() error { _, err := l.Place(t.Context(), 2); return err },
		func() error { _, err := Find("detatch"); return err },
	} {
		if bad() == nil {
			t.Error("it was accepted")
		}
	}
}

// TestKindsRefuse: what a question asks for has to be there.
func TestKindsRefuse(t *testing.T) {
	text, err := bare("detach-race", "")
	if err != nil {
		t.Fatal(err)
	}
	for about, then := range map[string]string{
		"value vma#9.vm_refcnt": "reader 3", "able reader": "reader end", "able writer": "reader to nothing", "value mm.mm_lock_seq": "reader through",
		"together R X": "", "together X R": "", "access read vm_flag under RCU": "", "access read vm_flags under mmap": "", "access look at vm_flags": "",
		"value vma#1.vm_refcnt": "reader 999",
	} {
		s := &Step{Scenario: "detach-race", Text: text, Rules: "refcount-v6", then: then, about: about}
		k, arg, err := s.kind()
		if err != nil {
			t.Fatal(err)
		}
		if f, err := k.find(t.Context(), s, arg, nil); err == nil {
			t.Errorf("%s after %q: %+v", about, then, f)
		}
	}
	s := &Step{Scenario: "detach-race", Text: text, Rules: "linux-6.18"}
	for about, want := range map[string]string{"oracle": "none", "outcome reader.1=7": "no", "value mm.mm_lock_seq": "2", "able writer": "yes"} {
		s.about, s.then = about, "reader to vma_start_read; reader 2"
		k, arg, _ := s.kind()
		if f, err := k.find(t.Context(), s, arg, nil); err != nil || f.answer != want || len(f.lines) == 0 {
			t.Errorf("%s: %+v, %v", about, f, err)
		}
	}
}

// TestTables: what may be held together is what the semaphore grants, and the fields are those that are declared.
func TestTables(t *testing.T) {
	m := modesTable()
	for i, row := range m.Rows {
		for j := range m.Rows {
			if row[j+1] != m.Rows[j][i+1] {
				t.Errorf("row %d says %s of column %d, and the other way round %s", i, row[j+1], j, m.Rows[j][i+1])
			}
		}
	}
	f := fieldsTable()
	for _, row := range f.Rows {
		if len(row) != len(f.Head) {
			t.Errorf("%v", row)
		}
		switch row[0] {
		case "vm_start": // who looks without a lock has to look again
			if row[1] != "r" || row[4] != "r" || row[6] != "rw" {
				t.Errorf("%v", row)
			}
		case "vm_refcnt":
			if row[1] != "atomic" {
				t.Errorf("%v", row)
			}
		}
	}
}

// TestAnswer: what a page asks is answered, and what it asks wrongly is refused.
func TestAnswer(t *testing.T) {
	answer, known, err := Answer(t.Context(), "lessons", nil, nil)
	if all, ok := answer.([]Lesson); !ok || !known || err != nil || len(all) != len(order) {
		t.Errorf("%v, %v, %v", answer, known, err)
	}
	answer, _, err = Answer(t.Context(), "reveal", []byte(`{"lesson": "locks", "step": 1, "choice": "yes"}`), nil)
	if r, ok := answer.(*Revealed); !ok || err != nil || r.Right || r.Answer != "no" {
		t.Errorf("%+v, %v", answer, err)
	}
	answer, _, err = Answer(t.Context(), "place", []byte(`{"lesson": "detach", "step": 1}`), nil)
	if p, ok := answer.(map[string]string); !ok || err != nil || !strings.HasPrefix(p["schedule"], "v2:") {
		t.Errorf("%v, %v", answer, err)
	}
	answer, _, err = Answer(t.Context(), "judge", []byte(`{"level": "mend-vma-mm", "attempt": "+check-vm-mm"}`), nil)
	if j, ok := answer.(*Judged); !ok || err != nil || !j.Solved || j.Score != 1 || j.Rules != "linux-6.18" {
		t.Errorf("%+v, %v", answer, err)
	}
	answer, _, err = Answer(t.Context(), "best", []byte(`{"level": "mend-two", "below": 2}`), nil)
	if b, ok := answer.(*Best); !ok || err != nil || b.Found || b.Score != 2 || b.Searched == 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	answer, _, err = Answer(t.Context(), "best", []byte(`{"level": "two-faults"}`), nil)
	if b, ok := answer.(*Best); !ok || err != nil || !b.Found || b.Score != 1 {
		t.Errorf("%+v, %v", answer, err)
	}
	for what, text := range map[string]string{
		"place": "{", "reveal": `{"lesson": "lcoks"}`, "judge": `{"level": "mend-vma-mm", "attempt": "+hole-first"}`, "best": `{"level": "mend"}`,
	} {
		if _, known, err := Answer(t.Context(), what, []byte(text), nil); !known || err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if _, known, _ := Answer(t.Context(), "explore", nil, nil); known {
		t.Error("explore is another one's")
	}
}
