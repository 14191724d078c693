package driver

import (
	"os"
	"path/filepath"
	"testing"
)

// passing are scenarios that check themselves, by name of what they are about.
var passing = []struct{ name, src string }{
	{"every kind of statement", `
mm child other
file F temp 64K pattern
limit max_map_count 1000
init
	mmap A 64K rw private anon
	mmap 4K r private anon
	mmap A+1M 4K r private anon fixed
	mmap B 4K r private anon at A+1M noreplace => EEXIST
	mmap C 12K rw shared file F +8K
	touch A A.size write
	touch A read
	touch A exec => SEGV_ACCERR
	store A+8 42
	load A+8 => 42
	load C+16 => 8208
	mprotect A+16K 4K r
	store A+16K 1 => SEGV_ACCERR
	munmap A+32K 16K
	load A+32K => SEGV_MAPERR
	madvise A 4K dontneed
	load A+8 => 0
	madvise A 64K dontneed => ENOMEM
	yield
	validate
	repeat 3
		choose
			store A $i
			2: touch random(A) read => any
	for 1ms
		touch sequential(A) read => any
	fork child
	fork child => EEXIST
	in child
		load C+16 => 8208
		store A 5
	load A => 0
	maps
		A..A+16K rw private anon
		A+16K..A+20K r private anon
		A+20K..A+32K rw private anon
		A+32K..A+48K hole
		A+48K..A.end rw private anon
		C..C.end rw shared file F +8K
	in other
		mmap A+4M 8K rw private anon fixed
		maps
			A+4M..A+4M+8K rw private anon
			A+5M..A+6M hole
	exit other
	exit other => ESRCH
	exit child
`},
	{"statements that cannot be run count for any alone", `
init
	mmap A 4K rw private anon at 1 fixed => any
	load A => any
	touch A+(A.size-4K) read => any
	mmap B 4K rw private anon
	load B+1 => any
	store B+4 1 => any
	store B-B 1 => any
`},
	{"own exit", `
mm child
init
	mmap A 4K rw private anon
	store A 1
	fork child
	in child
		load A => 1
		exit
		load A => ESRCH
		exit => ESRCH
		yield
	load A => 1
	exit child => ESRCH
	fork child
	in child
		exit child
		mmap 4K r private anon => ESRCH
`},
	{"a thread waits for its address space, which comes and goes", `
mm child
init
	mmap A 4K rw private anon
	store A 7
thread forker
	yield
	fork child
	exit child
thread kid in child * 2
	load A => 7
	store A+8 $i
finally
	fork child
	exit child
`},
	{"a background thread whose address space never comes", `
mm child
init
	mmap A 4K rw private anon
thread kid in child background
	load A => 1
thread main
	repeat 3
		choose
			1048576: touch A read
			1: repeat 1
				exit child => ESRCH
				fork child
				exit child
`},
	{"barriers", `
init
	mmap A 4K rw private anon
thread left * 3
	repeat 1000
		barrier b
		store A+$i*8 1
		barrier b
		load A => 1
		load A+8 => 1
		load A+16 => 1
		barrier b
		store A+$i*8 0
		barrier b
		load A => 0
`},
	{"a task that has ended is waited for no longer", `
init
	mmap A 4K rw private anon
thread short
	barrier b
thread long * 2
	repeat 10
		barrier b
thread other background
	forever
		barrier b
`},
	{"background loops end after the pass they are in", `
init
	mmap A 1M rw private anon
thread main
	for 20ms
		touch A read => ok | SEGV
thread mapper background
	forever
		repeat 1000000
			repeat 1
				munmap A 64K
				mmap 64K rw private anon at A fixed
finally
	maps
		A..A.end rw private anon
`},
	{"regions of a task are its own", `
init
	mmap A 4K rw private anon
thread t * 3
	mmap V 8K rw private anon
	store V $i
	barrier b
	load V => $i
	mmap V 8K rw private anon at V fixed
	load V => 0
	munmap V
`},
	{"private and shared memory over fork", `
mm child
init
	mmap P 4K rw private anon
	mmap S 4K rw shared anon
	store P 1
	store S 1
	fork child
	store P 2
	store S 2
	in child
		load P => 1
		load S => 2
	maps child
		P..P.end rw private anon
		S..S.end rw shared anon
	exit child
`},
	{"out of frames", `
memory 4M
init
	mmap A 8M rw private anon
	touch A A.size write => ENOMEM
	mmap B 4K rw private anon => any
	madvise A dontneed
	touch A 1M write
`},
	{"limit", `
limit max_map_count 2
init
	mmap A 12K rw private anon
	mprotect A+8K 4K r
	mprotect A 4K r => ENOMEM
	munmap A
`},
	{"the readers of litmus tests", `
limit vma_refs 2
init
	mmap A 8K rw private anon
	lock A
	lock A+4K
	lock A.end => EAGAIN
	walk A => EFAULT
	store A+8 7
	walk A+8 => 7
	walk A+4K => EFAULT
	walk A+1 => any
	munmap A
	lock A => EAGAIN
	walk A+8 => EFAULT
`},
	{"mm_lock_seq has wrapped around", `
init
	mmap A 4K rw private anon
	sessions 4294967295
	lock A
	munmap A
`},
	{"the counter of sessions has wrapped around", `
rules linux-6.18,+seq-counter
init
	mmap A 4K rw private anon
	lock A
	sessions 4294967295
	lock A => EAGAIN
	touch A write
	munmap A
`},
}

func TestScenariosThatPass(t *testing.T) {
	for _, c := range passing {
		t.Run(c.name, func(t *testing.T) {
			mustPass(t, c.src, Options{Validate: true})
		})
	}
}

func TestRealFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	mustPass(t, `
file F path "`+path+`" rw
file R path "`+path+`"
init
	mmap A 8K rw shared file F
	mmap B 8K r shared file R => any
	mmap C 8K rw shared file R => EACCES
	store A+4K 513
`, Options{})
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 8192 || got[4096] != 1 || got[4097] != 2 {
		t.Errorf("what was stored is not in the file: %v %v", got[4096:4098], err)
	}
}

func TestFileShrinksWhileMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	shrink := func(p Progress) {
		if p.Faults == 0 { // the threads are not under way yet
			return
		}
		if err := os.Truncate(path, 4096); err != nil {
			t.Error(err)
		}
	}
	r := mustPass(t, `
file F path "`+path+`" rw
init
	mmap A 8K rw shared file F
thread reader * 2
	for 1s
		load A+4K => 0 | SIGBUS
		store A+4K 0 => ok | SIGBUS
		load A => 0
		madvise A dontneed
finally
	load A+4K => SIGBUS
	load A => 0
`, Options{Progress: shrink})
	if n := errorsOf(op(r, "load"), "SIGBUS"); n == 0 || n == op(r, "load").Count {
		t.Errorf("%d of %d loads gave SIGBUS", n, op(r, "load").Count)
	}
	if r.Faults.Sigbus == 0 {
		t.Error("no SIGBUS is counted")
	}
}

// TestLooksFromOutside: a bpf program finds the VMA of another address space by its name, or that there is none.
func TestLooksFromOutside(t *testing.T) {
	mustPass(t, `mm child
init
	mmap A 4K rw private anon
	fork child
thread looker
	bpf_find_vma child A
	bpf_find_vma child A+4K => ENOENT
	exit child
	bpf_find_vma child A => ESRCH
`, Options{Memory: 8 << 20})
}
