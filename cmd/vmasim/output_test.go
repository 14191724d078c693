package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// printing are commands that end by themselves and print something.
var printing = []string{
	"", "--help", "--version", "help", "help run", "run --help", "version", "rules", "rules detach-waits", "oracles", "oracles leak",
	"scenarios", "scenarios quickstart", "completion bash", "explore attach-order", "run quickstart --duration 1ms",
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// TestOutputFails: a command whose output cannot be written does not end in exit status 0.
func TestOutputFails(t *testing.T) {
	for _, line := range printing {
		for _, broken := range []error{syscall.ENOSPC, syscall.EPIPE} {
			var stderr bytes.Buffer
			status := execute(strings.Fields(line), strings.NewReader(""), brokenWriter{broken}, &stderr)
			if status != exitFailed || !strings.Contains(stderr.String(), broken.Error()) {
				t.Errorf("vmasim %s: %v ends in %d: %s", line, broken, status, stderr.String())
			}
		}
	}
}

// TestDeviceFull does the same with a real device.
func TestDeviceFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--help"}, {"rules"}} {
		cmd := exec.Command("vmasim", args...)
		cmd.Path, cmd.Err = self, nil // this binary is vmasim to those who call it so, see TestMain
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%v: %v, %s", args, err, stderr.String())
		}
	}
}
