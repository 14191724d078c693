package driver

import (
	"fmt"
	"testing"
)

// BenchmarkBarrier tells what a barrier takes of so many tasks that meet again and again: the time of a round.
func BenchmarkBarrier(b *testing.B) {
	for _, tasks := range []int{2, 4, 16, 256} { // of the last, more than there are CPUs
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			mustPass(b, fmt.Sprintf("thread t * %d\n repeat %d\n  barrier here\n", tasks, b.N), Options{})
		})
	}
}
