package measure

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseCPUTicks(t *testing.T) {
	got, err := parseCPUTicks("cpu  10 20 30 400 50 6 7 8 9 1")
	if err != nil {
		t.Fatal(err)
	}
	if want := (cpuTicks{busy: 81, total: 531, steal: 8}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "intr 1 2 3 4 5 6 7 8", "cpu0 1 2 3 4 5 6 7", "cpu 1 2 3", "cpu 1 2 3 x 5 6 7 8"} {
		if _, err := parseCPUTicks(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestReadCPUTicks(t *testing.T) {
	if ticks, err := newHost().readCPUTicks(); err != nil || ticks.total == 0 || ticks.busy > ticks.total {
		t.Errorf("ticks %+v, error %v", ticks, err)
	}
}

func TestWaitUntilQuiet(t *testing.T) {
	for _, test := range []struct {
		name     string
		busy     []uint64 // ticks of 20 in each window
		patience time.Duration
		windows  int
	}{
		{"quiet at once", []uint64{1}, time.Second, 1},
		{"quiet later", []uint64{10, 2, 0}, time.Second, 3},
		{"never quiet", []uint64{9, 9, 9, 9, 9, 9}, 350 * time.Millisecond, 3},
		{"no patience", nil, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var now cpuTicks
			windows := 0
			read := func() (cpuTicks, error) { return now, nil }
			sleep := func(time.Duration) {
				now.busy += test.busy[windows]
				now.total += 20
				windows++
			}
			waitUntilQuiet(read, sleep, 0.06, test.patience)
			if windows != test.windows {
				t.Errorf("waited %d windows, want %d", windows, test.windows)
			}
		})
	}
}

func TestHostClocksMove(t *testing.T) {
	runtime.LockOSThread() // whose clock it is
	defer runtime.UnlockOSThread()
	h := newHost()
	wall, cpu := h.now(), h.threadCPU()
	sink.Store(burn(10000))
	if h.now() <= wall || h.threadCPU() <= cpu {
		t.Error("a clock stands still")
	}
}

// A process that works alone sees others use no more than the whole machine, and itself not among them.
func TestOthersCPU(t *testing.T) {
	h := newHost()
	wall, others := h.now(), h.othersCPU()
	for h.now() < wall+100*time.Millisecond {
		sink.Store(burn(100))
	}
	used, most := h.othersCPU()-others, time.Duration(runtime.NumCPU())*(h.now()-wall)
	if used < -3*tick || used > most+3*tick {
		t.Errorf("others used %v of %v", used, most)
	}
}

func TestPinning(t *testing.T) {
	h := newHost()
	if len(h.allowed) == 0 {
		t.Skip("the CPU mask of this process cannot be read")
	}
	var during, after unix.CPUSet
	w := Loop(func(int) { _ = unix.SchedGetaffinity(0, &during) })
	w.run(h, 1, 1)
	if want := h.allowed[1%len(h.allowed)]; during.Count() != 1 || !during.IsSet(want) {
		t.Errorf("not pinned to CPU %d alone: %v", want, during)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedGetaffinity(0, &after); err != nil || after.Count() != len(h.allowed) {
		t.Errorf("afterwards %d CPUs allowed, want %d (%v)", after.Count(), len(h.allowed), err)
	}
}
