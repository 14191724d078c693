// Vmasim runs scenarios on a simulated address space with the Linux per-VMA lock.
package main

import (
	"os"

	"vmasim/judge/host"
	"vmasim/judge/lockpath"
)

func main() {
	host.Main() // neither returns in the processes that vmasim diff makes
	lockpath.Main()
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
