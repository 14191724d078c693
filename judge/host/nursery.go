package host

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// nurseryVariable in the environment makes a program a nursery.
const nurseryVariable = "VMASIM_HOST_NURSERY"

// The descriptors that a nursery is started with.
const (
	controlFD = 3 + iota // greeting out; its end of file is our end
	agentFD              // the socket of the first agent
	slotsFD              // the memfd of the slots
)

// greeting is what a nursery reports when the first agent lives.
type greeting struct {
	Agent   int64 // process id
	Handler uint64
}

// Main is to be called first in main and in TestMain by every program that
// calls Start. In the processes that Start makes it never returns; otherwise it
// does nothing.
func Main() {
	if os.Getenv(nurseryVariable) == "" {
		return
	}
	if err := nurse(); err != nil {
		fmt.Fprintln(os.Stderr, "vmasim: nursery:", err)
		unix.Exit(1)
	}
	unix.Exit(0)
}

// nurse is the life of a nursery: it clones the first agent off itself, which
// is the last thing that needs Go, reaps all agents (they are all its
// children), and kills them when the program that wanted them is gone.
func nurse() error {
	// Agents die with the thread that is their parent.
	runtime.LockOSThread()
	// Out of memory, better an agent than anything else.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core dumps: %w", err)
	}
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, slotsBase, slotsSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE, slotsFD, 0)
	if errno != 0 {
		return fmt.Errorf("mapping the slots: %w", errno)
	}
	first, err := spawnMasked()
	if err != nil {
		return fmt.Errorf("cloning the first agent: %w", err)
	}
	// All agents are in its process group.
	if err := unix.Setpgid(first, first); err != nil {
		return fmt.Errorf("setpgid: %w", err)
	}
	unix.Close(agentFD)
	control := os.NewFile(controlFD, "control")
	if err := binary.Write(control, binary.NativeEndian, greeting{int64(first), handlerAddress()}); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	go func() {
		control.Read(make([]byte, 1))
		unix.Kill(-first, unix.SIGKILL)
	}()
	for {
		if _, err := unix.Wait4(-1, nil, unix.WALL, nil); err != nil && err != unix.EINTR {
			return nil // ECHILD: all agents are gone
		}
	}
}

// spawnMasked clones the first agent with all signals blocked but those that
// its own instructions raise, which no other agent will ever unblock: nothing
// but SIGKILL may interrupt an agent.
func spawnMasked() (pid int, err error) {
	var mask, before unix.Sigset_t
	for i := range mask.Val {
		mask.Val[i] = ^mask.Val[i]
	}
	for _, s := range caughtSignals {
		mask.Val[0] &^= 1 << (s - 1)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &mask, &before); err != nil {
		return 0, err
	}
	pid = spawn(slotsBase)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
		return 0, err
	}
	if pid < 0 {
		return 0, unix.Errno(-pid)
	}
	return pid, nil
}

// caughtSignals are those that an instruction of an agent can raise.
var caughtSignals = [...]unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGTRAP, unix.SIGILL, unix.SIGFPE}
