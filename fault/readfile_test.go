package fault

import (
	"errors"
	"testing"

	"vmasim/internal/linux"
)

// TestReadsBesideMappings: pread copies the first word of a file to memory, and a build ID is looked for where a file is mapped.
func TestReadsBesideMappings(t *testing.T) {
	f := newFixture(t)
	file, empty := f.open(page), f.open(0)
	f.mapFile(file, 0, 1, linux.PROT_READ, linux.MAP_SHARED, 0)
	f.mapAnon(4, 5, rw)
	f.do(PRead(f.t, f.mm, file, at(4)+8))
	if v, res := Load(f.t, f.mm, at(4)+8); v != word(0) || res != linux.OK {
		t.Errorf("read into memory: %#x, %s", v, res)
	}
	if id, err := BuildID(f.t, f.mm, at(0)); id != word(0) || err != nil {
		t.Errorf("the build ID is %#x: %v", id, err)
	}
	for what, c := range map[string]struct{ got, want error }{
		"into read-only memory": {PRead(f.t, f.mm, file, at(0)), linux.EFAULT},
		"an empty file":         {PRead(f.t, f.mm, empty, at(4)), linux.EIO},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, expected %v", what, c.got, c.want)
		}
	}
	for _, n := range []int{2, 4} { // nothing, and no file
		if _, err := BuildID(f.t, f.mm, at(n)); !errors.Is(err, linux.ENOENT) {
			t.Errorf("page %d: %v, expected ENOENT", n, err)
		}
	}
	f.valid(f.mm)
}
