package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// stubborn is a command that does not end when it is interrupted.
func stubborn() {
	cmd := &cobra.Command{}
	cmd.SetContext(context.Background())
	ctx, stop := interruptible(cmd)
	defer stop()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("interrupted")
	time.Sleep(time.Minute)
}

// heed makes processes that are started from now on heed a signal, though this one was started to ignore it, as by nohup.
func heed(sig os.Signal) (restore func()) {
	if !signal.Ignored(sig) {
		return func() {}
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, sig)
	return func() { signal.Stop(c) }
}

// TestSecondInterrupt: the first signal ends the context, the second one the program, whatever it does.
func TestSecondInterrupt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		defer heed(sig)()
		cmd := exec.Command("stubborn")
		cmd.Path, cmd.Err = self, nil // see TestMain
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(pipe)
		expect := func(want string) {
			if !lines.Scan() || lines.Text() != want {
				t.Errorf("%v: %q, expected %s", sig, lines.Text(), want)
			}
		}
		expect("ready")
		_ = cmd.Process.Signal(sig)
		expect("interrupted")
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for again := true; again; {
			_ = cmd.Process.Signal(sig) // until the program has given the signal back
			select {
			case err := <-ended:
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != sig {
					t.Errorf("%v: %v", sig, err)
				}
				again = false
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}
