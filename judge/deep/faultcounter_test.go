package deep

import (
	"testing"

	"vmasim/internal/linux"
	"vmasim/judge/host"
)

// TestCountFaults makes faults one by one, whose way is known.
func TestCountFaults(t *testing.T) {
	c, err := CountFaults()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(c.Close)
	_, p := open(t, host.Window{})
	must(t, c.Watch(p.PID()))
	touch := func(n int, access linux.Access, want string) {
		t.Helper()
		f, err := p.Touch(uint64(at(p, n)), access)
		if err != nil || f.String() != want {
			t.Fatalf("%v, %v, want %s", f, err, want)
		}
	}
	var last Faults
	check := func(what string, want Faults) {
		t.Helper()
		now, err := c.Count(p.PID())
		must(t, err)
		got := Faults{now.Total - last.Total, now.MmapLock - last.MmapLock}
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		last = now
	}
	mapPages(t, p, 0, 8, protRW)
	mapPages(t, p, 8, 1, protR)
	last, err = c.Count(p.PID())
	must(t, err)

	touch(0, linux.Write, "ok")
	check("the first write gives it an anon_vma, by a trylock", Faults{Total: 1})
	touch(1, linux.Write, "ok")
	touch(2, linux.Read, "ok")
	check("the VMA lock is enough", Faults{Total: 2})
	touch(8, linux.Write, "SEGV_ACCERR")
	check("refused under the VMA lock", Faults{Total: 1})
	touch(9, linux.Read, "SEGV_MAPERR")
	check("no VMA", Faults{Total: 1, MmapLock: 1})
	touch(1, linux.Write, "ok")
	check("no fault", Faults{})
}
