package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestProfiled: the file holds a profile, which pprof compresses, and a file that cannot be made is an error.
func TestProfiled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.pprof")
	end, err := profiled(file)
	if err != nil {
		t.Skipf("needs that nothing else profiles this process, so run it without -cpuprofile: %v", err)
	}
	end()
	if text, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		t.Errorf("the file begins with %q, %v", text[:min(len(text), 2)], err)
	}
	if _, err := profiled(filepath.Join(file, "below")); err == nil {
		t.Error("a file is made below a file")
	}
	if end, err := profiled(""); err != nil {
		t.Error(err)
	} else {
		end()
	}
}
