// Vmasim runs scenarios on a simulated address space with the Linux per-VMA lock.
package main

import (
	"os"

	"vmasim/internal/host"
	"vmasim/workloads/faults"
)

func main() {
	host.Main() // neither returns in the processes that vmasim diff makes
	faults.Main()
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
