package lockpath

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

// isolate fills the holes among what Go has mapped, so that the scenario's mappings get a part of the address space of their
// own and merge with nothing that is not theirs. Later mappings of Go's come below them.
func isolate() error {
	gaps, err := readGaps()
	if err != nil {
		return err
	}
	largest := 0
	for i, g := range gaps {
		if g.end-g.start > gaps[largest].end-gaps[largest].start {
			largest = i
		}
	}
	// The kernel searches from the top: those below the largest are safe.
	for _, g := range gaps[largest+1:] {
		if err := g.fill(); err != nil {
			return err
		}
	}
	top := gaps[largest]
	return gap{top.end - linux.PageSize, top.end}.fill()
}

// gap is a part of the address space where nothing is mapped.
type gap struct{ start, end uint64 }

// fill maps something inaccessible that nothing merges with.
func (g gap) fill() error {
	const flags = unix.MAP_SHARED | unix.MAP_ANONYMOUS | unix.MAP_FIXED_NOREPLACE | unix.MAP_NORESERVE
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(g.start), uintptr(g.end-g.start), unix.PROT_NONE, flags, ^uintptr(0), 0)
	if errno != 0 && !errors.Is(errno, unix.EEXIST) { // Go has just mapped something there
		return fmt.Errorf("filling %#x-%#x: %w", g.start, g.end, errno)
	}
	return nil
}

// readGaps lists the gaps between mappings, but for the one that is left to the stack.
func readGaps() (gaps []gap, err error) {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	var last uint64
	for line := range strings.Lines(string(text)) {
		var start, end uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
			return nil, fmt.Errorf("/proc/self/maps: %q: %w", line, err)
		}
		if strings.Contains(line, "[stack]") {
			break
		}
		if last != 0 && start > last {
			gaps = append(gaps, gap{last, start})
		}
		last = end
	}
	if len(gaps) == 0 {
		return nil, errors.New("/proc/self/maps: no gaps")
	}
	return gaps, nil
}
