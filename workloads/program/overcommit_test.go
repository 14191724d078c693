package program

import "testing"

// TestOvercommit: the explorer's machine counts what is promised as the scenario says. Two tasks want what there is for one.
func TestOvercommit(t *testing.T) {
	const two = "thread a\n\tmmap 512K rw private anon => ok | ENOMEM\nthread b\n\tmmap 512K rw private anon => ok | ENOMEM\n"
	for settings, want := range map[string]string{
		"": "a.1 = ENOMEM, b.1 = ENOMEM",
		"machine overcommit never\nmachine ram 1M\nmachine overcommit-ratio 60\n": "",
	} {
		r := exploreSource(t, settings+two, Options{})
		if r.Verdict() != Verified {
			t.Errorf("%q: %s %v", settings, r.Verdict(), r.Broken())
		}
		missed := ""
		for _, m := range r.NeverReached {
			if len(m) > 4 && m[1] == '.' {
				if missed != "" {
					missed += ", "
				}
				missed += m
			}
		}
		if missed != want {
			t.Errorf("%q: never %q, expected %q", settings, missed, want)
		}
	}
}
