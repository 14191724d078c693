package diff

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"vmasim/workloads"
)

// TestOtherMachine: a scenario that wants another machine than the kernel is refused, one that wants the same is judged.
func TestOtherMachine(t *testing.T) {
	l := newLab(t)
	for _, has := range settingsOf(l.Kernel()) {
		names, values := workloads.Settings()
		for _, value := range strings.Split(values[has.Setting], "|") {
			stated := fmt.Sprintf("%s %s", names[has.Setting], value)
			sc, err := workloads.Parse("t.vma", []byte("machine "+stated+"\ninit\n    mmap A 4K rw private anon\n    load A => 0\n"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := l.Scenario(t.Context(), sc, 1)
			if other, refused := errors.AsType[*OtherMachine](err); refused != (stated != has.String()) {
				t.Errorf("machine %s, the kernel has %v: %v, %v", stated, &has, other, err)
			}
			if r != nil && (r.FirstDrift != nil || r.Unexpected != nil) {
				t.Errorf("machine %s: %v, %v", stated, r.FirstDrift, r.Unexpected)
			}
		}
	}
}
