package linux

import "syscall"

// Errno is an error of the simulated kernel, and here the machine's, too: a comparison of both needs no conversion.
type Errno = syscall.Errno
