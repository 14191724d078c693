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

// TestTableInLines: a table that is too wide whatever is broken is told row by row.
func TestTableInLines(t *testing.T) {
	made := table{{"scenario", "rules", "executions", "verdict"}, {"reuse-before-lock", "linux-6.18,-check-vm-mm", "1,234", "violation wrong-vma, reader-left"}, {"two", "", "5", "verified"}}
	if got, want := made.set(Look{Width: 40}, 0, 1, 3), `reuse-before-lock
  rules       linux-6.18,-check-vm-mm
  executions  1,234
  verdict     violation wrong-vma,
              reader-left
two
  executions  5
  verdict     verified
`; got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
	made = table{{"page faults", "8,054,010", "4.03 M/s"}, {"  vma_lock_success_of_all", "8,045,354", "99.89 %"}}
	if got, want := made.text(Look{Width: 40}), `page faults
  8,054,010
  4.03 M/s
  vma_lock_success_of_all
    8,045,354
    99.89 %
`; got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}
