package main

import (
	"vmasim/judge/host"
	"vmasim/judge/lockpath"
)

// serveKernel is the whole program of the processes that vmasim diff makes, in which it does not return.
func serveKernel() {
	host.Main()
	lockpath.Main()
}
