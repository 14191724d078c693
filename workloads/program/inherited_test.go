package program

import "testing"

// TestNewJoinsInherited: what a call newly maps stays apart from a VMA that was inherited over fork, and where it does not,
// wrong-merge says so.
func TestNewJoinsInherited(t *testing.T) {
	for name, call := range map[string]string{
		"mmap above":            "mmap 4K rw private anon at A+8K noreplace",
		"mmap below":            "mmap 4K rw private anon at A-4K noreplace",
		"mmap over its end":     "mmap 4K rw private anon at A+4K fixed",
		"mremap without a page": "mremap B 4K to 4K at A+8K maymove fixed",
		"brk":                   "brk H+8K",
	} {
		src := "mm child\ninit\n\tmmap A 8K rw private anon at 0x200000000000 fixed\n\tstore A 1\n"
		if name == "brk" {
			src += "\theap H 1M at A+2M\n\tbrk H+4K\n\tstore H 1\n"
		}
		src += "\tfork child\nthread mapper in child\n"
		if name == "mremap without a page" {
			src += "\tmmap B 4K rw private anon at A+1M fixed\n"
		}
		src += "\t" + call + "\n"
		for spec, want := range map[string]string{"linux-6.18": "", "linux-6.18,-spare-inherited": "wrong-merge"} {
			r := exploreSource(t, src, Options{Setting: Setting{Rules: spec}})
			var got string
			if len(r.Violations) > 0 {
				got = r.Violations[0].Oracle()
			}
			if got != want || want == "" && r.Verdict() != Verified {
				t.Errorf("%s under %s: %s %q, expected %q", name, spec, r.Verdict(), got, want)
			}
		}
	}
}
