//go:build !linux

package linux

import "strconv"

// Errno is an error of the simulated kernel. The machine's own have other numbers.
type Errno uintptr

func (e Errno) Error() string {
	if uintptr(e) < uintptr(len(errnos)) && errnos[e].text != "" {
		return errnos[e].text
	}
	return "errno " + strconv.Itoa(int(e))
}
