package linux

// Ways to open a file.
const (
	O_RDONLY = 0x0
	O_WRONLY = 0x1
	O_RDWR   = 0x2
)

// Kinds of file systems, as statfs tells them.
const (
	EXT4_SUPER_MAGIC  = 0xef53
	XFS_SUPER_MAGIC   = 0x58465342
	BTRFS_SUPER_MAGIC = 0x9123683e
	TMPFS_MAGIC       = 0x1021994
)
