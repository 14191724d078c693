package driver

import (
	"strings"
	"testing"
)

func TestUnexpectedResults(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"ok is meant", "init\n mmap A 4K r private anon\n touch A write",
			"x.vma:3:2: touch A write: got SEGV_ACCERR, expected ok (init)"},
		{"hole", "init\n mmap A 4K r private anon\n munmap A\n load A+8",
			"x.vma:4:2: load A+8: got SEGV_MAPERR, expected ok (init)"},
		{"an error that does not come", "init\n mmap A 4K rw private anon\n store A 1 => SEGV | ENOMEM",
			"x.vma:3:2: store A 1: got ok, expected SEGV | ENOMEM (init)"},
		{"another error", "init\n munmap 4097 4K => ENOMEM",
			"x.vma:2:2: munmap 4097 4K: got EINVAL (munmap: [0x1001, +0x1000) is not aligned or lies outside the address space: invalid argument), expected ENOMEM (init)"},
		{"value", "init\n mmap A 4K rw private anon\n store A 7\n load A => 8 | 9",
			"x.vma:4:2: load A: got 7, expected 8 | 9 (init)"},
		{"address", "init\n mmap A 4K r private anon at 64M => 32M",
			"x.vma:2:2: mmap A 4K r private anon at 64M: got 0x4000000, expected 32M (init)"},
		{"unbound", "init\n mmap A 4K r private anon at 1 fixed => EINVAL\n load A => SEGV",
			"x.vma:3:2: load A: got no result: region is not mapped yet, expected SEGV (init)"},
		{"unaligned", "init\n mmap A 4K rw private anon\n store A+1 7",
			"x.vma:3:2: store A+1 7: got no result: the address of a word is not a multiple of 8, expected ok (init)"},
		{"overflow", "init\n mmap A 4K rw private anon\n touch A+A.size*(32T*128) read",
			"x.vma:3:2: touch A+A.size*4096T read: got no result: address arithmetic leaves 0..2^64-1, expected ok (init)"},
		{"in an address space that is not there", "mm child\ninit\n mmap A 4K r private anon\n in child\n  load A\n exit\nthread t\n in child\n  fork child",
			"x.vma:4:2: in child: got ESRCH, expected ok (init)"},
		{"multiplied, counted once", "init\n mmap A 4K r private anon\nthread t * 3\n repeat 5\n  touch A write",
			"x.vma:5:3: touch A write: got SEGV_ACCERR, expected ok (t/0, 15 times)"},
		{"never forked", "mm child\ninit\n mmap A 4K r private anon\nthread t\n choose\n  1048576: load A\n  1: fork child\nthread kid in child\n load A",
			"x.vma:8:15: thread kid: got no address space child, expected some task to fork it (kid)"},
		{"never forked, because the forker goes round elsewhere", "memory 1M\nmm child\ninit\n mmap A 16M rw private anon\n touch A A.size write => ENOMEM\nthread t background\n fork child => ENOMEM\n forever\n  load A\nthread kid in child\n load A",
			"x.vma:10:15: thread kid: got no address space child, expected some task to fork it (kid)"},
		{"layout of plain numbers, of which one line ends where another begins", "init\n mmap 0x100000 8K rw private anon fixed\n maps\n  0x100000..0x101000 rw private anon\n  0x101000..0x102000 rw private anon",
			`x.vma:3:2: maps: got another layout than expected (init)
  expected:
    0x100000..0x101000 rw private anon
    0x101000..0x102000 rw private anon
  got:
    0x100000..0x102000 rw private anon`},
		{"layout", "file F temp 8K\ninit\n mmap A 16K rw private anon\n mprotect A+4K 4K r\n munmap A+12K 4K\n mmap B 8K r shared file F\n maps\n  A..A.end rw private anon\n  B..B+4K r shared file F",
			`x.vma:7:2: maps: got another layout than expected (init)
  expected:
    B..B+4K r shared file F
    B+4K..B.end hole
    A..A.end rw private anon
  got:
    B..B.end r shared file F
    A..A+4K rw private anon
    A+4K..A+8K r private anon
    A+8K..A+12K rw private anon
    A+12K..A.end hole`},
		{"layout of one line", "init\n maps\n  0x4000000..0x4001000 rw private anon",
			"x.vma:2:2: maps: got 0x4000000..0x4001000 hole, expected 0x4000000..0x4001000 rw private anon (init)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runSource(t, c.src, Options{})
			if len(r.Unexpected) != 1 || r.OK() {
				t.Fatalf("%d unexpected results, want 1: %v", len(r.Unexpected), r.Unexpected)
			}
			if got := r.Unexpected[0].String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if len(r.Violations) > 0 {
				t.Errorf("violations: %v", r.Violations)
			}
		})
	}
}

func TestDeadlockIsFound(t *testing.T) {
	r := runSource(t, `
init
	mmap A 4K rw private anon
thread left
	barrier a
	barrier b
thread right
	barrier b
	barrier a
thread noise background
	forever
		touch A read
`, Options{})
	if len(r.Unexpected) != 2 || !strings.Contains(r.Unexpected[0].String(), "barrier a: got a deadlock, expected the other tasks to come (left)") {
		t.Errorf("got %v", r.Unexpected)
	}
}

func TestFailingInitStopsTheRun(t *testing.T) {
	r := runSource(t, `
init
	mmap A 4K r private anon
	store A 1
thread t
	touch A read
finally
	store A 1
`, Options{})
	if r.UnexpectedTotal != 1 || len(r.Ops) != 0 {
		t.Errorf("%d unexpected results, ops %v", r.UnexpectedTotal, r.Ops)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	src := "init\n mmap A 4K r private anon\nthread t * 2\n repeat 100000\n  touch A write\n"
	for range 2 * maxListed {
		src += " store A 1\n"
	}
	r := runSource(t, src, Options{})
	if len(r.Unexpected) != maxListed || r.UnexpectedTotal != 2*(100000+2*maxListed) {
		t.Errorf("%d listed, %d in all", len(r.Unexpected), r.UnexpectedTotal)
	}
	if n := r.Unexpected[0].Count; n != 200000 {
		t.Errorf("the first came %d times", n)
	}
}
