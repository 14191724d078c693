package program

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/workloads"
)

// resident returns how many bytes of memory the process has, with the garbage given back: worlds have frames of real memory, of which
// the collector knows nothing.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// slack is by how much memory may differ between two looks.
const slack = 4 << 20

// TestMemoryIsGivenBack: neither executions nor searches leave memory behind, of worlds or of what is known of them.
func TestMemoryIsGivenBack(t *testing.T) {
	sc, err := workloads.LoadBuiltin("put-to-zero")
	if err != nil {
		t.Fatal(err)
	}
	search := func(executions int) {
		r, err := Explore(t.Context(), sc, Options{Setting: Setting{Rules: "linux-6.18"}, NoShrink: true,
			Options: explore.Options{Strategy: explore.Random, Executions: executions, Workers: 2}})
		if err != nil || r.Search.Executions != executions {
			t.Fatal(r.Verdict(), r.Search.Executions, err)
		}
	}
	search(100)
	search(100)
	before := resident(t)
	search(10_000)
	many := resident(t)
	for range 50 {
		search(20)
	}
	after := resident(t)
	t.Logf("%d KiB at first, %d KiB after 10,000 executions, %d KiB after 50 searches more", before>>10, many>>10, after>>10)
	if many > before+slack || after > before+slack {
		t.Errorf("memory is not given back: %d KiB at first, %d KiB after 10,000 executions, %d KiB after 50 searches more", before>>10, many>>10, after>>10)
	}
}
