package workloads

import (
	"math"
	"testing"

	"vmasim/internal/linux"
)

// drawer evaluates an expression over a region A, many times.
func drawer(t testing.TB, expr string, size, seed uint64, task int) func() uint64 {
	t.Helper()
	sc := mustParse(t, "init\n  mmap A 4K rw private anon\nthread t\n  touch "+expr+" read\n")
	env := sc.Threads[0].NewEnv(seed, task, []Region{{Base: 1 << 32, Size: size}})
	addr := sc.Threads[0].Body[0].Addr
	return func() uint64 {
		v, err := addr.Eval(env)
		if err != nil {
			t.Fatal(err)
		}
		return v - 1<<32
	}
}

func countPages(t *testing.T, next func() uint64, pages, draws int) []int {
	t.Helper()
	seen := make([]int, pages)
	for range draws {
		off := next()
		if off%linux.PageSize != 0 || off/linux.PageSize >= uint64(pages) {
			t.Fatalf("offset %#x is not one of %d pages", off, pages)
		}
		seen[off/linux.PageSize]++
	}
	return seen
}

// TestRandomIsUniform applies the chi-squared test: with 99 degrees of freedom
// a uniform source stays below 150 in all but about one in a thousand seeds.
func TestRandomIsUniform(t *testing.T) {
	const pages, draws = 100, 200_000
	seen := countPages(t, drawer(t, "random(A)", pages*linux.PageSize, 1, 0), pages, draws)
	chi, want := 0.0, float64(draws)/pages
	for _, n := range seen {
		chi += (float64(n) - want) * (float64(n) - want) / want
	}
	if chi > 150 || chi < 55 {
		t.Errorf("chi squared %.1f over %d pages", chi, pages)
	}
}

func TestSequentialVisitsInOrder(t *testing.T) {
	next := drawer(t, "sequential(A)", 3*linux.PageSize, 1, 0)
	for i, want := range []uint64{0, 1, 2, 0, 1, 2, 0} {
		if got := next(); got != want*linux.PageSize {
			t.Fatalf("draw %d: page %d, want %d", i, got/linux.PageSize, want)
		}
	}
}

func TestStridedVisitsEveryPage(t *testing.T) {
	next := drawer(t, "strided(A, 12K)", 8*linux.PageSize, 1, 0)
	for i, want := range []uint64{0, 3, 6, 1, 4, 7, 2, 5, 0, 3} {
		if got := next(); got != want*linux.PageSize {
			t.Fatalf("draw %d: page %d, want %d", i, got/linux.PageSize, want)
		}
	}
	for _, stride := range []string{"4K", "8K", "20K", "64K"} {
		const pages = 5
		for p, n := range countPages(t, drawer(t, "strided(A, "+stride+")", pages*linux.PageSize, 1, 0), pages, 10*pages) {
			if n != 10 {
				t.Errorf("stride %s: page %d drawn %d times of %d, want 10", stride, p, n, 10*pages)
			}
		}
	}
}

func TestZipfFollowsItsLaw(t *testing.T) {
	const pages, draws = 64, 400_000
	for _, c := range []struct {
		expr string
		skew float64
	}{{"zipf(A)", DefaultSkew}, {"zipf(A, 2)", 2}} {
		seen := countPages(t, drawer(t, c.expr, pages*linux.PageSize, 7, 0), pages, draws)
		sum := 0.0
		for n := range pages {
			sum += math.Pow(float64(n+1), -c.skew)
		}
		for n := range 8 {
			want := draws * math.Pow(float64(n+1), -c.skew) / sum
			if got := float64(seen[n]); math.Abs(got-want) > 0.05*want+3*math.Sqrt(want) {
				t.Errorf("%s: page %d drawn %.0f times, want about %.0f", c.expr, n, got, want)
			}
		}
	}
}

func TestSeedsAndTasks(t *testing.T) {
	draw := func(seed uint64, task int) (all [64]uint64) {
		next := drawer(t, "random(A)", 1<<40, seed, task)
		for i := range all {
			all[i] = next()
		}
		return all
	}
	if first, again := draw(1, 0), draw(1, 0); first != again {
		t.Error("the same seed and task draw differently")
	}
	different := map[[64]uint64]bool{}
	for seed := range uint64(16) {
		for task := range 16 {
			different[draw(seed, task)] = true
		}
	}
	if len(different) != 256 {
		t.Errorf("256 seeds and tasks give %d sequences", len(different))
	}
}

func TestGeneratorsFollowTheRegion(t *testing.T) {
	for _, expr := range []string{"random(A)", "sequential(A)", "strided(A, 16K)", "zipf(A)"} {
		sc := mustParse(t, "thread t\n  mmap A 4K rw private anon\n  touch "+expr+" read\n")
		env := sc.Threads[0].NewEnv(1, 0, nil)
		addr := sc.Threads[0].Body[1].Addr
		for _, pages := range []uint64{100, 3, 1, 50} {
			env.Regions[0] = Region{Base: 1 << 20, Size: pages * linux.PageSize}
			for range 500 {
				v, err := addr.Eval(env)
				if off := v - 1<<20; err != nil || off >= pages*linux.PageSize || off%linux.PageSize != 0 {
					t.Fatalf("%s gives %#x in %d pages, %v", expr, v, pages, err)
				}
			}
		}
	}
}

func TestChoose(t *testing.T) {
	sc := mustParse(t, "thread t\n  choose\n    3: yield\n    1: validate\n")
	env, s := sc.Threads[0].NewEnv(1, 0, nil), sc.Threads[0].Body[0]
	seen := map[Kind]int{}
	for range 40_000 {
		seen[s.Choose(env).Kind]++
	}
	if y := seen[KindYield]; y < 29_500 || y > 30_500 || y+seen[KindValidate] != 40_000 {
		t.Errorf("drawn %v, want about 3 to 1", seen)
	}
}
