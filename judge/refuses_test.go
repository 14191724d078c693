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

// TestOtherProcessor: where the processor fetches from addresses that are not canonical, as emulated ones do, such a fetch is left out;
// where it has more addresses than ours, all that is above ours; and nothing else.
func TestOtherProcessor(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		statement  string
		wild, five int // operations performed on such a processor
	}{
		{"touch 0x8000000000000000 exec => any", 0, 0},
		{"touch 0x800000000000 exec => any", 0, 0},
		{"touch 0x7ffffffff000 exec => any", 1, 0},
		{"touch 0xffff800000000000 exec => any", 1, 0},
		{"touch 0x8000000000000000 read => any", 1, 0},
		{"load 0x800000000000 => any", 1, 0},
		{"mmap 4K rw private anon at 0x7ffffffff000 fixed => ENOMEM", 1, 0},
		{"munmap 0x7fffffffe000 8K => EINVAL", 1, 0},
		{"munmap 0x20000000 4K", 1, 1},
		{"touch 0x20000000 exec => SEGV_MAPERR", 1, 1},
	} {
		sc, err := workloads.Parse("t.vma", []byte("window 1M at 0x20000000\ninit\n    "+c.statement+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct {
			wild, five bool
			performed  int
		}{{true, false, c.wild}, {false, true, c.five}} {
			l.kernel.WildFetch, l.kernel.FiveLevel = p.wild, p.five
			r, err := l.Scenario(t.Context(), sc, 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations != p.performed || r.FirstDrift != nil || r.Unexpected != nil {
				t.Errorf("%s: %d operations, %v, %v", c.statement, r.Operations, r.FirstDrift, r.Unexpected)
			}
		}
	}
}
