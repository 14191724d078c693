package phys

import (
	"slices"
	"testing"
)

func TestMappings(t *testing.T) {
	f := &File{Inode: &Inode{}}
	var m [3]Mapping
	want := func(want ...*Mapping) {
		t.Helper()
		if got := slices.Collect(f.Mappings()); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		for i := range m {
			if m[i].Linked() != slices.Contains(want, &m[i]) {
				t.Errorf("mapping %d: linked %v", i, m[i].Linked())
			}
		}
	}
	want()
	for i := range m {
		f.Link(&m[i])
	}
	want(&m[0], &m[1], &m[2])
	f.Unlink(&m[1])
	want(&m[0], &m[2])
	f.Link(&m[1])
	want(&m[0], &m[2], &m[1])
	f.Unlink(&m[0])
	f.Unlink(&m[1])
	f.Unlink(&m[2])
	want()
	f.Link(&m[2])
	want(&m[2])
}
