package program

import (
	"encoding/json"
	"strings"
	"testing"

	"vmasim/internal/task"
)

// TestResultJSON: what JSON says is what was found, no list is null, and signs of comparison stay as they are.
func TestResultJSON(t *testing.T) {
	src := detachRace + "exists reader.1 = ok\nverdict refcount-v6 violation lock-left-held\nverdict linux-6.18 verified\n"
	for rules, stated := range map[string]string{"refcount-v6": "violation lock-left-held", "linux-6.18": "verified", "linux-6.18,+hole-first": ""} {
		r := exploreSource(t, src, Options{Setting: Setting{Rules: rules}})
		text, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for key, value := range got {
			null := stated == "" && key == "stated" || len(r.Violations) == 0 && key == "shrunk" || key == "advice" || key == "parts"
			if (value == nil) != null {
				t.Errorf("%s: %s is %v", rules, key, value)
			}
		}
		if got["verdict"] != r.Verdict() || got["as_stated"] != true || got["distinct_outcomes"] != float64(len(r.Outcomes)) || stated != "" && got["stated"] != stated {
			t.Errorf("%s: %s", rules, text)
		}
		if o := got["observation"].([]any)[0].(map[string]any); o["answer"] != r.Observations[0].Answer() || o["question"] != "exists reader.1 = ok" {
			t.Errorf("%s: observed %v", rules, o)
		}
		steps := got["trace"].([]any)
		if len(r.Violations) == 0 {
			if len(steps) > 0 || got["oracle"] != "" {
				t.Errorf("%s: nothing was found: %s", rules, text)
			}
			continue
		}
		v := r.Violations[0]
		last := steps[len(steps)-1].(map[string]any)
		if len(steps) != v.Shrunk.To.Steps || got["oracle"] != "lock-left-held" || got["schedule"] != v.Schedule.String() {
			t.Errorf("%d steps: %s", len(steps), text)
		}
		if last["task"] != "reader" || last["cell"] != "vma#1.vm_refcnt" || last["old"] != "1" || last["new"] != "0" || last["statement"] != "lock A" {
			t.Errorf("last step %v", last)
		}
		v.Violations[0].Message = "1 -> 2 & <more>"
		if text, err = r.MarshalJSON(); err != nil || !strings.Contains(string(text), `"message":"1 -> 2 & <more>"`) {
			t.Errorf("%v, %s", err, text)
		}
	}
}

// TestMemoryModelJSON: what a load may miss is told.
func TestMemoryModelJSON(t *testing.T) {
	for model, r := range map[string]*Result{"sc": {}, "sc+stale-walk": {Choices: []task.Choice{task.Signal, task.StaleWalk}}} {
		if got := r.memoryModel(); got != model {
			t.Errorf("%v: %s, expected %s", r.Choices, got, model)
		}
	}
}
