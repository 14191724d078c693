package judge

import (
	"fmt"
	"slices"

	"vmasim/internal/linux"
	"vmasim/judge/host"
	"vmasim/workloads"
	"vmasim/workloads/interp"
)

// disks are the file systems that place mappings as the simulator takes files on a disk to be placed.
var disks = [...]string{"ext4", "xfs", "btrfs"}

// refuses returns an [OtherMachine] if the kernel, as it is set up, cannot judge a statement of the scenario.
func refuses(k host.Kernel, sc *workloads.Scenario) error {
	for s := range sc.Statements {
		switch {
		case k.HugePages > 0 && s.Kind == workloads.KindMmap && s.Flags&linux.MAP_HUGETLB != 0:
			return &OtherMachine{lacks: fmt.Sprintf("%v: this kernel has %d huge pages in its pool and cannot judge", s.Pos, k.HugePages)}
		case k.MemoryHidden && (s.Kind == workloads.KindPeek || s.Kind == workloads.KindPoke):
			return &OtherMachine{lacks: fmt.Sprintf("%v: this kernel does not open /proc/PID/mem to us and cannot judge", s.Pos)}
		}
	}
	for _, f := range sc.Files {
		if f.Hooks {
			return &OtherMachine{lacks: fmt.Sprintf("%v: no kernel has a file with hooks and can judge", f.Pos)}
		}
		if f.Disk && !slices.Contains(disks[:], k.TempFS) {
			return &OtherMachine{lacks: fmt.Sprintf("%v: this file is one of a disk, but temporary files are on %s here: TMPDIR has to name a folder on %s, %s or %s",
				f.Pos, k.TempFS, disks[0], disks[1], disks[2])}
		}
	}
	return nil
}

// incomparable reports whether a call is left out because this machine's processor is none that the simulator has: one with more
// addresses, or one that is emulated.
func incomparable(k *host.Kernel, c *interp.Call) bool {
	high := func(addr, length uint64) bool { return addr >= linux.TaskSize || length > linux.TaskSize-addr }
	if k.FiveLevel && (high(c.Addr, c.Len) || high(c.NewAddr, c.NewLen)) {
		return true
	}
	return k.WildFetch && c.Kind == workloads.KindTouch && c.Access == linux.Exec && !linux.Canonical(c.Addr)
}
