package linux

// vmFlag is a flag of a VMA.
type vmFlag struct{ code, name string }

// vmFlags are the flags of a VMA by bit, with the two letters by which /proc/PID/smaps shows them and the kernel's names. They are those
// of Linux 6.18 on x86-64; VM_MAYBE_GUARD came with 6.19, and with the kernels of 6.18.y that have it backported.
var vmFlags = [...]vmFlag{
	0:  {"rd", "VM_READ"},
	1:  {"wr", "VM_WRITE"},
	2:  {"ex", "VM_EXEC"},
	3:  {"sh", "VM_SHARED"},
	4:  {"mr", "VM_MAYREAD"},
	5:  {"mw", "VM_MAYWRITE"},
	6:  {"me", "VM_MAYEXEC"},
	7:  {"ms", "VM_MAYSHARE"},
	8:  {"gd", "VM_GROWSDOWN"},
	9:  {"um", "VM_UFFD_MISSING"},
	10: {"pf", "VM_PFNMAP"},
	11: {"gu", "VM_MAYBE_GUARD"},
	12: {"uw", "VM_UFFD_WP"},
	13: {"lo", "VM_LOCKED"},
	14: {"io", "VM_IO"},
	15: {"sr", "VM_SEQ_READ"},
	16: {"rr", "VM_RAND_READ"},
	17: {"dc", "VM_DONTCOPY"},
	18: {"de", "VM_DONTEXPAND"},
	19: {"lf", "VM_LOCKONFAULT"},
	20: {"ac", "VM_ACCOUNT"},
	21: {"nr", "VM_NORESERVE"},
	22: {"ht", "VM_HUGETLB"},
	23: {"sf", "VM_SYNC"},
	24: {"ar", "VM_ARCH_1"},
	25: {"wf", "VM_WIPEONFORK"},
	26: {"dd", "VM_DONTDUMP"},
	27: {"sd", "VM_SOFTDIRTY"},
	28: {"mm", "VM_MIXEDMAP"},
	29: {"hg", "VM_HUGEPAGE"},
	30: {"nh", "VM_NOHUGEPAGE"},
	31: {"mg", "VM_MERGEABLE"},
	40: {"dp", "VM_DROPPABLE"},
	42: {"sl", "VM_SEALED"},
}

// otherVMFlags are those whose bit depends on the configuration.
var otherVMFlags = [...]vmFlag{{"bt", "VM_ARM64_BTI"}, {"ss", "VM_SHADOW_STACK"}, {"ui", "VM_UFFD_MINOR"}}

// VMFlagBits is how many bits may be flags of a VMA that have a code.
const VMFlagBits = len(vmFlags)

// VMFlagCode returns the two letters of a bit below VMFlagBits, "" if it has none.
func VMFlagCode(bit int) string { return vmFlags[bit].code }

// VMFlagName returns the kernel's name of a code, "" for an unknown one.
func VMFlagName(code string) string {
	for _, flags := range [...][]vmFlag{vmFlags[:], otherVMFlags[:]} {
		for _, f := range flags {
			if f.code == code && code != "" {
				return f.name
			}
		}
	}
	return ""
}
