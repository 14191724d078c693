package workloads

import (
	"errors"
	"math"
	"testing"
)

// evalStored evaluates an expression as the value of a store in copy i = 3,
// with A at 1M, 64K long, and B not mapped yet.
func evalStored(t testing.TB, expr string) (uint64, error) {
	t.Helper()
	sc := mustParse(t, "init\n  mmap A 64K rw private anon\n  mmap B 4K r private anon\nthread t\n  store A "+expr+"\n")
	env := sc.Threads[0].NewEnv(1, 3, []Region{{Base: 1 << 20, Size: 64 << 10}})
	return sc.Threads[0].Body[0].Value.Eval(env)
}

func TestEval(t *testing.T) {
	for expr, want := range map[string]uint64{
		"0":                     0,
		"64K":                   64 << 10,
		"0x7000000":             0x7000000,
		"18446744073709551615":  math.MaxUint64,
		"2*(3+4)*5-6":           64,
		"A":                     1 << 20,
		"A+16K":                 1<<20 + 16<<10,
		"A-4K":                  1<<20 - 4<<10,
		"A.end":                 1<<20 + 64<<10,
		"A.size":                64 << 10,
		"A.end - A":             64 << 10,
		"$i":                    3,
		"A + $i*1M":             4 << 20,
		"A+(($i+1)*4K-(8K-4K))": 1<<20 + 12<<10,
	} {
		if got, err := evalStored(t, expr); got != want || err != nil {
			t.Errorf("%s is %#x, %v; want %#x", expr, got, err, want)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	for expr, want := range map[string]error{
		"B":                         ErrUnbound,
		"B.size":                    ErrUnbound,
		"4K+random(B)":              ErrUnbound,
		"A-2M":                      ErrOverflow,
		"$i*18446744073709551615":   ErrOverflow,
		"A+18446744073709551615":    ErrOverflow,
		"A+(A.size-A.size-$i)":      ErrOverflow,
		"18446744073709551615+$i*1": ErrOverflow,
	} {
		if got, err := evalStored(t, expr); !errors.Is(err, want) {
			t.Errorf("%s is %#x, %v; want %v", expr, got, err, want)
		}
	}
}

func TestEvalDoesNotAllocate(t *testing.T) {
	for _, expr := range []string{"A+4K", "A+$i*4K", "random(A)+8", "sequential(A)", "strided(A, 8K)", "zipf(A)"} {
		next := drawer(t, expr, 1<<20, 1, 0)
		next() // zipf makes its table now
		if n := testing.AllocsPerRun(1000, func() { next() }); n != 0 {
			t.Errorf("%s allocates %v times", expr, n)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	for _, expr := range []string{"0x7000", "A+4K", "A+$i*1M", "random(A)", "sequential(A)", "zipf(A)"} {
		b.Run(expr, func(b *testing.B) {
			next := drawer(b, expr, 1<<30, 1, 0)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}
