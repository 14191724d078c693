package herd

import (
	"strings"
	"testing"

	"vmasim/explore"
)

func ran(t *testing.T, text, memory string) *Result {
	t.Helper()
	test, err := Parse("t.litmus", text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := explore.ParseMemoryModel(memory)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), test, explore.Options{Memory: m})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Wrong != "" {
		t.Errorf("%s: complete %t, %s", test.Name, r.Complete, r.Wrong)
	}
	return r
}

// TestObservations are of programs that use each of what tests are made of; the observations are those of the kernel's memory model.
func TestObservations(t *testing.T) {
	for _, c := range []struct{ text, views, sc string }{
		{`C mp
{}
P0(int *data, int *ready) { WRITE_ONCE(*data, 1); WRITE_ONCE(*ready, 1); }
P1(int *data, int *ready) { int r0; int r1; r0 = READ_ONCE(*ready); r1 = READ_ONCE(*data); }
exists (1:r0=1 /\ 1:r1=0)`, "Sometimes 1 3", "Never 0 3"},
		{`C mp+release+acquire (* a comment *)
{ data = 0; int ready = 0; }
P0(int *data, int *ready)
{
	WRITE_ONCE(*data, 1);
	smp_store_release(ready, 1); // another
}
P1(int *data, int *ready)
{
	int r0 = smp_load_acquire(ready);
	int r1 = READ_ONCE(*data);
}
exists (1:r0=1 /\ 1:r1=0)`, "Never", "Never"},
		{`C sb+mbs
{}
P0(int *x, int *y) { int r0; WRITE_ONCE(*x, 1); smp_mb(); r0 = READ_ONCE(*y); }
P1(int *x, int *y) { int r0; WRITE_ONCE(*y, 1); smp_mb(); r0 = READ_ONCE(*x); }
forall (0:r0=1 \/ 1:r0=1)`, "Always", "Always"},
		{`C sb+xchg+relaxed
{}
P0(int *x, int *y) { int r0; int r1; r1 = xchg(x, 1); r0 = READ_ONCE(*y); }
P1(int *x, int *y) { int r0; int r1; r1 = xchg_relaxed(y, 1); r0 = READ_ONCE(*x); }
exists (0:r0=0 /\ 1:r0=0)`, "Sometimes", "Never"},
		{`C pointer
{ int *p = &u; int u = 0; int v = 0; }
P0(int **p, int *v) { WRITE_ONCE(*v, 1); rcu_assign_pointer(*p, v); }
P1(int **p) { int *r0; int r1; rcu_read_lock(); r0 = rcu_dereference(*p); r1 = READ_ONCE(*r0); rcu_read_unlock(); }
exists (1:r0=v /\ 1:r1=0)`, "Never", "Never"},
		{`C pointer+once
{ p = &u; }
P0(int **p, int *v) { WRITE_ONCE(*v, 1); WRITE_ONCE(*p, v); }
P1(int **p) { int *r0 = READ_ONCE(*p); int r1 = READ_ONCE(*r0); }
exists (1:r0=&v /\ 1:r1=0)`, "Sometimes", "Never"},
		{`C locked
{}
P0(int *x, spinlock_t *l) { spin_lock(l); int r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1); spin_unlock(l); }
P1(int *x, spinlock_t *l) { spin_lock(l); int r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1); spin_unlock(l); }
forall (x=2)`, "Always", "Always"},
		{`C grace
{}
P0(int *x, int *y) { WRITE_ONCE(*x, 1); synchronize_rcu(); WRITE_ONCE(*y, 1); }
P1(int *x, int *y) { int r0; int r1; rcu_read_lock(); r0 = READ_ONCE(*y); r1 = READ_ONCE(*x); rcu_read_unlock(); }
~exists (1:r0=1 /\ 1:r1=0)`, "Never", "Never"},
		{`C count
{ atomic_t c = 0; }
P0(atomic_t *c) { atomic_inc(c); }
P1(atomic_t *c) { int r0 = atomic_fetch_add(2, c); }
P2(atomic_t *c) { int r0 = atomic_cmpxchg(c, 3, 9); }
locations [c; 1:r0;]
exists (2:r0=3 /\ c=9)`, "Sometimes", "Sometimes"},
		{`C branch
{}
P0(int *x, int *y) { int r0 = READ_ONCE(*x); if (r0 == 1 && !(r0 != 1)) { WRITE_ONCE(*y, 1); } else WRITE_ONCE(*y, 2); }
P1(int *x) { WRITE_ONCE(*x, 1); }
filter (0:r0=1)
forall (y=1)`, "Always", "Always"},
		{`C plain
{ (* comments may stand here *) 0:r1=7; atomic_t z = ATOMIC_INIT(1); }
P0(int *x, int *y) { *x = r1; smp_wmb(); WRITE_ONCE(*y, 1); }
P1(int *x, int *y) { int r0 = smp_load_acquire(y); int r1 = *x; }
exists (1:r0=1 /\ ~1:r1=0:r1);`, "Never", "Never"},
		{`C outside+acquire
{}
P0(spinlock_t *l, int *x) { spin_lock(l); WRITE_ONCE(*x, 1); spin_unlock(l); }
P1(spinlock_t *l, int *x) { int r1 = smp_load_acquire(x); int r2 = spin_is_locked(l); int r3 = spin_is_locked(l); }
exists (1:r1=1 /\ 1:r2=0 /\ 1:r3=1)`, "Sometimes", "Never"}, // MP+polockonce+poacquiresilsil
		{`C outside+mb+acquire
{}
P0(spinlock_t *l, int *x) { spin_lock(l); smp_mb__after_spinlock(); WRITE_ONCE(*x, 1); spin_unlock(l); }
P1(spinlock_t *l, int *x) { int r1 = smp_load_acquire(x); int r2 = spin_is_locked(l); int r3 = spin_is_locked(l); }
exists (1:r1=1 /\ 1:r2=0 /\ 1:r3=1)`, "Never", "Never"}, // MP+polockmbonce+poacquiresilsil
		{`C sil+own
{}
P0(spinlock_t *l) { int r0 = spin_is_locked(l); spin_lock(l); int r1 = spin_is_locked(l); spin_unlock(l); int r2 = spin_is_locked(l); }
exists (0:r0=0 /\ 0:r1=1 /\ 0:r2=0)`, "Always", "Always"},
		{`C sections of two kinds
{}
P0(struct srcu_struct *s, int *x, int *y) { int r0 = srcu_read_lock(s); int r1 = READ_ONCE(*y); int r2 = READ_ONCE(*x); srcu_read_unlock(s, r0); }
P1(struct srcu_struct *s, struct srcu_struct *t, int *x, int *y) { WRITE_ONCE(*x, 1); synchronize_srcu(s); WRITE_ONCE(*y, 1); }
exists (0:r1=1 /\ 0:r2=0)`, "Never", "Never"},
		{`C grace period of another kind
{}
P0(struct srcu_struct *s, struct srcu_struct *t, int *x, int *y) { int r0 = srcu_read_lock(t); int r1 = READ_ONCE(*y); int r2 = READ_ONCE(*x); srcu_read_unlock(t, r0); }
P1(struct srcu_struct *s, int *x, int *y) { WRITE_ONCE(*x, 1); synchronize_srcu(s); WRITE_ONCE(*y, 1); }
exists (0:r1=1 /\ 0:r2=0)`, "Sometimes", "Never"},
		{`C unlock and lock of one task
{}
P0(spinlock_t *l, spinlock_t *m, int *x, int *y) { spin_lock(l); WRITE_ONCE(*x, 1); spin_unlock(l); spin_lock(m); WRITE_ONCE(*y, 1); spin_unlock(m); }
P1(int *x, int *y) { int r0 = smp_load_acquire(y); int r1 = READ_ONCE(*x); }
exists (1:r0=1 /\ 1:r1=0)`, "Never", "Never"}, // po-unlock-lock-po
		{`C unlock and lock of one task are no barrier
{}
P0(spinlock_t *l, spinlock_t *m, int *x, int *y) { spin_lock(l); WRITE_ONCE(*x, 1); spin_unlock(l); spin_lock(m); int r0 = READ_ONCE(*y); spin_unlock(m); }
P1(int *x, int *y) { WRITE_ONCE(*y, 1); smp_mb(); int r0 = READ_ONCE(*x); }
exists (0:r0=0 /\ 1:r0=0)`, "Sometimes", "Never"},
		{`C after an unlock and a lock
{}
P0(spinlock_t *l, spinlock_t *m, int *x, int *y) { spin_lock(l); WRITE_ONCE(*x, 1); spin_unlock(l); spin_lock(m); smp_mb__after_unlock_lock(); int r0 = READ_ONCE(*y); spin_unlock(m); }
P1(int *x, int *y) { WRITE_ONCE(*y, 1); smp_mb(); int r0 = READ_ONCE(*x); }
exists (0:r0=0 /\ 1:r0=0)`, "Never", "Never"},
	} {
		for memory, want := range map[string]string{"views": c.views, "sc": c.sc} {
			r := ran(t, c.text, memory)
			var b strings.Builder
			if err := r.Write(&b); err != nil {
				t.Fatal(err)
			}
			if line := "Observation " + r.Test.Name + " " + want; !strings.Contains(b.String(), line) {
				t.Errorf("under %s, expected %s:\n%s", memory, line, &b)
			}
		}
	}
}

// TestStatedResult: a file that states another result is told apart.
func TestStatedResult(t *testing.T) {
	const text = `C lb
(*
 * Result: Sometimes
 *)
{}
P0(int *x, int *y) { int r0 = READ_ONCE(*x); WRITE_ONCE(*y, 1); }
P1(int *x, int *y) { int r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1); }
exists (0:r0=1 /\ 1:r0=1)
`
	if r := ran(t, text, "views"); r.Test.Result != "Sometimes" || r.Agrees() || r.Observation() != "Never" {
		t.Errorf("stated %q, observed %s", r.Test.Result, r.Observation())
	}
}

// TestWrong: what is no C is told.
func TestWrong(t *testing.T) {
	for text, want := range map[string]string{
		"int r0 = READ_ONCE(*p); int r1 = READ_ONCE(*r0);": "P0 uses 0 as an address",
		"WRITE_ONCE(*p, 3);":    "P0 stores 3 in p, which holds addresses",
		"int r0 = 7 / (1 - 1);": "P0 divides by zero",
	} {
		test, err := Parse("t.litmus", "C t\n{ int u = 0; }\nP0(int **p, int *u) { "+text+" }\nP1(int **p, int *u) { WRITE_ONCE(*p, u); }\nexists (0:r0=1)\n")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := Run(t.Context(), test, explore.Options{}); err != nil || r.Wrong != want {
			t.Errorf("%s: %q, %v, expected %q", text, r.Wrong, err, want)
		}
	}
}

// TestRefusals: a test with what is not supported is refused with the place.
func TestRefusals(t *testing.T) {
	head, end := "C t\n{}\nP0(int *x)\n{\n\t", "\n}\nexists (x=1)\n"
	for text, want := range map[string]string{
		"LISA t\n{}":         "t.litmus:1:1: got \"LISA\", expected a litmus test in C",
		"C\n{}":              "no name",
		"C t\n{ int a[2]; }": "arrays",
		"C t\n{ 3:r0=1; }" + head[len("C t\n{}"):] + end:                      "there is no thread 3",
		"C t\n{}\nexists (x=1)":                                               "no thread",
		head + "*x + 1;" + end:                                                `expected "="`,
		head + "srcu_read_lock(x); rcu_read_lock(); srcu_read_lock(y);" + end: "read sections of 3 kinds, at most 2",
		head + "while (1) {}" + end:                                           "while is not supported",
		head + "smp_memb();" + end:                                            "5:2: smp_memb is not known",
		head + "WRITE_ONCE(*x);" + end:                                        "WRITE_ONCE has 1 arguments, expected 2",
		head + "WRITE_ONCE(*x, 1)" + end:                                      `expected ";"`,
		head + "smp_mb();\n}\nexists (3:r0=1)\n":                              "no thread 3",
		head + "smp_mb();\n}\nexists (x)\n":                                   "expected = and a value",
		head + "smp_mb();\n}\nexists (y=1)\n":                                 "about y, which no thread has",
		head + "smp_mb();\n}\nonce (y=1)\n":                                   "expected locations",
		head + "@" + end:                                                      "unexpected @",
	} {
		test, err := Parse("t.litmus", text)
		if err == nil {
			_, err = newProgram(test)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %s", text, err, want)
		}
	}
}

// FuzzParse: no text makes the parser fail otherwise than by an error with a place.
func FuzzParse(f *testing.F) {
	f.Add("C t\n{ x=0; int *y=&x; }\nP0(int *x, int **y) { int r0 = xchg(x, 1 + 2); if (r0) smp_mb(); else { rcu_assign_pointer(*y, x); } }\nlocations [x]\nfilter (x=1)\nforall (0:r0=1 \\/ ~(y=x /\\ true))")
	f.Fuzz(func(t *testing.T, text string) {
		test, err := Parse("t.litmus", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "t.litmus:") {
				t.Error(err)
			}
			return
		}
		_, _ = newProgram(test)
	})
}
