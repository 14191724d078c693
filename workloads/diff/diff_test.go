package diff

import (
	"context"
	"os"
	"testing"
	"time"

	"vmasim/internal/host"
)

func TestMain(m *testing.M) {
	host.Main()
	os.Exit(m.Run())
}

// newLab starts agents, or skips the test where no kernel can judge.
func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := NewLab()
	if err != nil {
		t.Skip("no agents here:", err)
	}
	t.Cleanup(l.Close)
	if err := l.Kernel().Judges(); err != nil {
		t.Skip("this kernel is no judge:", err)
	}
	return l
}

// TestRandom compares a bounded number of random operations.
func TestRandom(t *testing.T) {
	l := newLab(t)
	r, err := l.Random(context.Background(), Options{Operations: 20_000, Seed: uint64(time.Now().UnixNano()), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations in %d sequences, %v, seed %d: %v", r.Operations, r.Sequences, r.Elapsed, r.Seed, r.Coverage)
	if r.FirstDrift != nil {
		t.Errorf("drift: %v\n%s\n%s", r.FirstDrift, r.FirstDrift.Picture, r.Scenario)
	}
}
