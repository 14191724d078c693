package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestPageCannotBeWritten: the message says what was expected.
func TestPageCannotBeWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "none", "lesson.html")
	err := toFile(name, func(io.Writer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "in a folder that exists") {
		t.Errorf("a page in no folder: %v", err)
	}
}
