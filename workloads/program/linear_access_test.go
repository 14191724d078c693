package program

import (
	"testing"

	"vmasim/explore"
)

// TestAccessesThatFault: what the sequential model says of accesses that fault is what they do. Drawn programs found both.
func TestAccessesThatFault(t *testing.T) {
	for name, src := range map[string]string{
		"no address of a user": `
thread one
	load 0x800000000000 => SEGV_KERNEL
	store 0xffff7ffffffffff8 1 => SEGV_KERNEL
thread two
	touch 0x8000000000000000 write => SEGV_KERNEL
`,
		"an entry that does not allow it, of a VMA that is gone, while other entries stay": `
init
	mmap A 8K r private anon at 0x200000000000 fixed
	touch A read
	mmap 8K r private anon at A+16K fixed
	touch A+16K read
thread one
	munmap A 24K
thread two
	touch A+16K exec => SEGV_MAPERR | SEGV_ACCERR
	load A => 0 | SEGV_MAPERR
`,
	} {
		r := exploreSource(t, src, Options{Options: explore.Options{Strategy: explore.PCT, Executions: 400}})
		for _, v := range r.Violations {
			t.Errorf("%s: %s: %s", name, v.Oracle(), v.Message())
		}
	}
}
