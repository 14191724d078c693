package explore

import (
	"runtime/debug"
	"testing"
)

// TestMain collects garbage as seldom as vmasim does: at the usual rate it takes a third of the time of searches.
func TestMain(m *testing.M) {
	debug.SetGCPercent(GCPercent)
	m.Run()
}
