package interp

import (
	"testing"

	"vmasim/fault"
	"vmasim/internal/linux"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/workloads"
)

// TestDescribe checks that addresses are worded as such, whichever call gives them.
func TestDescribe(t *testing.T) {
	out := success(0x7f0000001000)
	for kind, want := range map[workloads.Kind]string{
		workloads.KindMmap: "0x7f0000001000", workloads.KindMremap: "0x7f0000001000", workloads.KindBrk: "0x7f0000001000",
		workloads.KindLoad: "139637976731648", workloads.KindMincore: "139637976731648", workloads.KindMunmap: "ok",
	} {
		if got := Describe(&workloads.Stmt{Kind: kind}, out); got != want {
			t.Errorf("%v gives %s, expected %s", kind, got, want)
		}
	}
}

// loner is the host of an actor that shares nothing.
type loner struct {
	Host
	mismatches int
}

func (l *loner) Mismatch(*workloads.Stmt, string, string) { l.mismatches++ }

func TestPerform(t *testing.T) {
	sc, err := workloads.Parse("x.vma", []byte(`
init
    mmap A 8K rw private anon
    store A+8 5
    load A+8
    load A+4
    touch A+8K read
    mprotect A 4K r
    store A 1
    lock A
    walk A+8
    munmap A+1 4K
    maps
        A..A.end rw private anon
`))
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rules.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := fault.NewMachine(mm.Config{Rules: rs, Memory: 8 << 20, Report: func(v task.Violation) { t.Error(v) }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tk := m.NewTask("t")
	space, err := m.NewMM(tk, "main")
	if err != nil {
		t.Fatal(err)
	}
	host := &loner{}
	a := &Actor{Task: tk, MM: space, Env: sc.Init.NewEnv(1, 0, nil), Host: host}
	want := []string{"ok", "ok", "ok", "unaligned", "SEGV_MAPERR", "ok", "SEGV_ACCERR", "ok", "ok", "EINVAL", "ok"}
	for i, s := range sc.Init.Body {
		out := a.Perform(s)
		if got := Label(out); got != want[i] {
			t.Errorf("%s: %s, expected %s", Stated(s), got, want[i])
		}
		if s.Kind == workloads.KindLoad && i == 2 && a.Describe(s, out) != "5" {
			t.Errorf("loaded %s", a.Describe(s, out))
		}
		if s.Kind == workloads.KindWalk && (out.Value != 5 || a.Looking != a.Env.Regions[0].Base+8) {
			t.Errorf("walked to %#x, read %d", a.Looking, out.Value)
		}
	}
	if host.mismatches != 1 {
		t.Errorf("%d layouts differ", host.mismatches)
	}
	a.Leave()
	if a.MM != nil || Label(a.Perform(sc.Init.Body[1])) != linux.Name(linux.ESRCH) {
		t.Error("who has left can do nothing")
	}
}
