package interp

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/mm"
	"vmasim/workloads"
)

// TestConfigure: every setting that a scenario can state changes something of the machine.
func TestConfigure(t *testing.T) {
	values := map[string]string{
		"zero-page": "off", "thp": "off", "ksm": "off", "maybe-guard": "off", "lock-droppable": "on", "overcommit": "never", "overcommit-ratio": "80", "overcommit-kbytes": "1024", "ram": "2G", "swap": "1G",
		"mmap-min-addr": "4K", "lsm-min-addr": "1M", "stack-guard-gap": "2M", "mmap-base": "0x7f0000000000", "fault-around": "16K", "cap-ipc-lock": "on", "cap-sys-rawio": "on",
	}
	names, _ := workloads.Settings()
	for _, name := range names {
		stated, err := workloads.ParseSettings(name + "=" + values[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if stated[0].Usual() {
			t.Errorf("%v is the usual", &stated[0])
		}
		var s mm.Settings
		if Configure(&s, []*workloads.MachineSetting{&stated[0]}); s == (mm.Settings{}) {
			t.Errorf("%v changes nothing", &stated[0])
		}
	}
	var s mm.Settings
	for _, text := range []string{"mmap-min-addr=0", "ram=2G", "overcommit=always"} {
		stated, err := workloads.ParseSettings(text)
		if err != nil {
			t.Fatal(err)
		}
		Configure(&s, []*workloads.MachineSetting{&stated[0]})
	}
	want := mm.Settings{MmapMinAddr: 1, RAM: 2 << 30, Overcommit: linux.OvercommitAlways}
	if s != want {
		t.Errorf("%+v, expected %+v", s, want)
	}
}
