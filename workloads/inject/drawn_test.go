package inject

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vmasim/internal/linux"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/workloads"
	"vmasim/workloads/driver"
	"vmasim/workloads/interp"
)

// declared is what each drawn scenario has: children, and files of each kind, of which it keeps those that it mentions.
const declared = `mm child grandchild
machine overcommit never
window 256K at 0x200000000000
limit max_map_count 42
file F temp 48K pattern
file R again F ro
file M memory 37864 pattern
file H memory 32K hooks
file Z zero rw
file E memory 32K pattern sealed
file P pipe
file C closed
init
    heap B 64K at 0x200000020000
`

// heapStart is where its heap begins.
const heapStart = workloads.DefaultWindowBase + 0x20000

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
	"hooks beside hooks": `
    mmap 16K rw shared file H at 0x200000004000 fixed
    mmap 16K rw private file H +16K at 0x200000008000 fixed
    store 0x200000008000 5
    mmap 16K rw private anon at 0x20000000c000 fixed
    touch 0x20000000c000 16K write
    mmap 8K r shared file H +8K at 0x200000012000 fixed
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
	"guards and a seal": `
    mmap 8K r private anon at 0x200000001000 fixed
    mmap 32K rw private anon at 0x200000004000 fixed
    touch 0x200000004000 32K write
    madvise 0x200000008000 8K guard_install
    mmap 16K rw private anon at 0x20000000c000 fixed
    touch 0x20000000c000 16K write
    mseal 0x20000000e000 8K
`,
}

// expectedOf are the choices by which statements of a kind fail, where it is not an allocation alone.
var expectedOf = map[string]string{
	"mmap": "alloc-fails charge-fails hook-fails", "remap_file_pages": "alloc-fails hook-fails", "mremap": "alloc-fails charge-fails hook-fails", "munmap": "alloc-fails hook-fails", "madvise": "alloc-fails hook-fails", "mlock": "alloc-fails hook-fails",
	"brk": "alloc-fails charge-fails", "fork": "alloc-fails charge-fails", "mprotect": "alloc-fails charge-fails hook-fails",
	"touch": "alloc-fails charge-fails", // of what lies below a stack
}

// failsNowhere are the statements that allocate nothing, charge nothing and call no hook that may refuse.
var failsNowhere = append(strings.Fields(`msync mincore setrlimit prctl lock walk ptdump collapse smaps_rollup damon_vmas task_vmas driver_pages lock_both
	bpf_find_vma swapoff ksm exit`), workloads.KindReadMaps.String())

// scenarioOf makes a scenario of a layout and a statement behind it; "": none.
func scenarioOf(layout, statement string) (*workloads.Scenario, error) {
	var b strings.Builder
	for line := range strings.Lines(declared) {
		word := strings.Fields(line)
		if word[0] == "file" && !regexp.MustCompile(`\b`+word[1]+`\b`).MatchString(layout+statement) && word[1] != "F" {
			continue // opening it costs more than all else
		}
		b.WriteString(line)
	}
	b.WriteString(layout)
	if statement != "" {
		b.WriteString("    " + statement + "\n")
	}
	return workloads.Parse("drawn", []byte(b.String()))
}

// performerOf returns a performer of a scenario.
func performerOf(sc *workloads.Scenario, rules string) (*performer, error) {
	o := options(rules)
	o.patience = defaultPatience
	plan, err := driver.NewPlan(sc, &o.Options)
	return newPerformer(sc, plan, &o), err
}

// view is what a generator sees of the address space that a layout makes.
type view struct {
	areas  []workloads.Mapping
	exists []bool
}

func (v view) Window() (base, end uint64) {
	return workloads.DefaultWindowBase, workloads.DefaultWindowBase + 256<<10
}
func (v view) Heap() uint64                 { return heapStart }
func (v view) Areas() int                   { return len(v.areas) }
func (v view) Area(i int) workloads.Mapping { return v.areas[i] }
func (v view) Exists(mm int) bool           { return v.exists[mm] }

// viewOf performs a layout and looks at what it makes.
func viewOf(t *testing.T, layout string) (v view) {
	t.Helper()
	sc, err := scenarioOf(layout, "yield")
	if err != nil {
		t.Fatal(err)
	}
	p, err := performerOf(sc, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	d := &performance{performer: p, spaces: make([]*mm.MM, len(sc.MMs))}
	if err := d.setUp(); err != nil || !d.all(context.Background()) || len(d.unexpected) > 0 || len(d.broken) > 0 {
		t.Fatal(err, d.unexpected, d.broken)
	}
	base, end := v.Window()
	d.spaces[0].Tree.Ascend(d.actor.Task, base, func(e tree.Entry) bool {
		if _, _, _, flags := e.VMA.Snapshot(); e.Start < end {
			v.areas = append(v.areas, workloads.Mapping{Start: e.Start, End: e.End, Prot: workloads.Prot(flags & linux.VMAccessFlags), Shared: flags&linux.VMMayShare != 0})
		}
		return true
	})
	for _, m := range sc.MMs {
		v.exists = append(v.exists, m.Name == workloads.MainMM || strings.Contains(layout, "fork "+m.Name))
	}
	d.end()
	if len(d.broken) > 0 {
		t.Fatal(d.broken)
	}
	return v
}

// drawer draws statements.
type drawer struct {
	files *workloads.Scenario // with all files
	views map[string]view     // by layout
}

func newDrawer(t *testing.T) *drawer {
	sc, err := workloads.Parse("drawn", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	d := &drawer{files: sc, views: map[string]view{}}
	for name, layout := range layouts {
		d.views[name] = viewOf(t, layout)
	}
	return d
}

// kinds are the kinds of statements that are ever drawn: all that perform something.
func (d *drawer) kinds() (kinds []workloads.Kind) {
	for k := range workloads.NumKinds {
		kinds = append(kinds, workloads.Kind(k))
	}
	g := workloads.NewGenerator(d.files, rand.New(rand.NewPCG(0, 0)), kinds...)
	return slices.DeleteFunc(kinds, func(k workloads.Kind) bool { return !g.Draws(k) })
}

// draw draws so many different statements of the kind for a layout, fewer if there are no more.
func (d *drawer) draw(layout string, kind workloads.Kind, count int) (statements []string) {
	v := d.views[layout]
	for seed := range uint64(4 * count) {
		g := workloads.NewGenerator(d.files, rand.New(rand.NewPCG(seed, uint64(len(layout))<<8|uint64(kind))), kind, workloads.KindMprotect) // which can always be drawn
		for range 100 {
			s := g.Next(v)
			if s.Kind != kind || kind == workloads.KindExit && (s.MM == nil || s.MM.Index == 0) {
				continue
			}
			if text := interp.Stated(s); !slices.Contains(statements, text) {
				statements = append(statements, text)
			}
			break
		}
		if len(statements) == count {
			break
		}
	}
	return statements
}

// tally is what came of a kind of statement.
type tally struct {
	statements, points int
	by                 map[task.Choice]int
	outcomes           map[string]int
}

// tried is what came of one statement behind a layout.
func tried(layout, statement, rules string, n *tally) (wrong string, err error) {
	sc, err := scenarioOf(layout, statement)
	if err != nil {
		return "", err
	}
	p, err := performerOf(sc, rules)
	if err != nil {
		return "", err
	}
	defer p.close()
	plain, err := p.perform(context.Background(), nil)
	if err != nil {
		return "", err
	}
	if len(plain.broken) > 0 {
		return strings.Join(plain.broken, "; "), nil
	}
	p.plain = plain.turns
	r := &Result{}
	r.note(plain)
	if err := p.eachOf(context.Background(), r, len(p.plain)-1); err != nil {
		return "", err
	}
	n.statements++
	for _, f := range r.Failures {
		n.points += f.Times
		n.by[f.Fails] += f.Times
		n.outcomes[f.Gives] += f.Times
		if len(f.Wrong) > 0 {
			return fmt.Sprintf("%s fails in %s, gives %s, leaves %q: %s", f.Fails, f.In, f.Gives, f.Left, strings.Join(f.Wrong, "; ")), nil
		}
	}
	return "", nil
}

// TestEveryPointFails lets every allocation, charge and hook of every statement that can be drawn fail in turn, on a few layouts. A new
// statement is among them by its row in the table.
func TestEveryPointFails(t *testing.T) {
	each, often := 25, 100
	if testing.Short() {
		each, often = 5, 15
	}
	d := newDrawer(t)
	for _, kind := range d.kinds() {
		n, count := &tally{by: map[task.Choice]int{}, outcomes: map[string]int{}}, each
		switch kind {
		case workloads.KindMmap, workloads.KindMunmap, workloads.KindMprotect, workloads.KindMadvise, workloads.KindMremap, workloads.KindBrk, workloads.KindMlock,
			workloads.KindRemapFilePages, workloads.KindTouch, workloads.KindStore:
			count = often
		}
		for _, name := range slices.Sorted(maps.Keys(layouts)) {
			for _, s := range d.draw(name, kind, count) {
				if wrong, err := tried(layouts[name], s, "", n); wrong != "" || err != nil {
					t.Errorf("layout %q, %s: %s %v", name, s, wrong, err)
				}
			}
		}
		t.Logf("%-16v %4d statements, %5d points: %v", kind, n.statements, n.points, n.by)
		want := cmp.Or(expectedOf[kind.String()], string(task.AllocFails))
		for _, c := range failing {
			switch none := slices.Contains(failsNowhere, kind.String()); {
			case none && n.by[c] > 0:
				t.Errorf("%v fails by %s", kind, c)
			case !none && !testing.Short() && strings.Contains(want, string(c)) && n.by[c] == 0:
				t.Errorf("%v does not fail by %s", kind, c)
			}
		}
	}
}

// TestDrawnFindFaults: where a rule about failures is switched off, the failing points of some statement show it.
func TestDrawnFindFaults(t *testing.T) {
	d := newDrawer(t)
	for rule, kind := range map[string]workloads.Kind{"uncharge-failed": workloads.KindMmap, "reattach": workloads.KindMunmap, "move-back": workloads.KindMremap, "hook-last": workloads.KindMmap} {
		found := ""
		for _, name := range slices.Sorted(maps.Keys(layouts)) {
			for _, s := range d.draw(name, kind, 60) {
				if wrong, err := tried(layouts[name], s, "linux-6.18,-"+rule, &tally{by: map[task.Choice]int{}, outcomes: map[string]int{}}); err != nil {
					t.Fatal(err)
				} else if found == "" {
					found = wrong
				}
			}
		}
		if t.Logf("%s: %s", rule, found); found == "" {
			t.Errorf("without %s nothing is found", rule)
		}
	}
}
