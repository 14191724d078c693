package judge

import (
	"errors"
	"strings"
	"testing"

	"vmasim/workloads"
)

// TestOtherMachine: a scenario that wants another machine than the kernel is refused, one that wants the same is judged. The
// capabilities that the program has an agent may have, or not.
func TestOtherMachine(t *testing.T) {
	l := newLab(t)
	names, values := workloads.Settings()
	for _, has := range l.Settings() {
		_, isCapability := capability(has.Setting)
		stated := []string{names[has.Setting] + " " + strings.SplitN(has.String(), " ", 2)[1]}
		if words := strings.Split(values[has.Setting], "|"); len(words) > 1 {
			stated = nil
			for _, w := range words {
				stated = append(stated, names[has.Setting]+" "+w)
			}
		}
		for _, s := range stated {
			sc, err := workloads.Parse("t.vma", []byte("machine "+s+"\ninit\n    mmap A 4K rw private anon\n    load A => 0\n"))
			if err != nil {
				continue // a value of this machine that is beyond what scenarios say
			}
			r, err := l.Scenario(t.Context(), sc, 1)
			wantRefused := s != has.String() && !(isCapability && strings.HasSuffix(s, " off"))
			if other, refused := errors.AsType[*OtherMachine](err); refused != wantRefused {
				t.Errorf("machine %s, the kernel has %v: %v, %v", s, &has, other, err)
			}
			if r != nil && (r.FirstDrift != nil || r.Unexpected != nil) {
				t.Errorf("machine %s: %v, %v", s, r.FirstDrift, r.Unexpected)
			}
		}
	}
}

// TestLowPages: what may be mapped at the lowest addresses, without CAP_SYS_RAWIO and, where we have it, with it.
func TestLowPages(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct{ machine, result string }{{"off", "any"}, {"on", "ok"}} {
		sc, err := workloads.Parse("t.vma", []byte(strings.NewReplacer("MACHINE", c.machine, "RESULT", c.result).Replace(`machine cap-sys-rawio MACHINE
init
    mmap A 4K rw private anon
    mmap 4K rw private anon at 0 fixed => RESULT
    mremap A 4K to 4K maymove fixed at 0 => RESULT
    munmap 0 4K => any
    mmap 4K rw private anon at 0x1000
`)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Scenario(t.Context(), sc, 1)
		if other, refused := errors.AsType[*OtherMachine](err); refused {
			t.Logf("not judged: %v", other)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.FirstDrift != nil || r.Unexpected != nil {
			t.Errorf("cap-sys-rawio %s: %v, %v", c.machine, r.FirstDrift, r.Unexpected)
		}
	}
}
