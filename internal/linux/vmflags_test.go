package linux

import (
	"testing"
)

func TestVMFlags(t *testing.T) {
	for _, c := range []struct {
		flags        VMFlags
		smaps, perms string
	}{
		{0, "", "---p"},
		{VMRead | VMWrite | VMMayRead | VMMayWrite | VMMayExec | VMAccount, "rd wr mr mw me ac", "rw-p"},
		{VMRead | VMExec | VMMayAny, "rd ex mr mw me ms", "r-xs"},
		{VMShared | VMMayShare | VMNoReserve | VMNoHugePage, "sh ms nr nh", "---s"},
		{VMMergeable | VMSoftDirty | VMMaybeGuard, "gu sd mg", "---p"},
		{VMRead | VMSealed, "rd sl", "r--p"},
	} {
		if got := c.flags.String(); got != c.smaps {
			t.Errorf("%#x is %q, expected %q", uint64(c.flags), got, c.smaps)
		}
		if got := c.flags.Perms(); got != c.perms {
			t.Errorf("%#x is %q, expected %q", uint64(c.flags), got, c.perms)
		}
		if c.flags.Accessible() != (c.perms[:3] != "---") {
			t.Errorf("%s: accessible %v", c.perms, c.flags.Accessible())
		}
	}
	if VMSealed != 1<<42 || VMMergeable != 1<<31 || VMMayRead != VMRead<<4 || VMMayExec != VMExec<<4 {
		t.Error("the bits are not the kernel's")
	}
	for code, flag := range map[string]VMFlags{"rd": VMRead, "gu": VMMaybeGuard, "ac": VMAccount, "wf": VMWipeOnFork, "mg": VMMergeable, "sl": VMSealed} {
		if flag.String() != code {
			t.Errorf("%s is shown as %s", code, flag)
		}
	}
	for code, want := range map[string]string{"rd": "VM_READ", "sl": "VM_SEALED", "ui": "VM_UFFD_MINOR", "zz": "", "": ""} {
		if got := VMFlagName(code); got != want {
			t.Errorf("VMFlagName(%q) = %q, want %q", code, got, want)
		}
	}
}
