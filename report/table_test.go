package report

import "testing"

// TestTable: columns that are set left are broken where the table is too wide, the widest first.
func TestTable(t *testing.T) {
	made := table{
		{"scenario", "rules", "count", "verdict"},
		{"one", "linux-6.18,-detach-waits,-typesafe-slab", "1,234", "violation wrong-vma, reader-left, use-after-free (as stated)"},
		{"two", "refcount", "5", "verified"},
	}
	for width, want := range map[int]string{
		120: `scenario  rules                                    count  verdict
one       linux-6.18,-detach-waits,-typesafe-slab  1,234  violation wrong-vma, reader-left, use-after-free (as stated)
two       refcount                                     5  verified
`,
		80: `scenario  rules                      count  verdict
one       linux-6.18,-detach-waits,  1,234  violation wrong-vma, reader-left,
          -typesafe-slab                    use-after-free (as stated)
two       refcount                       5  verified
`,
	} {
		if got := made.set(Look{Width: width}, 0, 1, 3); got != want {
			t.Errorf("got\n%s\nexpected\n%s", got, want)
		}
	}
}
