package program

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vmasim/explore"
	"vmasim/internal/rules"
	"vmasim/workloads"
)

const o6Manual = "../../docs/o6.md"

// early is a load that a writer makes once it has waited for readers, and of what a fault stores.
type early struct {
	load, stored string
	ordered      string // by which it comes after the store
	scenario     string // a litmus test, or a file of docs/o6
	harm         string // the oracle that speaks though all is as in the kernel; "": none does
	without      string // the mutation that takes the order away
	in           string // where that is seen; "": in the scenario
	finds        string // what is seen: an oracle, or exists, a question that is answered
	mute         string // an oracle that would end the search before that
}

var earlyLoads = []early{
	{load: "mprotect: PGD, PUD and PMD entries", stored: "under the locks of the tables", ordered: "**nothing**: it is read without a lock",
		scenario: "wait-acquire", harm: "writable-pte"},
	{load: "mremap: PGD, PUD and PMD entries", stored: "the same", ordered: "**nothing**: one section of the reverse map's lock comes between",
		scenario: "wait-move", harm: "unreachable-anon-vma"},
	{load: "munmap, and mmap over a mapping: PGD, PUD and PMD entries", stored: "the same", ordered: "`vma_mark_detached`: the decrement to 0 acquires",
		scenario: "unmap.vma", without: "detach-orders-nothing", finds: "table-freed-in-use"},
	{load: "fork: PGD, PUD and PMD entries of the parent", stored: "the same", ordered: "two sections of the reverse map's lock: what comes before the unlock comes before what follows the lock",
		scenario: "fork.vma", without: "rwsems-order-nothing", in: "snapshot.vma", finds: "exists", mute: "use-after-free"},
	{load: "mprotect: PTEs", stored: "under the PTE lock", ordered: "the PTE lock",
		scenario: "entries.vma", without: "spinlocks-order-nothing", finds: "writable-pte"},
	{load: "merge: `anon_vma`, and the links", stored: "with `mmap_lock` held for reading", ordered: "`mmap_lock`",
		scenario: "merge.vma", without: "rwsems-order-nothing", finds: "use-after-free"},
	{load: "split: `anon_vma`, and the links", stored: "the same", ordered: "`mmap_lock`",
		scenario: "split.vma", without: "anon-vma-without-mmap-lock", finds: "data-race", mute: "lock-rule"},
	{load: "madvise: `vm_flags`", stored: "by no fault", ordered: "nothing has to", scenario: "advice.vma"},
}

// lacking are the orders that are taken away, each of the code or of the memory model.
var lacking = []mutation{
	{name: "detach-orders-nothing", file: "vma/lock_refcount.go", old: "	if v.refcnt.DecAndTest(t) == 0 {\n",
		new: "	if mutation == \"detach-orders-nothing\" {\n		t.Unordered()\n	}\n	if v.refcnt.DecAndTest(t) == 0 {\n"},
	{name: "spinlocks-order-nothing, rwsems-order-nothing", file: "explore/views.go", old: "		t.bound.join(h.locked)\n",
		new: "		spin := e.Op == task.OpSpinLock || e.Op == task.OpSpinTrylock\n" +
			"		none := spin && mutation == \"spinlocks-order-nothing\" || !spin && mutation == \"rwsems-order-nothing\"\n		if !none {\n			t.bound.join(h.locked)\n		}\n"},
	{name: "a further part of these", file: "explore/views.go", old: "		if len(t.released) > 0 {", new: "		if len(t.released) > 0 && !none {"},
	{name: "anon-vma-without-mmap-lock", file: "fault/handle.go", old: "	if !f.Mmap && !f.mm.Rules.Dropped",
		new: "	if mutation != \"anon-vma-without-mmap-lock\" && !f.Mmap && !f.mm.Rules.Dropped"},
}

// TestEarlyLoads explores, for each load that a writer makes behind its wait for readers, the scenario in which it could be early, under the rules of the
// kernel and with an acquire behind the wait; and shows that it is harmed where what orders it is taken away. It holds the table of docs/o6.md
// to what that took. -rewrite updates the table.
func TestEarlyLoads(t *testing.T) {
	if testing.Short() {
		t.Skip("16 searches of up to 50,000 executions, and it builds vmasim anew: go test without -short, as the README has it, makes them")
	}
	t.Parallel()
	binary := mutated(t, lacking, "build", "../../cmd/vmasim")
	var made strings.Builder
	made.WriteString("| load | a fault stores it | ordered by | scenario | memory model | under `linux-6.18` | with `wait-acquire` | without that order |\n")
	made.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, e := range earlyLoads {
		sc, link := e.open(t, e.scenario)
		fmt.Fprintf(&made, "| %s | %s | %s | %s | `%s` | %s | %s | %s |\n", e.load, e.stored, e.ordered, link, sc.Model.Name,
			e.searched(t, sc, rules.Default, e.harm), e.searched(t, sc, rules.Default+",+wait-acquire", ""), e.lacks(t, binary))
	}
	holdsOrders(t, o6Manual, made.String())
}

// open returns the scenario of a name, and a link to it.
func (e *early) open(t *testing.T, name string) (sc *workloads.Scenario, link string) {
	t.Helper()
	var err error
	if !strings.HasSuffix(name, ".vma") {
		sc, err = workloads.LoadBuiltin(name)
		link = fmt.Sprintf("[`%s`](litmus.md#%[1]s)", name)
	} else {
		var text []byte
		if text, err = os.ReadFile(filepath.Join("../../docs/o6", name)); err == nil {
			sc, err = workloads.Parse(name, text)
		}
		link = fmt.Sprintf("[`%s`](o6/%[1]s)", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sc, link
}

// searched says what a search comes to: the harm, or that nothing is found in a search that goes through everything.
func (e *early) searched(t *testing.T, sc *workloads.Scenario, spec, harm string) string {
	t.Helper()
	o := Options{Setting: Setting{Rules: spec}, NoShrink: true}
	o.Workers = 1
	if harm != "" {
		o.Until = func(f *explore.Found) bool { return f.Kind() == harm }
	}
	r, err := Explore(t.Context(), sc, o)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Search.Executions
	switch {
	case harm == "" && r.Verdict() == Verified:
		return fmt.Sprintf("verified in %d, complete", n)
	case harm != "" && len(r.Violations) == 1 && r.Violations[0].Kind() == harm:
		return fmt.Sprintf("`%s` after %d", harm, n)
	}
	t.Errorf("%s under %s: %s %v after %d executions, expected %q", sc.Name, spec, r.Verdict(), r.Broken(), n, harm)
	return ""
}

// lacks says what is found without the order that keeps the load from being early.
func (e *early) lacks(t *testing.T, binary string) string {
	t.Helper()
	if e.without == "" {
		return "—"
	}
	name := e.scenario
	if e.in != "" {
		name = e.in
	}
	args := []string{"explore", filepath.Join("../../docs/o6", name), "--rules", rules.Default, "-j", "1", "--executions", "40000", "--format", "json"}
	if e.mute != "" {
		args = append(args, "--without", e.mute)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "VMASIM_MUTATION="+e.without)
	out, err := cmd.Output()
	var r struct {
		Oracle      string
		Executions  int
		Observation []struct{ Positive int }
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if json.Unmarshal([]byte(line), &r) != nil {
		t.Fatalf("%v %v: %s", args, err, out)
	}
	_, link := e.open(t, name)
	switch {
	case e.finds == "exists" && len(r.Observation) > 0 && r.Observation[0].Positive > 0:
		return fmt.Sprintf("`%s`: the child of %s has the second write without the first, in %d of %d executions", e.without, link, r.Observation[0].Positive, r.Executions)
	case e.finds != "exists" && r.Oracle == e.finds:
		return fmt.Sprintf("`%s`: `%s` after %d", e.without, e.finds, r.Executions)
	}
	t.Errorf("%s with %s: %q after %d executions, expected %s", name, e.without, r.Oracle, r.Executions, e.finds)
	return ""
}
