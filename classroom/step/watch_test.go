package step

import (
	"errors"
	"strings"
	"testing"
)

func TestParseWatch(t *testing.T) {
	for text, want := range map[string]string{
		"vma#1.vm_refcnt":                      "vma#1.vm_refcnt",
		" vma#1.vm_refcnt>1 ":                  "vma#1.vm_refcnt > 1",
		"vma#1.vm_lock_seq == mm.mm_lock_seq":  "vma#1.vm_lock_seq == mm.mm_lock_seq",
		"0x40000000 <= vma#1.vm_refcnt":        "0x40000000 <= vma#1.vm_refcnt",
		"mm.vma_writer_wait != NULL":           "mm.vma_writer_wait != NULL",
		"pte_table#1.pte[510] != 0":            "pte_table#1.pte[510] != 0",
		"vma#1.vm_refcnt\t<\t0x2":              "vma#1.vm_refcnt < 0x2",
		"vma#1.vm_refcnt >= vma#2.vm_refcnt  ": "vma#1.vm_refcnt >= vma#2.vm_refcnt",
	} {
		if w, err := ParseWatch(text); err != nil || w.String() != want {
			t.Errorf("%q is %q, %v, expected %q", text, w, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                      "watch:1:1: expected a cell, as vma#1.vm_refcnt, or a number, got the end",
		"vma#1.vm_refcnt >":     "watch:1:18: expected a cell, as vma#1.vm_refcnt, or a number, got the end",
		"vma#1.vm_refcnt = 1":   `watch:1:17: expected one of == != <= >= < >, got "= 1"`,
		"vma#1.vm_refcnt > 1 2": `watch:1:21: expected nothing more, got "2"`,
		"vma#1.vm_refcnt > 1x":  `watch:1:19: "1x" is no number: expected digits, or 0x and hexadecimal ones`,
		"$x > 1":                `watch:1:1: expected a cell, as vma#1.vm_refcnt, or a number, got "$x > 1"`,
		"#1 > 1":                `watch:1:1: expected a name to begin with a letter, got "#1"`,
		"1 > 2":                 "watch:1:1: expected a cell on one side of >",
		"NULL":                  "watch:1:5: expected a comparison behind NULL",
		"7":                     "watch:1:2: expected a comparison behind 7",
	} {
		if _, err := ParseWatch(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
}

// FuzzParseWatch: what is read is written so that it is read alike, and a mistake has a place in the text.
func FuzzParseWatch(f *testing.F) {
	for _, text := range []string{"vma#1.vm_refcnt > 1", "a", "0x >= b", "NULL != p.q[3]", "a == ", "é<1", "a<=>b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWatch(text)
		if wrong, ok := errors.AsType[*WatchError](err); ok {
			if wrong.Column < 1 || wrong.Column > len(text)+1 {
				t.Errorf("%q: column %d", text, wrong.Column)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if again, err := ParseWatch(w.String()); err != nil || again != w {
			t.Errorf("%q is %q, read again %q, %v", text, w, again, err)
		}
		w.eval(values{"a.b": "1", "p.q[3]": "NULL"})
	})
}

func TestEval(t *testing.T) {
	v := values{"x.a": "2", "x.b": "0x2", "x.p": "NULL", "x.q": "vma#1"}
	for text, want := range map[string]string{
		"x.a == x.b": "true", "x.a != x.b": "false", "x.a < 3": "true", "x.a <= 2": "true", "x.a > 0x2": "false", "x.a >= 2": "true",
		"x.p == NULL": "true", "x.q == vma#1": "true", "x.q != vma#2": "true", "x.q > 1": "false", "x.c == 1": "", "x.a": "2", "x.c": "",
	} {
		w, err := ParseWatch(text)
		must(t, err)
		if got := w.eval(v); got != want {
			t.Errorf("%s is %q, expected %q", text, got, want)
		}
	}
}

// TestWatchAndUntil: along a run, and by a task's steps, one comes to where a watched value changes or a comparison becomes true, and
// undoing comes back with the watches.
func TestWatchAndUntil(t *testing.T) {
	s := begun(t, "detach-race")
	must(t, s.Watch("vm_refcnt > 1"))
	if w := s.Watched()[0]; w.Value != "" || w.Changed || w.Of[0] != (Part{"vma#1.vm_refcnt", ""}) {
		t.Errorf("before it is touched: %+v", w)
	}
	must(t, s.Until("reader"))
	if last := s.Trace().Steps[s.At()-1]; last.Cell != "vma#1.vm_refcnt" || last.Is != "2" {
		t.Fatalf("stands behind %+v", last.Summary)
	}
	if w := s.Watched()[0]; w.Value != "true" || w.Of[0].Value != "2" {
		t.Errorf("%+v", w)
	}
	at := s.At()
	must(t, s.Go(at-1))
	must(t, s.Until(""))
	if s.At() != at {
		t.Errorf("along the run it comes to %d, expected %d", s.At(), at)
	}
	must(t, s.Watch("mm.mm_lock_seq"))
	must(t, s.Until("writer"))
	if w := s.Watched()[1]; s.At() <= at || !w.Changed || w.Before == w.Value {
		t.Errorf("%+v", s.Watched())
	}
	must(t, s.Unwatch("1"))
	must(t, s.Unwatch("mm.mm_lock_seq"))
	if len(s.Watched()) != 0 {
		t.Errorf("%+v", s.Watched())
	}
}

func TestWatchRefuses(t *testing.T) {
	s := begun(t, "detach-race")
	for line, want := range map[string]string{
		"watch":                     "nothing is watched, expected a cell or a comparison",
		"until":                     "nothing is watched",
		"watch vma#1.vm_refcount":   `watch:1:1: unknown cell or object "vma#1.vm_refcount", did you mean "vma#1.vm_refcnt"?`,
		"watch 1 < vma#1.vm_refcon": `watch:1:5: unknown cell or object "vma#1.vm_refcon"`,
		"watch vma#1":               "watch:1:1: expected a cell, as vma#1.vm_refcnt",
		"watch x":                   `watch:1:1: unknown cell or object "x"`,
		"unwatch 1":                 "up to 0",
		"until A B":                 "2 words, expected a task, or none",
	} {
		if _, err := s.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
	must(t, s.Watch("vma#2.vm_refcnt > 0")) // of a VMA that is not made yet
	for line, want := range map[string]string{
		"watch vma#2.vm_refcnt >0": "is watched already",
		"until":                    "no step was taken back along which to go on: name the task",
		"until reader":             "reader comes to step 16 and goes no further before a watch changes",
		"until nobody":             `unknown task "nobody"`,
		"unwatch 2":                `unknown watch "2"`,
		"unwatch vm_refcnt":        `unknown watch "vm_refcnt", expected vma#2.vm_refcnt > 0`,
	} {
		if _, err := s.Do(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", line, err, want)
		}
	}
	if s.At() != 0 {
		t.Errorf("stands at %d", s.At())
	}
}
