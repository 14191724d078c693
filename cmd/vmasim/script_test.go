package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
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
		Setup: func(env *testscript.Env) error { // CHECKOUT is this one, for scripts that copy files of it
			root, err := filepath.Abs(moduleRoot)
			env.Setenv("CHECKOUT", root)
			return err
		},
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

// interrupt [-SIGNAL] vmasim ARG... starts a command, interrupts it once it takes signals and has worked for a while, by the
// time that it had a CPU, and writes what it prints and how it ends to file out.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	sig := os.Signal(os.Interrupt)
	if s := unix.SignalNum(strings.TrimPrefix(args[0], "-")); s != 0 {
		sig, args = s, args[1:]
	}
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(startDeaf(cmd, sig))
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its state tells
		close(ended)
	}()
	const work = 5 // ticks, 50 ms
	for until := 0; ; {
		deaf, ticks := lookAt(cmd.Process.Pid)
		if until == 0 && !deaf {
			until = ticks + work
		}
		if until > 0 && ticks >= until {
			_ = cmd.Process.Signal(sig)
			<-ended
		}
		select {
		case <-ended:
			ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out.String()+cmd.ProcessState.String()+"\n"), 0o600))
			return
		case <-time.After(2 * time.Millisecond): // until the next look: another process tells nothing by itself
		}
	}
}

var starting sync.Mutex // signals are those of the whole process

// startDeaf starts a command that ignores interrupts until it asks for them, and heeds sig.
func startDeaf(cmd *exec.Cmd, sig os.Signal) error {
	starting.Lock()
	defer starting.Unlock()
	defer heed(sig)()
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	return cmd.Start()
}

// lookAt reads whether a process ignores interrupts, and the ticks for which it had a CPU. Of one that has ended nothing is known.
func lookAt(pid int) (deaf bool, ticks int) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	status, _ := os.ReadFile(dir + "status")
	_, mask, _ := strings.Cut(string(status), "SigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	ignored, err := strconv.ParseUint(mask, 16, 64)
	stat, _ := os.ReadFile(dir + "stat")
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if err != nil || len(fields) < 13 {
		return true, 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return ignored>>(syscall.SIGINT-1)&1 != 0, user + system
}
