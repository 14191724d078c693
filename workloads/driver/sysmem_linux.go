package driver

import (
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// availableMemory returns how many bytes programs can get without swapping: MemAvailable, or all free memory where
// /proc is not mounted. There is no limit where it is unknown.
func availableMemory() uint64 {
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if n, ok := memAvailable(string(text)); ok {
			return n
		}
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return math.MaxUint64
	}
	return (uint64(info.Freeram) + uint64(info.Bufferram)) * uint64(info.Unit)
}

// memAvailable finds the line "MemAvailable:   23869992 kB" of /proc/meminfo.
func memAvailable(meminfo string) (bytes uint64, ok bool) {
	for line := range strings.Lines(meminfo) {
		rest, found := strings.CutPrefix(line, "MemAvailable:")
		if !found {
			continue
		}
		kb, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 54)
		return kb << 10, err == nil
	}
	return 0, false
}

// freeDisk returns how many bytes a directory's file system has left. There is no limit where it is unknown.
func freeDisk(dir string) uint64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return math.MaxUint64
	}
	return st.Bavail * uint64(st.Bsize)
}
