package imports

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// imported makes a scenario of a log.
func imported(t testing.TB, log string, o Options) *Import {
	t.Helper()
	o.Name = "x.strace"
	made, err := Strace(strings.NewReader(log), o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// mustRun runs a scenario, of which every statement has to give what it states.
func mustRun(t testing.TB, text string) {
	t.Helper()
	sc := parsed(t, text)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := driver.Run(ctx, sc, driver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Unexpected {
		t.Error(r.Unexpected[i].String())
	}
	for _, v := range r.Violations {
		t.Error(v.Violation)
	}
	if t.Failed() && len(text) < 4000 {
		t.Log(text)
	}
}

func parsed(t testing.TB, text string) *workloads.Scenario {
	t.Helper()
	sc, err := workloads.LoadText("x.vma", ".", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, text)
	}
	return sc
}

// dump reads a layout that was recorded.
func dump(t testing.TB, path string) []Area {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	areas, err := ReadMaps(filepath.Base(path), f)
	if err != nil {
		t.Fatal(err)
	}
	return areas
}

// recordings are the folders with recorded programs: ours, and those that the project shares, where they are.
var recordings = []string{"testdata", "../../../shared/traces"}
