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
