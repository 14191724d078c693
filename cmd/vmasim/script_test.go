package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vmasim": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    status,
			"jsonkeys":  jsonKeys,
			"interrupt": interrupt,
		},
	})
}

// status N vmasim ARG... runs a command and checks its exit status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ProcessState.String()
		got = strings.TrimPrefix(got, "exit status ")
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// jsonkeys FILE KEY... checks that each line of FILE is an object with the keys; a.b goes into a.
func jsonKeys(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var object map[string]any
		ts.Check(json.Unmarshal([]byte(line), &object))
		for _, path := range args[1:] {
			at := any(object)
			for key := range strings.SplitSeq(path, ".") {
				inner, ok := at.(map[string]any)
				if !ok {
					ts.Fatalf("%s: nothing below %s", line, key)
				}
				if at, ok = inner[key]; !ok {
					ts.Fatalf("%s: no key %s", line, path)
				}
			}
		}
	}
}

// interrupt SIGNALS vmasim ARG... starts a command, sends it interrupts 100 ms apart and writes what it prints and its
// exit status to files out and status.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "TMPDIR="+ts.Getenv("TMPDIR"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(cmd.Start())
	for range args[0] {
		time.Sleep(300 * time.Millisecond)
		ts.Check(cmd.Process.Signal(os.Interrupt))
	}
	_ = cmd.Wait() // its state tells
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	words := cmd.ProcessState.String()
	if state.Signaled() {
		words = "killed by " + state.Signal().String()
	}
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("."), "out"), []byte(out.String()+words+"\n"), 0o600))
}
