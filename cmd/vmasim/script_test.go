package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"vmasim/judge/host"
	"vmasim/judge/lockpath"
)

func TestMain(m *testing.M) {
	host.Main()
	lockpath.Main()
	testscript.Main(m, map[string]func(){"vmasim": main, "stubborn": stubborn})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":     status,
			"jsonkeys":   jsonKeys,
			"interrupt":  interrupt,
			"schedule":   schedule,
			"samesearch": sameSearch,
		},
	})
}

// status N vmasim ARG... runs a command and checks its exit status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
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

// schedule FILE TO writes the schedule in the JSON of explore to a file.
func schedule(ts *testscript.TestScript, _ bool, args []string) {
	var object struct{ Schedule string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &object))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(object.Schedule+"\n"), 0o600))
}

// samesearch FILE OTHER checks that the JSON of two searches says the same, but for how long and in how many runs they took.
func sameSearch(ts *testscript.TestScript, _ bool, args []string) {
	var searches [2]map[string]any
	for i, file := range args {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &searches[i]))
		delete(searches[i], "elapsed_ns")
		delete(searches[i], "executions_earlier")
	}
	if !reflect.DeepEqual(searches[0], searches[1]) {
		ts.Fatalf("%v\nis not\n%v", searches[0], searches[1])
	}
}

// interrupt [-SIGNAL] vmasim ARG... starts a command, interrupts it 300 ms later and writes what it prints and how it ends
// to file out. On a busy machine the command may not have come so far that it takes signals; then it gets more time.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	sig := os.Signal(os.Interrupt)
	if s := unix.SignalNum(strings.TrimPrefix(args[0], "-")); s != 0 {
		sig, args = s, args[1:]
	}
	defer heed(sig)()
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	for wait := 300 * time.Millisecond; ; wait *= 2 {
		cmd := exec.Command(path, args[1:]...)
		cmd.Dir = ts.MkAbs(".")
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		ts.Check(cmd.Start())
		time.Sleep(wait)
		_ = cmd.Process.Signal(sig) // it may have ended by itself
		_ = cmd.Wait()              // its state tells
		if !cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() || wait > time.Minute {
			out.WriteString(cmd.ProcessState.String() + "\n")
			ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out.String()), 0o600))
			return
		}
	}
}
