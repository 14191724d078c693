package interp_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// injected are the choices that let something fail.
var injected = []task.Choice{task.AllocFails, task.ChargeFails, task.HookFails}

// failing lets the k-th point fail at which something can, counted from 0; with k < 0 none.
type failing struct {
	task.NoObserver
	k, n int
	what task.Choice // that was made to fail; "": none was
}

func (f *failing) Choose(_ *task.Task, what task.Choice, _ int) int {
	if !slices.Contains(injected, what) {
		return 0
	}
	n := f.n
	f.n++
	if n != f.k {
		return 0
	}
	f.what = what
	return 1
}

// layouts are those that every statement is tried on: what the steps before it make of a window of 64 pages.
var layouts = map[string]string{
	"empty": "",
	"anonymous, in parts": `
    mmap 64K rw private anon at 0x200000004000 fixed
    touch 0x200000004000 32K write
    mprotect 0x200000008000 8K r
    mmap 16K rw private anon at 0x200000018000 fixed
    mlock 0x200000018000 8K
`,
	"files": `
    mmap 48K rw private file F at 0x200000004000 fixed
    store 0x200000005000 7
    mmap 32K rw shared file M at 0x200000010000 fixed
    store 0x200000011000 8
    mmap 32K rw shared file H at 0x200000018000 fixed
    mmap 16K rw shared anon at 0x200000020000 fixed
    touch 0x200000020000 8K write
`,
	"inherited": `
    mmap 64K rw private anon at 0x200000004000 fixed
    touch 0x200000004000 32K write
    mmap 32K rw private file F at 0x200000014000 fixed
    store 0x200000014000 9
    fork child
    munmap 0x200000008000 8K
`,
	"registered, and split from neighbours alike": `
    mmap 64K rw private anon at 0x200000004000 fixed
    touch 0x200000004000 32K write
    uffd_register 0x200000008000 8K
`,
	"a stack and a heap": `
    mmap 16K rw private anon at 0x200000010000 fixed growsdown
    store 0x200000011000 3
    brk 0x200000024000
    touch 0x200000020000 8K write
`,
}

// dropsContents are the statements of which docs/kernel.md (R10, R11) says that a failure may leave other contents in what they are about, and brk,
// which shrinks. All others leave contents as they were, but for uprobe: the breakpoints that it has put before it fails stay here
// (docs/model.md).
var dropsContents = []workloads.Kind{workloads.KindMmap, workloads.KindMadvise, workloads.KindMremap, workloads.KindRemapFilePages, workloads.KindBrk,
	workloads.KindUprobe}

// failsNowhere are the statements that allocate nothing, charge nothing and call no hook.
var failsNowhere = strings.Fields(`msync mincore setrlimit prctl lock walk ptdump collapse smaps_rollup damon_vmas task_vmas driver_pages lock_both
	bpf_find_vma swapoff ksm exit`)

// tally is what came of a kind of statement.
type tally struct {
	statements, points int
	by                 map[task.Choice]int
	outcomes           map[string]int
}

// drawnKinds are the kinds of statements that are ever drawn: all that perform something.
func drawnKinds() (kinds []workloads.Kind) {
	for k := range workloads.NumKinds {
		kinds = append(kinds, workloads.Kind(k))
	}
	g := newPlan(64, true).generator(0, kinds...)
	return slices.DeleteFunc(kinds, func(k workloads.Kind) bool { return !g.Draws(k) })
}

// prepared returns a world with a layout.
func (p plan) prepared(layout string) (*world, error) {
	w, err := p.newWorld(p.rules, func(c *mm.Config) { c.JudgeCalls, c.Overcommit = true, linux.OvercommitNever })
	if err != nil || layout == "" {
		return w, err
	}
	sc, err := workloads.Parse("layout", []byte(strings.Replace(declared, "    yield\n", layout, 1)))
	if err != nil {
		return w, err
	}
	for _, s := range sc.Init.Body {
		if out := w.do(step{stmt: s}); s.Kind != workloads.KindMmap && s.Kind != workloads.KindBrk && out != "ok" {
			return w, fmt.Errorf("%v: %s", s, out)
		}
	}
	return w, nil
}

// words are the contents of what the page tables map, by address space and address.
func (w *world) words() map[string]string {
	all, space := map[string]string{}, ""
	for line := range strings.Lines(w.state()) {
		if strings.HasPrefix(line, "space") {
			space = line
		} else if addr, content, ok := strings.Cut(line, ": "); ok {
			all[space+strings.Fields(addr)[0]] = content
		}
	}
	return all
}

// fail performs a statement with the k-th point failing, and reports whether it came to that.
func (p plan) fail(layout string, s step, k int, plain string, n *tally) (reached bool, err error) {
	w, err := p.prepared(layout)
	if err != nil {
		return false, err
	}
	before, words := w.state(), w.words()
	f := &failing{k: k}
	w.actor.Task.Observer = f
	out := w.do(s)
	w.actor.Task.Observer = nil
	if f.what != "" {
		n.points++
		n.by[f.what]++
		n.outcomes[out]++
	}
	err = w.afterFailure(s, out, plain, before, words, f.what != "")
	if closed := w.close(); err == nil {
		err = closed
	}
	return f.what != "", err
}

// afterFailure says what is wrong after a statement: it must end as it would have, or with an error that stands for what failed, and leave
// what it may. Where it left nothing, it succeeds when it is made again.
func (w *world) afterFailure(s step, out, plain, before string, words map[string]string, failed bool) error {
	if len(w.broken) > 0 {
		return errors.New(strings.Join(w.broken, "; "))
	}
	for i, m := range w.spaces {
		if m == nil {
			continue
		}
		m.MmapWriteLock(w.actor.Task)
		wrong := m.Validate(w.actor.Task)
		m.MmapWriteUnlock(w.actor.Task)
		for _, v := range wrong {
			return fmt.Errorf("space %d: %v", i, v)
		}
	}
	if !failed || out == plain {
		return nil
	}
	code, _, _ := strings.Cut(out, " ")
	if s.stmt.Kind != workloads.KindBrk && !slices.Contains([]string{"ENOMEM", "EAGAIN", "ENODEV", "EFAULT", "SIGBUS", "EIO", "SEGV_MAPERR"}, code) {
		return fmt.Errorf("it ends with %s, without the failure with %s", out, plain)
	}
	if !slices.Contains(dropsContents, s.stmt.Kind) {
		now := w.words()
		for addr, content := range words { // more may be mapped: mlock brings pages in
			if now[addr] != content {
				return fmt.Errorf("it fails with %s, and the contents of %q have changed:\n%s", out, addr, w.state())
			}
		}
	}
	if w.state() == before {
		if again := w.do(s); again != plain {
			return fmt.Errorf("it fails with %s and leaves nothing; made again it ends with %s, not with %s", out, again, plain)
		}
	}
	return nil
}

// TestEveryPointFails lets every allocation, charge and hook of every statement that can be drawn fail in turn, on a few layouts. A new
// statement is among them by its row in the table.
func TestEveryPointFails(t *testing.T) {
	each := 40
	if testing.Short() {
		each = 12
	}
	p := newPlan(64, true)
	for _, kind := range drawnKinds() {
		n := &tally{by: map[task.Choice]int{}, outcomes: map[string]int{}}
		for _, name := range slices.Sorted(maps.Keys(layouts)) {
			if err := p.failSome(layouts[name], kind, each, n); err != nil {
				t.Errorf("%v, layout %q, %v", kind, name, err)
			}
		}
		t.Logf("%-16v %4d statements, %5d points: %v, ends: %v", kind, n.statements, n.points, n.by, n.outcomes)
		if none := slices.Contains(failsNowhere, kind.String()); none != (n.points == 0) {
			t.Errorf("%v has %d points at which something can fail", kind, n.points)
		}
	}
}

// failSome draws so many statements of the kind for a layout, and lets each of their points fail.
func (p plan) failSome(layout string, kind workloads.Kind, count int, n *tally) error {
	for seed := range uint64(count) {
		if err := p.failEach(layout, kind, seed, n); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}

// TestInjectionFindsFaults: where a rule about failures is switched off, the failing points of some statement show it.
func TestInjectionFindsFaults(t *testing.T) {
	for rule, kind := range map[string]workloads.Kind{"uncharge-failed": workloads.KindMmap, "reattach": workloads.KindMunmap} {
		t.Run(rule, func(t *testing.T) {
			p := newPlan(64, true)
			p.rules = ",-" + rule
			for _, name := range slices.Sorted(maps.Keys(layouts)) {
				if err := p.failSome(layouts[name], kind, 40, &tally{by: map[task.Choice]int{}, outcomes: map[string]int{}}); err != nil {
					first, _, _ := strings.Cut(err.Error(), "\n")
					t.Log(first)
					return
				}
			}
			t.Error("nothing is found")
		})
	}
}

// failEach draws one statement of the kind for a layout, if it makes sense there, and lets each of its points fail.
func (p plan) failEach(layout string, kind workloads.Kind, seed uint64, n *tally) error {
	w, err := p.prepared(layout)
	if err != nil {
		return err
	}
	s := step{stmt: p.drawOne(w, kind, seed)}
	if s.stmt == nil || !w.makesSense(s) {
		return w.close()
	}
	plain := w.do(s)
	if err := w.close(); err != nil {
		return fmt.Errorf("%v: %w", s, err)
	}
	n.statements++
	for k := 0; ; k++ {
		reached, err := p.fail(layout, s, k, plain, n)
		if err != nil {
			return fmt.Errorf("%v, point %d: %w", s, k, err)
		}
		if !reached {
			return nil
		}
	}
}

// drawOne draws a statement of the kind; nil: none could be drawn.
func (p plan) drawOne(w *world, kind workloads.Kind, seed uint64) *workloads.Stmt {
	g := p.generator(seed, kind, workloads.KindMprotect) // which can always be drawn
	for range 100 {
		if s := g.Next(w.viewOf(0)); s.Kind == kind {
			return s
		}
	}
	return nil
}
