package linux

// Resources of setrlimit.
const (
	RLIMIT_DATA    = 2
	RLIMIT_STACK   = 3
	RLIMIT_CORE    = 4
	RLIMIT_MEMLOCK = 8
	RLIMIT_AS      = 9

	RLIM_INFINITY = 1<<64 - 1
)

// Settings of prctl.
const (
	PR_SET_THP_DISABLE  = 41
	PR_SET_MDWE         = 65
	PR_SET_MEMORY_MERGE = 67

	PR_MDWE_REFUSE_EXEC_GAIN = 1
	PR_MDWE_NO_INHERIT       = 2
)

// Capabilities.
const (
	CAP_IPC_LOCK  = 14
	CAP_SYS_RAWIO = 17
)

// System calls of x86-64.
const (
	SYS_MMAP             = 9
	SYS_MPROTECT         = 10
	SYS_MUNMAP           = 11
	SYS_BRK              = 12
	SYS_MREMAP           = 25
	SYS_MSYNC            = 26
	SYS_MADVISE          = 28
	SYS_MLOCK            = 149
	SYS_MUNLOCK          = 150
	SYS_MLOCKALL         = 151
	SYS_MUNLOCKALL       = 152
	SYS_PRCTL            = 157
	SYS_REMAP_FILE_PAGES = 216
	SYS_MLOCK2           = 325
	SYS_MSEAL            = 462
)
