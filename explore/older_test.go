package explore

import (
	"slices"
	"testing"

	"vmasim/internal/task"
)

// TestNeverOlder: a load that is come to only behind a load of an older value sees none itself within a limit of one; with more it does. The same is told by
// several workers, and by a search that went on from a checkpoint.
func TestNeverOlder(t *testing.T) {
	p := newWeakProgram("W w 1; W x 1; W y 1 | R y; when 1; R x; when 0; Racq w")
	for _, c := range []struct {
		model   string
		workers int
		want    []string
	}{{"views:1", 1, []string{"smp_load_acquire"}}, {"views:1", 3, []string{"smp_load_acquire"}}, {"views:2", 1, nil}, {"views", 1, nil}, {"tso", 1, nil}, {"sc", 1, nil}} {
		m, err := ParseMemoryModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		r := explored(t, p, Options{Memory: m, Workers: c.workers})
		if got := r.NeverOlder(); !r.Complete || !slices.Equal(got, c.want) {
			t.Errorf("%s, %d workers: %v never see an older value, expected %v; complete %t", c.model, c.workers, got, c.want, r.Complete)
		}
	}
}

// TestPatienceIsTold: a load that comes behind two that have seen the older value sees the new one.
func TestPatienceIsTold(t *testing.T) {
	r := explored(t, newWeakProgram("W x 1; W y 1 | R y; when 1; R x; when 0; R x; when 0; Racq x"), weak(DPOR))
	if got := r.NeverOlder(); !r.Complete || !slices.Equal(got, []string{"smp_load_acquire"}) {
		t.Errorf("%v never see an older value, of %v", got, r.Older)
	}
}

// TestSiteNames: a load is named by the field and the function.
func TestSiteNames(t *testing.T) {
	layout := &task.Layout{Type: "vm_area_struct", Size: 16, Fields: []task.Field{{Name: "vm_start", Offset: 8, Size: 8}}}
	for want, s := range map[string]site{
		"READ_ONCE of vm_area_struct.vm_start in f": {"f", task.OpReadOnce, layout, 8}, "READ_ONCE in f": {"f", task.OpReadOnce, nil, 0}, "READ_ONCE": {"", task.OpReadOnce, nil, 0},
	} {
		if s.String() != want {
			t.Errorf("%s, expected %s", s, want)
		}
	}
	r := &Report{}
	r.addOlder(map[string]bool{"a": false, "b": true})
	r.addOlder(map[string]bool{"a": true, "c": false})
	if got := r.NeverOlder(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("%v", got)
	}
}
