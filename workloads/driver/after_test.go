package driver

import (
	"strings"
	"testing"
)

// TestAfter: a statement waits for one of another thread: for all its tasks, for one that ends without coming there, and in a background
// thread, too.
func TestAfter(t *testing.T) {
	for range 50 {
		mustPass(t, `
mm child
init
	mmap A 64K rw private anon
thread first * 3
	store A+$i*8 1
	store A+$i*8 2
thread second
	after first.2
	load A => 2
	load A+8 => 2
	load A+16 => 2
	munmap A
thread third
	after second.5
	load A => SEGV
thread late background
	after third.2
	load A => SEGV
	forever
		yield
`, Options{Seed: nil})
	}
}

// TestAfterDeadlock: tasks that wait for each other are found, and one that the run has given up lets the others go on.
func TestAfterDeadlock(t *testing.T) {
	r := runSource(t, `
init
	mmap A 4K rw private anon
thread a
	after b.2
	yield
thread b
	after a.2
	yield
thread c
	after a.2
	after b.2
	load A => 0
`, Options{})
	if len(r.Unexpected) == 0 || !strings.Contains(r.Unexpected[0].String(), "after b.2: got a deadlock, expected the other thread to come there") {
		t.Errorf("%v", r.Unexpected)
	}
}
