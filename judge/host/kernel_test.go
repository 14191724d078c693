package host

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// known is the kernel that the facts were found on.
func known() Kernel {
	k := Kernel{
		Release: "6.18.44", Arch: "amd64", THP: "madvise", ShmemTHP: "never", OvercommitRatio: 50, MaxMapCount: 65530,
		MmapMinAddr: 4096, StackGuardGap: 256, TempFS: "ext4", Capabilities: map[string]bool{}, Config: map[string]string{},
	}
	for _, c := range capabilityTable {
		k.Capabilities[c.name] = true
	}
	for _, c := range configTable {
		k.Config[c.name] = c.want
	}
	return k
}

func TestReadKernel(t *testing.T) {
	k, err := readKernel(t.TempDir())
	must(t, err)
	t.Logf("\n%v", k)
	for _, d := range k.Differences() {
		t.Log(d)
	}
	if k.MaxMapCount < 1000 || k.StackGuardGap == 0 || k.UID != os.Geteuid() || len(k.Config) != len(configTable) {
		t.Errorf("%+v", k)
	}
	for _, part := range []string{k.Release, k.TempFS, "max_map_count", "CAP_IPC_LOCK", "PER_VMA_LOCK="} {
		if !strings.Contains(k.String(), part) {
			t.Errorf("the report has no %s", part)
		}
	}
}

func TestJudges(t *testing.T) {
	if !supported {
		t.Skip(errUnsupported)
	}
	for _, c := range []struct {
		series, release string
		judges          bool
	}{
		{"", "6.18", true}, {"", "6.18.44-fc-v657", true}, {"", "6.18-rc3", true}, {"", "6.180.1", false}, {"", "6.1.8", false}, {"", "7.0.1", false}, {"", "", false},
		{"7.3", "7.3.4+deb13-cloud-amd64", true}, {"7.3", "7.3", true}, {"7.3", "7.30.1", false}, {"7.3", "6.18.44", false},
	} {
		k := known()
		k.Release, k.Series = c.release, c.series
		if err := k.Judges(); (err == nil) != c.judges {
			t.Errorf("Linux %q as judge of %q: %v", c.release, c.series, err)
		}
	}
}

func TestDifferences(t *testing.T) {
	if got := known().Differences(); len(got) > 0 && supported {
		t.Errorf("the known kernel differs: %v", got)
	}
	for want, change := range map[string]func(k *Kernel){
		"THP for shmem":              func(k *Kernel) { k.ShmemTHP = "advise" },
		"overcommit_memory is 2":     func(k *Kernel) { k.Overcommit = 2 },
		"vm.max_map_count cannot be": func(k *Kernel) { k.Unread = []string{"vm.max_map_count"} },
		"have five levels":           func(k *Kernel) { k.FiveLevel = true },
		"not canonical":              func(k *Kernel) { k.WildFetch = true },
		"KSM runs":                   func(k *Kernel) { k.KSM = 1 },
		"swap space":                 func(k *Kernel) { k.Swap = true },
		"files are on tmpfs":         func(k *Kernel) { k.TempFS = "tmpfs" },
		"max_map_count is 4000000":   func(k *Kernel) { k.MaxMapCount = 4_000_000 },
		"no CAP_SYS_ADMIN":           func(k *Kernel) { k.Capabilities["CAP_SYS_ADMIN"] = false },
		"CONFIG_ANON_VMA_NAME=y":     func(k *Kernel) { k.Config["ANON_VMA_NAME"] = "y" },
		"CONFIG_KSM is unknown":      func(k *Kernel) { k.Config["KSM"] = "?" },
		"this is 6.12.1":             func(k *Kernel) { k.Release = "6.12.1" },
		"CONFIG_PER_VMA_LOCK is unk": func(k *Kernel) { delete(k.Config, "PER_VMA_LOCK"); k.Config["PER_VMA_LOCK"] = "?" },
	} {
		k := known()
		change(&k)
		got := k.Differences()
		if supported && len(got) != 1 || !slices.ContainsFunc(got, func(d string) bool { return strings.Contains(d, want) }) {
			t.Errorf("%v, want one that says %q", got, want)
		}
	}
}

func TestParseConfig(t *testing.T) {
	out := map[string]string{"KSM": "?", "NUMA": "?", "DEBUG_VM": "?", "LRU_GEN": "?"}
	parseConfig(strings.NewReader("#\n# CONFIG_KSM is not set\nCONFIG_NUMA=y\nCONFIG_DEBUG_VM=m\nCONFIG_NUMA_EMU=n\n"), out)
	for name, want := range map[string]string{"KSM": "n", "NUMA": "y", "DEBUG_VM": "m", "LRU_GEN": "n"} {
		if out[name] != want {
			t.Errorf("%s=%s, want %s", name, out[name], want)
		}
	}
}

// TestReadConfig: where the kernel has no file of its own, the distribution's is read, and that is not compressed.
func TestReadConfig(t *testing.T) {
	dir := t.TempDir()
	plain, packed, broken := filepath.Join(dir, "config-6.18"), filepath.Join(dir, "config.gz"), filepath.Join(dir, "broken.gz")
	must(t, os.WriteFile(plain, []byte("CONFIG_KSM=y\n"), 0o600))
	must(t, os.WriteFile(broken, []byte("CONFIG_KSM=m\n"), 0o600))
	var text bytes.Buffer
	z := gzip.NewWriter(&text)
	_, err := z.Write([]byte("CONFIG_NUMA=y\n"))
	must(t, err)
	must(t, z.Close())
	must(t, os.WriteFile(packed, text.Bytes(), 0o600))
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		files     []string
		ksm, numa string
	}{
		{[]string{none, plain}, "y", "n"}, {[]string{packed, plain}, "n", "y"}, {[]string{broken, plain}, "y", "n"}, {[]string{none}, "?", "?"}, {nil, "?", "?"},
	} {
		if got := readConfig(c.files); got["KSM"] != c.ksm || got["NUMA"] != c.numa || len(got) != len(configTable) {
			t.Errorf("%v: %v, want KSM=%s and NUMA=%s", c.files, got, c.ksm, c.numa)
		}
	}
}

func TestChosen(t *testing.T) {
	for setting, want := range map[string]string{"always [madvise] never": "madvise", "": "", "[x]": "x"} {
		if got := chosen(setting); got != want {
			t.Errorf("%q: %q, want %q", setting, got, want)
		}
	}
}
