package program

import (
	"encoding/json"
	"maps"
	"testing"
)

// TestHuntInShards: shards have no program in common, together they have all, and the first difference of all is that of one process.
func TestHuntInShards(t *testing.T) {
	for _, o := range []GenerateOptions{
		generateOptions("linux-6.18,-detach-waits", "linux-6.18", 60),
		generateOptions("linux-6.18,-lock-grown", "linux-6.18", 1), // which is too few to find anything
	} {
		o.Executions = 40
		whole := hunted(t, t.Context(), o)
		var bodies []json.RawMessage
		done := 0
		for n := range 3 {
			own := o
			own.Shard, own.Shards = n+1, 3
			h, err := NewHunt(own)
			if err != nil {
				t.Fatal(err)
			}
			g, err := h.Run(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := g.Difference; d != nil && d.Program%3 != own.Shard%3 {
				t.Errorf("shard %s has program %d", g.Shard, d.Program)
			}
			done += g.Done
			body, err := json.Marshal(h.Hunted())
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, body)
		}
		sum, err := MergeHunts(t.Context(), bodies)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Done != done {
			t.Errorf("%d programs, expected %d", sum.Done, done)
		}
		switch got, want := sum.Difference, whole.Difference; {
		case (got == nil) != (want == nil):
			t.Errorf("%s: %+v, at once %+v", o.Rules, got, want)
		case want != nil && (got.Program != want.Program || got.Text != want.Text || got.Message != want.Message || got.Under != want.Under):
			t.Errorf("%s: %+v, at once %+v", o.Rules, got, want)
		case want == nil && (sum.Done != whole.Done || sum.Executions != whole.Executions || !maps.Equal(sum.Counts, whole.Counts) || !maps.Equal(sum.Reached, whole.Reached)):
			t.Errorf("%s: %+v, at once %+v", o.Rules, sum, whole)
		}
	}
	if _, err := MergeHunts(t.Context(), []json.RawMessage{[]byte("x")}); err == nil {
		t.Error("what is no JSON is added up")
	}
}
