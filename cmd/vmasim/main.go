// Vmasim runs scenarios on a simulated address space with the Linux per-VMA lock.
package main

import (
	"os"

	"vmasim/internal/host"
)

func main() {
	host.Main() // does not return in the processes that vmasim diff makes
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
