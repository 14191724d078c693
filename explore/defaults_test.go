package explore

import "testing"

// TestDefaults: a search that is told the defaults is the one that is told nothing.
func TestDefaults(t *testing.T) {
	d := Defaults()
	var zero Options
	if zero.depth() != d.Depth || pctDepth(&zero) != d.PCTDepth {
		t.Errorf("depth %d, PCT depth %d, the defaults are said to be %+v", zero.depth(), pctDepth(&zero), d)
	}
	r, err := Search(t.Context(), program(lostUpdate().bodies...), Options{})
	if err != nil || r.Strategy != d.Strategy {
		t.Errorf("strategy %v, %v, the default is said to be %s", r, err, d.Strategy)
	}
}
