package judge

import (
	"errors"
	"strings"
	"testing"

	"vmasim/judge/host"
	"vmasim/workloads"
)

// TestRefuses: a statement that the kernel cannot judge as it is set up is a reason not to judge the scenario.
func TestRefuses(t *testing.T) {
	for _, src := range []string{
		"init\n  mmap 2M rw private anon hugetlb => ENOMEM\n",
		"thread t\n  mmap A 4K rw private anon\n  repeat 2\n    poke A 1\n",
		"init\n  yield\nfinally\n  peek 0 => EIO\n",
	} {
		sc, err := workloads.Parse("x.vma", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if err := refuses(host.Kernel{}, sc); err != nil {
			t.Errorf("a kernel with nothing special: %v", err)
		}
		err = refuses(host.Kernel{HugePages: 1, MemoryHidden: true}, sc)
		if other, ok := errors.AsType[*OtherMachine](err); !ok || !strings.HasPrefix(other.Error(), "x.vma:") {
			t.Errorf("%q: %v", src, err)
		}
	}
}

// TestWildFetch: where the processor fetches from addresses that are not canonical, as emulated ones do, such a fetch is left out, and
// nothing else.
func TestWildFetch(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		statement string
		performed int
	}{
		{"touch 0x8000000000000000 exec => ok", 0},
		{"touch 0x800000000000 exec => ok", 0},
		{"touch 0x7ffffffff000 exec => SEGV_MAPERR", 1},
		{"touch 0xffff800000000000 exec => SEGV_MAPERR", 1},
		{"touch 0x8000000000000000 read => SEGV_KERNEL", 1},
	} {
		sc, err := workloads.Parse("t.vma", []byte("init\n    "+c.statement+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		l.kernel.WildFetch = true
		r, err := l.Scenario(t.Context(), sc, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations != c.performed || r.FirstDrift != nil || r.Unexpected != nil {
			t.Errorf("%s: %d operations, %v, %v", c.statement, r.Operations, r.FirstDrift, r.Unexpected)
		}
	}
}
