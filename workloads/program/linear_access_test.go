package program

import (
	"testing"

	"vmasim/explore"
)

// TestAccessesThatFault: what the sequential model says of accesses that fault is what they do. Drawn programs found all.
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
		"an entry that another task made while the access was looking for the VMA": `
init
	mmap A 4K rw private anon at 0x200000000000 fixed
thread one
	munmap A
thread two
	touch A read => ok | SEGV_MAPERR
	touch A write => ok | SEGV_MAPERR
thread three
	touch A write => ok | SEGV_MAPERR
`,
		"a page that a fork shares and another task copies at that time": `
mm child
init
	mmap A 12K rw private anon at 0x200000000000 fixed
	store A 1
	fork child
thread one
	munmap A
thread two
	touch A write => ok | SEGV_MAPERR
thread three
	touch A 12K write => ok | SEGV_MAPERR
	store A 7 => ok | SEGV_MAPERR
`,
		"an entry of which one access makes use before the one that made it": `
file f temp 4K
init
	mmap A 8K rw private anon at 0x200000000000 fixed
	mmap B 4K rw shared file f at A+8K fixed
	store A 1
thread one
	munmap A 12K
thread two
	touch A read => ok | SEGV_MAPERR
	load A+8K => any
thread three
	store A+8K 9 => ok | SEGV_MAPERR
`,
		"an entry that is cleared while its page is copied": `
init
	mmap A 8K rw private anon at 0x200000000000 fixed
	load A
thread one
	munmap A
thread two
	touch A read => ok | SEGV_MAPERR
thread three
	touch A 8K write => ok | SEGV_MAPERR
	touch A write => ok | SEGV_MAPERR
`,
	} {
		r := exploreSource(t, src, Options{Options: explore.Options{Strategy: explore.PCT, Executions: 400}})
		for _, v := range r.Violations {
			t.Errorf("%s: %s: %s", name, v.Oracle(), v.Message())
		}
	}
}

// TestStoreAfterMunmap: an entry that is left behind when munmap has returned is told by what a store comes to.
func TestStoreAfterMunmap(t *testing.T) {
	a, before := handMade(t, onePage+"\tstore A 1\nthread one\n\tmunmap A\nthread two\n\tstore A 7\n", "")
	if _, found := a.explain(before); !found {
		t.Error("a store beside a munmap is not explained")
	}
	before[1] |= 1
	if w, found := a.explain(before); found {
		t.Errorf("a store after a munmap is explained: %+v", w)
	}
}
