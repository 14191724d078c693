package campaign

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestShards: each shard counts once, those that lack are named, and what does not belong together is refused.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, change func(*Result)) {
		t.Helper()
		r := &Result{Kind: "k", Run: []Setting{{"seed", "1"}}, Number: 1, Of: 3, Ended: true, Done: "programs so far: 7", Body: []byte(`{"n":1}`)}
		change(r)
		if err := r.Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	told := func() (*Shards, string) {
		t.Helper()
		s, err := LoadShards(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s, strings.Join(append(s.Sum.Lack, s.Sum.Notes...), "\n")
	}
	if s, err := LoadShards(dir); s != nil || err != nil {
		t.Errorf("%v, %v of nothing", s, err)
	}
	if _, err := LoadShards(filepath.Join(dir, "none")); err == nil {
		t.Error("there is no such directory")
	}
	save("1.result", func(*Result) {})
	save("3.result", func(r *Result) { r.Number, r.Ended = 3, false })
	if s, words := told(); len(s.Results) != 2 || s.Sum.Lost != 1 || s.Sum.Of != 3 || s.Sum.Ended != 1 ||
		!strings.Contains(words, "shard 2 of 3 is lost") || !strings.Contains(words, "shard 3 of 3 is not finished: programs so far: 7 in "+filepath.Join(dir, "3.result")) {
		t.Errorf("%+v", s)
	}
	save("0.result", func(r *Result) { r.Ended = false })
	save("again.result", func(r *Result) { r.Number = 3 })
	save("2.result", func(r *Result) { r.Number = 2 })
	if s, words := told(); len(s.Results) != 3 || s.Sum.Ended != 3 || s.Sum.Lost != 0 || strings.Count(words, "counts once") != 2 {
		t.Errorf("%+v", s)
	}
	text := readFile(t, filepath.Join(dir, "2.result"))
	write(t, filepath.Join(dir, "2.result"), text[:len(text)-9])
	if s, words := told(); s.Sum.Damaged != 1 || s.Sum.Lost != 1 || !strings.Contains(words, "2.result is damaged") {
		t.Errorf("%+v", s)
	}
	for want, change := range map[string]func(*Result){
		"belongs to seed 2, the first to 1":                        func(r *Result) { r.Run[0].Value = "2" },
		"belongs to vmasim other, the first to k":                  func(r *Result) { r.Kind = "other" },
		"belongs to a run in shards, as many as 4, the first to 3": func(r *Result) { r.Of = 4 },
	} {
		save("z.result", func(r *Result) { r.Number = 2; change(r) })
		if _, err := LoadShards(dir); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	lone := t.TempDir()
	write(t, filepath.Join(lone, "1.result"), []byte("something"))
	if _, err := LoadShards(lone); err == nil || !strings.Contains(err.Error(), "is no result of vmasim") {
		t.Errorf("%v", err)
	}
	dir = t.TempDir()
	save("1.result", func(r *Result) { r.Number = 4 })
	if _, err := LoadShards(dir); err == nil || !strings.Contains(err.Error(), "shard 4 of 3 does not exist") {
		t.Errorf("%v", err)
	}
}
