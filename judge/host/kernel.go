package host

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel is the running kernel and those of its settings that matter to address
// spaces.
type Kernel struct {
	Release, Arch    string
	Series           string   // that the simulator claims to be; "": judgingSeries
	THP, ShmemTHP    string   // the choice made of /sys/kernel/mm/transparent_hugepage/{enabled,shmem_enabled}
	Overcommit       int      // vm.overcommit_memory: 0 heuristic, 1 always, 2 never
	OvercommitRatio  int      // in per cent, for 2
	OvercommitKbytes int      // in place of it, if not 0
	MaxMapCount      int      // vm.max_map_count
	MmapMinAddr      uint64   // vm.mmap_min_addr; an LSM may have a higher floor
	StackGuardGap    int      // in pages
	KSM              int      // /sys/kernel/mm/ksm/run
	Swap             bool     // there is swap space
	HugePages        int      // vm.nr_hugepages
	RAM, SwapSpace   uint64   // in bytes, as overcommit counts them
	Unread           []string // settings that could not be read, and are taken to be as usual
	// The rest a Lab finds out, by trying.
	Probed        bool   // it has
	ZeroPage      bool   // what is only read maps the shared zero page
	MaybeGuard    bool   // installing a guard sets VM_MAYBE_GUARD
	LockDroppable bool   // droppable memory is locked where all that is mapped is
	LowestAddr    uint64 // what hints are raised to: vm.mmap_min_addr, or the LSM's floor if that is higher
	MmapBase      uint64 // where the search for room begins, downwards
	FaultAround   uint64 // fault_around_bytes; 0: unknown
	MemoryHidden  bool   // /proc/PID/mem cannot be opened
	FiveLevel     bool   // page tables have five levels: addresses above 2^47 can be mapped
	WildFetch     bool   // the processor fetches instructions from addresses that are not canonical

	UID          int
	Capabilities map[string]bool   // effective, of those in capabilityTable
	TempFS       string            // file system of the folder for temporary files
	Config       map[string]string // of those in configTable: y, m, n; "?" if unknown
}

// capabilityTable has the capabilities that change what the kernel does or tells.
var capabilityTable = []struct {
	name  string
	bit   int
	lacks string // what cannot be compared without it
}{
	{"CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN, "page frame numbers are hidden: the zero page cannot be told from a private page"},
	{"CAP_SYS_RESOURCE", unix.CAP_SYS_RESOURCE, ""},
	{"CAP_IPC_LOCK", unix.CAP_IPC_LOCK, "locking memory without limit cannot be compared"},
	{"CAP_SYS_RAWIO", unix.CAP_SYS_RAWIO, "fixed mappings below the LSM's floor are refused"},
}

// configTable has the configuration options that matter, and what cannot be
// compared if an option is not as Linux 6.18 was studied with ("" for nothing).
var configTable = []struct{ name, want, otherwise string }{
	{"PER_VMA_LOCK", "y", "faults take mmap_lock: the lock path cannot be compared"},
	{"ANON_VMA_NAME", "n", "anonymous areas can have names, which keep them from merging"},
	{"MEM_SOFT_DIRTY", "", ""}, // VM_SOFTDIRTY and its bit in pagemap are left out: see Flags
	{"USERFAULTFD", "y", "userfaultfd cannot be compared"},
	{"LRU_GEN", "", ""},
	{"KSM", "y", "MADV_MERGEABLE is EINVAL"},
	{"TRANSPARENT_HUGEPAGE", "y", "MADV_HUGEPAGE is EINVAL, and large mappings are not aligned"},
	{"CHECKPOINT_RESTORE", "y", "the heap cannot be put into the window: brk cannot be compared"},
	{"COMPAT_BRK", "n", ""},
	{"PROC_MEM_ALWAYS_FORCE", "y", "/proc/PID/mem may respect the protection of memory: peek and poke cannot be compared"},
	{"PROC_PAGE_MONITOR", "y", "there is no pagemap: pages cannot be compared"},
	{"PT_RECLAIM", "", ""},
	{"NUMA", "", ""},
	{"DEBUG_VM", "", ""},
}

// fileSystemNames has the names of the usual file systems by their magic number.
var fileSystemNames = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.TMPFS_MAGIC: "tmpfs", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.F2FS_SUPER_MAGIC: "f2fs", unix.NFS_SUPER_MAGIC: "nfs",
}

// readKernel asks the running kernel. Temporary files will be in tempDir.
func readKernel(tempDir string) (Kernel, error) {
	k := Kernel{Arch: runtime.GOARCH, UID: os.Geteuid(), StackGuardGap: stackGuardGap()}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return k, fmt.Errorf("uname: %w", err)
	}
	k.Release = unix.ByteSliceToString(name.Release[:])
	k.THP = chosen(readSetting("/sys/kernel/mm/transparent_hugepage/enabled"))
	k.ShmemTHP = chosen(readSetting("/sys/kernel/mm/transparent_hugepage/shmem_enabled"))
	k.KSM, _ = strconv.Atoi(readSetting("/sys/kernel/mm/ksm/run"))
	k.HugePages, _ = strconv.Atoi(readSetting("/proc/sys/vm/nr_hugepages"))
	k.Swap = strings.Count(readSetting("/proc/swaps"), "\n") > 0
	minAddr := 0
	for _, s := range []struct {
		name  string
		to    *int
		usual int
	}{
		{"overcommit_memory", &k.Overcommit, 0}, {"overcommit_ratio", &k.OvercommitRatio, 50}, {"overcommit_kbytes", &k.OvercommitKbytes, 0},
		{"max_map_count", &k.MaxMapCount, 65530}, {"mmap_min_addr", &minAddr, 65536},
	} {
		n, err := strconv.Atoi(readSetting("/proc/sys/vm/" + s.name))
		if err != nil {
			n = s.usual
			k.Unread = append(k.Unread, "vm."+s.name)
		}
		*s.to = n
	}
	k.MmapMinAddr = uint64(minAddr)
	k.RAM, k.SwapSpace = memoryInfo("MemTotal"), memoryInfo("SwapTotal")
	var err error
	if k.Capabilities, err = readCapabilities(); err != nil {
		return k, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(tempDir, &fs); err != nil {
		return k, fmt.Errorf("statfs %s: %w", tempDir, err)
	}
	k.TempFS = fileSystemNames[int64(fs.Type)]
	if k.TempFS == "" {
		k.TempFS = fmt.Sprintf("%#x", fs.Type)
	}
	k.Config = readConfig(configFiles(k.Release))
	return k, nil
}

// readSetting is a file of /proc or /sys, "" where there is none.
func readSetting(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// memoryInfo is a number of /proc/meminfo in bytes, 0 where there is none.
func memoryInfo(name string) uint64 {
	_, rest, _ := strings.Cut("\n"+readSetting("/proc/meminfo"), "\n"+name+":")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseUint(fields[0], 10, 64)
	return n << 10
}

// chosen is the word in brackets.
func chosen(setting string) string {
	_, rest, _ := strings.Cut(setting, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

// stackGuardGap is what the kernel was started with, in pages.
func stackGuardGap() int {
	for _, word := range strings.Fields(readSetting("/proc/cmdline")) {
		if value, ok := strings.CutPrefix(word, "stack_guard_gap="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return 256
}

func readCapabilities() (map[string]bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return nil, fmt.Errorf("capget: %w", err)
	}
	out := map[string]bool{}
	for _, c := range capabilityTable {
		out[c.name] = data[c.bit/32].Effective&(1<<(c.bit%32)) != 0
	}
	return out, nil
}

// configFiles are the places where kernels have their configuration:
// CONFIG_IKCONFIG_PROC's, and where distributions install it.
func configFiles(release string) []string {
	return []string{"/proc/config.gz", "/boot/config-" + release, "/lib/modules/" + release + "/config"}
}

// readConfig reads the options of configTable from the first of the files that
// can be read.
func readConfig(files []string) map[string]string {
	out := map[string]string{}
	for _, c := range configTable {
		out[c.name] = "?"
	}
	for _, name := range files {
		if parseConfigFile(name, out) == nil {
			break
		}
	}
	return out
}

func parseConfigFile(name string, out map[string]string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !strings.HasSuffix(name, ".gz") {
		parseConfig(f, out)
		return nil
	}
	text, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	parseConfig(text, out)
	return nil
}

// parseConfig sets the options that are keys of out. An option that does not
// occur is off.
func parseConfig(text io.Reader, out map[string]string) {
	for name := range out {
		out[name] = "n"
	}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "CONFIG_"), "=")
		if _, wanted := out[name]; ok && wanted {
			out[name] = value
		}
	}
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// String is a report of several lines.
func (k Kernel) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "Linux %s on %s\n", k.Release, k.Arch)
	fmt.Fprintf(&s, "THP %s, for shmem %s; KSM %d; swap %v; temporary files on %s\n", k.THP, k.ShmemTHP, k.KSM, k.Swap, k.TempFS)
	fmt.Fprintf(&s, "overcommit_memory %d, overcommit_ratio %d, max_map_count %d, mmap_min_addr %d, stack guard gap %d pages\n",
		k.Overcommit, k.OvercommitRatio, k.MaxMapCount, k.MmapMinAddr, k.StackGuardGap)
	fmt.Fprintf(&s, "RAM %d MiB, swap space %d MiB; overcommit_kbytes %d\n", k.RAM>>20, k.SwapSpace>>20, k.OvercommitKbytes)
	if k.Probed {
		fmt.Fprintf(&s, "shared zero page %s, lowest address %#x, fault-around %d KiB, five-level page tables %s, VM_MAYBE_GUARD %s, droppable memory is locked: %s\n",
			onOff(k.ZeroPage), k.LowestAddr, k.FaultAround>>10, onOff(k.FiveLevel), onOff(k.MaybeGuard), onOff(k.LockDroppable))
	}
	fmt.Fprintf(&s, "uid %d", k.UID)
	for _, c := range capabilityTable {
		sign := "-"
		if k.Capabilities[c.name] {
			sign = "+"
		}
		fmt.Fprintf(&s, " %s%s", sign, c.name)
	}
	s.WriteString("\nconfig")
	for _, c := range configTable {
		fmt.Fprintf(&s, " %s=%s", c.name, k.Config[c.name])
	}
	return s.String() + "\n"
}

// judgingSeries is the kernel that the simulator claims to be when nothing else is said.
const judgingSeries = "6.18"

// Judges is nil if this kernel can tell right from wrong: it is the one that
// the simulator claims to be, on the architecture that it claims to be.
func (k Kernel) Judges() error {
	if !supported {
		return errUnsupported
	}
	series := cmp.Or(k.Series, judgingSeries)
	if rest, ok := strings.CutPrefix(k.Release, series); !ok || rest != "" && rest[0] != '.' && rest[0] != '-' {
		return errors.New("the simulator is Linux " + series + ", this is " + k.Release)
	}
	return nil
}

// Differences lists what cannot be compared on this kernel as it is set up, or
// differs from the simulator's default, and why. It is sorted.
func (k Kernel) Differences() []string {
	var out []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	if err := k.Judges(); err != nil {
		out = append(out, err.Error())
	}
	add(k.ShmemTHP != "never" && k.ShmemTHP != "deny", "THP for shmem is %q: shared anonymous memory may be aligned and huge", k.ShmemTHP)
	add(k.Overcommit == 2, "overcommit_memory is 2: what others use decides about ENOMEM")
	add(len(k.Unread) > 0, "%s cannot be read: taken to be as usual", strings.Join(k.Unread, ", "))
	add(k.FiveLevel, "page tables have five levels: addresses above 128 TiB cannot be compared")
	add(k.WildFetch, "the processor fetches instructions from addresses that are not canonical, as emulated ones do: such fetches cannot be compared")
	add(k.KSM == 1, "KSM runs: pages may become shared at any time")
	add(k.HugePages > 0, "there are %d huge pages: MAP_HUGETLB cannot be compared", k.HugePages)
	add(k.MemoryHidden, "/proc/PID/mem cannot be opened: peek and poke cannot be compared")
	add(k.Swap, "there is swap space: pages may go there at any time")
	add(k.TempFS != "ext4", "temporary files are on %s: placement of file mappings on ext4 cannot be compared", k.TempFS)
	add(k.MaxMapCount > maxStripes, "max_map_count is %d: too many areas to fill up", k.MaxMapCount)
	for _, c := range capabilityTable {
		add(!k.Capabilities[c.name] && c.lacks != "", "no %s: %s", c.name, c.lacks)
	}
	for _, c := range configTable {
		got := k.Config[c.name]
		add(got == "?" && c.otherwise != "", "CONFIG_%s is unknown: if not %s, %s", c.name, c.want, c.otherwise)
		add(got != "?" && got != c.want && c.otherwise != "", "CONFIG_%s=%s: %s", c.name, got, c.otherwise)
	}
	slices.Sort(out)
	return out
}
