package workloads

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"vmasim/internal/linux"
	"vmasim/internal/suggest"
)

// Setting is a property of the machine that changes what user space sees.
type Setting uint8

// The settings.
const (
	SettingZeroPage Setting = iota
	SettingTHP
	SettingKSM
	SettingMaybeGuard
	SettingLockDroppable
	SettingOvercommit
	SettingOvercommitRatio
	SettingOvercommitKbytes
	SettingRAM
	SettingSwap
	SettingMmapMinAddr
	SettingLSMMinAddr
	SettingStackGuardGap
	SettingMmapBase
	SettingFaultAround
	SettingCapIPCLock
	SettingCapSysRawIO
)

// MachineSetting gives a setting a value: that of a word, a number, or bytes.
type MachineSetting struct {
	Pos     Pos
	Setting Setting
	Value   uint64
}

// settingSpec describes a setting: its value is one of words, or a number from lowest to highest, which has a unit if it is a size.
type settingSpec struct {
	name            string
	words           []Word
	size            bool
	address         bool // a size that is written as an address
	lowest, highest uint64
	multiple        uint64 // it is one of this; any number if 0
	powerOfTwo      bool
	usual           uint64 // if nothing is said
	help            string
}

// Values of a setting that is a switch.
const (
	Off = 0
	On  = 1
)

var (
	switchWords     = []Word{{"on", On, ""}, {"off", Off, ""}}
	overcommitWords = []Word{{"guess", int(linux.OvercommitGuess), ""}, {"always", int(linux.OvercommitAlways), ""}, {"never", int(linux.OvercommitNever), ""}}
)

const (
	mostMemory = 1 << 46 // bytes that can be anywhere
	highestMin = 1 << 30 // that vm.mmap_min_addr and the like may sensibly be
)

var settingSpecs = [...]settingSpec{
	SettingZeroPage: {name: "zero-page", words: switchWords, usual: On,
		help: "what is only read maps the shared zero page; off: a page of its own (`mm_forbids_zeropage`)"},
	SettingTHP: {name: "thp", words: switchWords, usual: On,
		help: "large mappings are placed for huge pages, and madvise knows them (`CONFIG_TRANSPARENT_HUGEPAGE`); there are none here either way"},
	SettingKSM: {name: "ksm", words: switchWords, usual: On, help: "madvise knows `mergeable` (`CONFIG_KSM`); nothing scans for equal pages"},
	SettingMaybeGuard: {name: "maybe-guard", words: switchWords, usual: On,
		help: "a VMA with guard markers has `VM_MAYBE_GUARD` (6.18.44, 6.19); off: it gets an anon_vma, as in the first 6.18.y"},
	SettingLockDroppable: {name: "lock-droppable", words: switchWords, usual: Off,
		help: "`mlockall future` locks droppable memory, too, as in the first 6.18.y; off: it does not (6.18.44)"},
	SettingOvercommit: {name: "overcommit", words: overcommitWords, usual: uint64(linux.OvercommitGuess),
		help: "memory that may never be there is refused if a single demand exceeds `ram` and `swap`, not at all, or beyond the commit limit (`vm.overcommit_memory`)"},
	SettingOvercommitRatio: {name: "overcommit-ratio", lowest: 1, highest: 1000, usual: linux.DefaultOvercommitRatio,
		help: "the commit limit in per cent of `ram`, beside `swap` (`vm.overcommit_ratio`)"},
	SettingOvercommitKbytes: {name: "overcommit-kbytes", highest: mostMemory >> 10, help: "the same in KiB, if not 0 (`vm.overcommit_kbytes`)"},
	SettingRAM: {name: "ram", size: true, lowest: 1 << 20, highest: mostMemory,
		help: "what overcommit takes for all memory; if nothing is said `guess` has no limit, and `never` that of `memory`"},
	SettingSwap: {name: "swap", size: true, highest: mostMemory, help: "swap space, which overcommit counts; nothing is ever swapped out"},
	SettingMmapMinAddr: {name: "mmap-min-addr", size: true, highest: highestMin, multiple: linux.PageSize, usual: linux.DefaultMmapMinAddr,
		help: "below it only `cap-sys-rawio` may map (`vm.mmap_min_addr`)"},
	SettingLSMMinAddr: {name: "lsm-min-addr", size: true, highest: highestMin, multiple: linux.PageSize,
		help: "below neither hints, nor searches, nor stacks go (`CONFIG_LSM_MMAP_MIN_ADDR`)"},
	SettingStackGuardGap: {name: "stack-guard-gap", size: true, lowest: linux.PageSize, highest: highestMin, multiple: linux.PageSize, usual: linux.DefaultStackGuardGap,
		help: "what stays free below a mapping that grows down (`stack_guard_gap`)"},
	SettingMmapBase: {name: "mmap-base", size: true, address: true, lowest: 1 << 30, highest: linux.TaskSize, multiple: linux.PageSize, usual: linux.MmapBase,
		help: "below it room for mappings is searched, downwards (`mmap_base`, which depends on the limit of the stack, and on chance)"},
	SettingFaultAround: {name: "fault-around", size: true, lowest: linux.PageSize, highest: 2 << 20, powerOfTwo: true, usual: linux.DefaultFaultAround,
		help: "the block whose cached pages a read fault on a file maps together (`fault_around_bytes`)"},
	SettingCapIPCLock:  {name: "cap-ipc-lock", words: switchWords, help: "`RLIMIT_MEMLOCK` limits nobody (`CAP_IPC_LOCK`)"},
	SettingCapSysRawIO: {name: "cap-sys-rawio", words: switchWords, help: "page 0 and what else lies below `mmap-min-addr` may be mapped (`CAP_SYS_RAWIO`)"},
}

// String is the setting's name.
func (s Setting) String() string { return settingSpecs[s].name }

// Settings lists the names of all settings, and the forms of their values.
func Settings() (names, values []string) {
	for i := range settingSpecs {
		names, values = append(names, settingSpecs[i].name), append(values, settingSpecs[i].form())
	}
	return names, values
}

// form is how a value is written: on|off, SIZE, N.
func (s *settingSpec) form() string {
	switch {
	case s.words != nil:
		return strings.Join(wordNames(s.words), "|")
	case s.size:
		return "SIZE"
	}
	return "N"
}

// parse reads a value.
func (s *settingSpec) parse(text string) (uint64, error) {
	if s.words != nil {
		if w, ok := wordByName(s.words, text); ok {
			return uint64(w.Value), nil
		}
		return 0, errors.New(suggest.Unknown("value", text, wordNames(s.words), ""))
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if s.size {
		n, err = ParseSize(text)
	}
	switch {
	case s.size && err != nil:
		return 0, err
	case err != nil:
		return 0, fmt.Errorf("bad number %q, expected a whole number", text)
	case n < s.lowest || n > s.highest:
		return 0, fmt.Errorf("%s of %s, expected %s to %s", s.name, s.format(n), s.format(s.lowest), s.format(s.highest))
	case s.multiple != 0 && n%s.multiple != 0:
		return 0, fmt.Errorf("%s of %s, expected a multiple of %s", s.name, s.format(n), s.format(s.multiple))
	case s.powerOfTwo && bits.OnesCount64(n) != 1:
		return 0, fmt.Errorf("%s of %s, expected a power of two", s.name, s.format(n))
	}
	return n, nil
}

func (s *settingSpec) format(value uint64) string {
	switch {
	case s.words != nil:
		return wordByValue(s.words, int(value))
	case s.size:
		return formatSize(value, s.address)
	}
	return strconv.FormatUint(value, 10)
}

// String is the setting as a scenario states it, without "machine".
func (m *MachineSetting) String() string {
	return m.Setting.String() + " " + settingSpecs[m.Setting].format(m.Value)
}

// Usual tells that the setting has the value that it has if nothing is said.
func (m *MachineSetting) Usual() bool { return m.Value == settingSpecs[m.Setting].usual }

// parseSetting reads a setting and its value. at says in which of the two a mistake is: 0 or 1.
func parseSetting(name, value string) (m MachineSetting, at int, err error) {
	i := slices.IndexFunc(settingSpecs[:], func(s settingSpec) bool { return s.name == name })
	if i < 0 {
		names, _ := Settings()
		return m, 0, errors.New(suggest.Unknown("setting", name, names, ""))
	}
	m.Setting = Setting(i)
	m.Value, err = settingSpecs[i].parse(value)
	return m, 1, err
}

// ParseSettings reads settings as a command line states them: "zero-page=off", several with commas between.
func ParseSettings(text string) (out []MachineSetting, err error) {
	for word := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(word), "=")
		if !ok {
			return nil, fmt.Errorf("bad setting %q, expected SETTING=VALUE such as zero-page=off", word)
		}
		m, _, err := parseSetting(name, value)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// FormatSettings is the text that [ParseSettings] reads.
func FormatSettings(settings []MachineSetting) string {
	words := make([]string, len(settings))
	for i := range settings {
		words[i] = strings.Replace(settings[i].String(), " ", "=", 1)
	}
	return strings.Join(words, ",")
}

// MachineText tells the settings of the scenario that are not as usual, with commas between.
func (s *Scenario) MachineText() string {
	var words []string
	for _, m := range s.Machine {
		if !m.Usual() {
			words = append(words, m.String())
		}
	}
	return strings.Join(words, ", ")
}

// WithMachine returns the scenario with settings in place of those that it states itself.
func (s *Scenario) WithMachine(settings []MachineSetting) *Scenario {
	if len(settings) == 0 {
		return s
	}
	with := *s
	for _, m := range settings {
		with.Machine = slices.DeleteFunc(slices.Clone(with.Machine), func(old *MachineSetting) bool { return old.Setting == m.Setting })
		with.Machine = append(with.Machine, &m)
	}
	slices.SortStableFunc(with.Machine, func(a, b *MachineSetting) int { return int(a.Setting) - int(b.Setting) })
	return &with
}

// machine reads SETTING VALUE.
func (p *parser) machine(c *cursor, pos Pos) {
	text, at := c.rest()
	words := strings.Fields(text)
	if len(words) != 2 {
		c.fail(at, "bad setting %q, expected SETTING VALUE such as zero-page off", strings.TrimSpace(text))
		return
	}
	m, which, err := parseSetting(words[0], words[1])
	if err != nil {
		if which == 1 {
			at.Col += len(words[0]) + strings.Index(text[len(words[0]):], words[1])
		}
		c.fail(at, "%v", err)
		return
	}
	m.Pos = pos
	for _, first := range p.sc.Machine {
		if first.Setting == m.Setting {
			c.twice("machine "+words[0], first.Pos)
		}
	}
	p.sc.Machine = append(p.sc.Machine, &m)
}
