package host

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// newLab starts agents, or skips where there are none, or a need is not met.
func newLab(tb testing.TB, needs ...Need) *Lab {
	tb.Helper()
	return StartFor(tb, needs...)
}

func newProcess(tb testing.TB, l *Lab, w Window) *Process {
	tb.Helper()
	p, err := l.Process(w)
	must(tb, err)
	tb.Cleanup(p.Exit)
	return p
}

// at is the address of a page of the window.
func at(p *Process, page int) uint64 { return p.window.Base + uint64(page)<<linux.PageShift }

const fixedAnon = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED

// mapAnon maps private anonymous memory at pages of the window.
func mapAnon(tb testing.TB, p *Process, page, count, prot int) uint64 {
	tb.Helper()
	addr := at(p, page)
	_, err := p.Call(unix.SYS_MMAP, uintptr(addr), uintptr(count<<linux.PageShift), uintptr(prot), fixedAnon, ^uintptr(0), 0)
	must(tb, err)
	return addr
}

func memfd(tb testing.TB, size int64) *os.File {
	tb.Helper()
	fd, err := unix.MemfdCreate("host-test", unix.MFD_CLOEXEC)
	must(tb, err)
	f := os.NewFile(uintptr(fd), "memfd")
	tb.Cleanup(func() { f.Close() })
	must(tb, f.Truncate(size))
	return f
}

// mapFile maps a file of the agent at pages of the window.
func mapFile(tb testing.TB, p *Process, page, count, prot, flags, fd int) uint64 {
	tb.Helper()
	addr := at(p, page)
	_, err := p.Call(unix.SYS_MMAP, uintptr(addr), uintptr(count<<linux.PageShift), uintptr(prot), uintptr(flags|unix.MAP_FIXED), uintptr(fd), 0)
	must(tb, err)
	return addr
}

const (
	protR  = unix.PROT_READ
	protRW = unix.PROT_READ | unix.PROT_WRITE
	protRX = unix.PROT_READ | unix.PROT_EXEC
)

func wantFault(tb testing.TB, got Fault, err error, want string, addr uint64) {
	tb.Helper()
	must(tb, err)
	if got.String() != want || got.Addr != addr {
		tb.Errorf("%v at %#x, want %s at %#x", got, got.Addr, want, addr)
	}
}

func wantErrno(tb testing.TB, err error, want unix.Errno) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%v, want %v", err, want)
	}
}
