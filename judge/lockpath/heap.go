package lockpath

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memoryMap is struct prctl_mm_map.
type memoryMap struct {
	startCode, endCode, startData, endData, startBrk, brk, startStack uint64
	argStart, argEnd, envStart, envEnd, auxv                          uint64
	auxvSize                                                          uint32
	exeFD                                                             int32
}

// placeHeap has the heap of this process begin at an address, empty. Go has its memory from mmap, so nothing is in the old one.
func placeHeap(addr uint64) error {
	m, err := readMemoryMap()
	if err != nil {
		return err
	}
	m.startBrk, m.brk = addr, addr
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, uintptr(unsafe.Pointer(&m)), unsafe.Sizeof(m), 0, 0)
	if errno != 0 {
		return fmt.Errorf("PR_SET_MM_MAP (CONFIG_CHECKPOINT_RESTORE): %w", errno)
	}
	return nil
}

// readMemoryMap reads from /proc/self/stat where the parts of this process are (proc_pid_stat(5)).
func readMemoryMap() (m memoryMap, err error) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return m, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from the third field on
	m.exeFD = -1
	for number, to := range map[int]*uint64{26: &m.startCode, 27: &m.endCode, 28: &m.startStack, 45: &m.startData, 46: &m.endData,
		48: &m.argStart, 49: &m.argEnd, 50: &m.envStart, 51: &m.envEnd} {
		if number-3 >= len(fields) {
			return m, fmt.Errorf("/proc/self/stat has %d fields, expected 51 or more", len(fields)+2)
		}
		if *to, err = strconv.ParseUint(string(fields[number-3]), 10, 64); err != nil {
			return m, fmt.Errorf("/proc/self/stat, field %d: %w", number, err)
		}
	}
	return m, nil
}
