package program

import (
	"strings"
	"testing"

	"vmasim/workloads"
)

const yesterdaysTree = `
mm B
MAY
init
	mmap F 4K rw private anon
	store F 0
	mmap A 4K rw private anon
thread reader
	load F => 0 | 1
	lock A => ok | EAGAIN
thread recycler
	munmap A
	in B
		mmap 4K rw private anon at A fixed
	store F 1
`

// TestStaleWalkShowsWhatSchedulesCannot: a reader that knows the mapping to be gone finds it only by a stale walk, and not
// at all once a grace period lies between.
func TestStaleWalkShowsWhatSchedulesCannot(t *testing.T) {
	const impossible = "reader.1=1; reader.2=ok"
	for _, c := range []struct {
		may, rules string
		want       bool
	}{
		{"", "linux-6.18,-check-vm-mm", false},
		{"may stale-walk", "linux-6.18,-check-vm-mm", true},
		{"may stale-walk", "linux-6.18,-check-vm-mm,-typesafe-slab", false},
		{"may stale-walk", "linux-6.18", false},
	} {
		r := exploreSource(t, strings.Replace(yesterdaysTree, "MAY", c.may, 1), Options{Setting: Setting{Rules: c.rules, Without: allOracles()}})
		if got := strings.Contains(outcomes(r), impossible); got != c.want || !r.Search.Complete {
			t.Errorf("%q under %s: found %v, want %v; complete %v\n%s", c.may, c.rules, got, c.want, r.Search.Complete, outcomes(r))
		}
	}
}

// TestNodesAreNotStale: the grace period of a node that a store replaces begins with the store, so a walk that begins after the news
// finds what is new. In a tree without nodes, which frees none, it may miss it.
func TestNodesAreNotStale(t *testing.T) {
	sc, err := workloads.LoadBuiltin("stale-hole")
	if err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]bool{"linux-6.18": true, "linux-6.18,+maple-nodes": false} {
		r, err := Explore(t.Context(), sc, Options{Setting: Setting{Rules: spec}})
		if err != nil {
			t.Fatal(err)
		}
		text := outcomes(r)
		if got := strings.Contains(text, "finder.1=1; finder.2=EAGAIN"); got != want || !strings.Contains(text, "finder.1=1; finder.2=ok") || !r.Search.Complete {
			t.Errorf("%s: the walk is too early: %v, expected %v (complete: %v)\n%s", spec, got, want, r.Search.Complete, text)
		}
	}
}

// TestWalkInFaultIsStale: a fault finds nothing where something is mapped, and asks again under mmap_lock.
func TestWalkInFaultIsStale(t *testing.T) {
	const src = `
MAY
init
	mmap F 4K rw private anon
	store F 0
	mmap A 4K r private anon
	munmap A
thread mapper
	mmap 4K r private anon at A fixed
	store F 1
thread finder
	load F => 0 | 1
	touch A read => ok | SEGV_MAPERR
`
	executions := map[string]int{}
	for _, may := range []string{"", "may stale-walk"} {
		r := exploreSource(t, strings.Replace(src, "MAY", may, 1), Options{})
		text := outcomes(r)
		if !r.OK() || !strings.Contains(text, "finder.1=1; finder.2=ok") || strings.Contains(text, "finder.1=1; finder.2=SEGV") {
			t.Errorf("%q: %v\n%s", may, r.Broken(), text)
		}
		executions[may] = r.Search.Executions
	}
	if executions["may stale-walk"] <= executions[""] {
		t.Errorf("executions: %v, so no walk was stale", executions)
	}
}

// TestKilledTaskEnds: what comes after the statement in which a task was killed is not performed, and the next execution
// begins with a task that lives.
func TestKilledTaskEnds(t *testing.T) {
	const src = `
may signal
init
	mmap A 8K r private anon
thread first
	mprotect A 4K none => ok | EINTR
	repeat 2
		walk A => EFAULT
thread second
	munmap A+4K 4K => ok | EINTR
	walk A => EFAULT
`
	r := exploreSource(t, src, Options{})
	text := outcomes(r)
	if !r.OK() || !r.Search.Complete {
		t.Fatalf("%v\n%s", r.Broken(), text)
	}
	killed := map[string]int{}
	for line := range strings.Lines(text) {
		for _, name := range []string{"first", "second"} {
			dead := !strings.Contains(line, name+".2=")
			if strings.Contains(line, name+".1=EINTR") && !dead {
				t.Errorf("%s goes on after its death: %s", name, line)
			}
			if dead {
				killed[name+" "+line[strings.Index(line, name+".1="):][len(name)+3:][:2]]++
			}
		}
	}
	for _, want := range []string{"first EI", "first ok", "second EI", "second ok"} { // ok: the lock came before the signal ended the wait
		if killed[want] == 0 {
			t.Errorf("nobody dies with %q: %v\n%s", want, killed, text)
		}
	}
	if !strings.Contains(text, "first.1=ok; first.2=EFAULT; first.2=EFAULT; second.1=ok; second.2=EFAULT") {
		t.Errorf("nobody lives\n%s", text)
	}
}
