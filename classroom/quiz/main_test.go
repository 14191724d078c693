package quiz

import (
	"runtime/debug"
	"testing"

	"vmasim/explore"
)

// TestMain collects garbage as seldom as vmasim does: at the usual rate it takes a third of the time of searches.
func TestMain(m *testing.M) {
	debug.SetGCPercent(explore.GCPercent)
	m.Run()
}
