// Vmasim runs scenarios on a simulated address space with the Linux per-VMA lock.
package main

import "os"

func main() {
	serveKernel()
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
