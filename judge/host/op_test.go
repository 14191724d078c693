package host

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"vmasim/internal/linux"
)

func TestTouch(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	rw := mapAnon(t, p, 0, 1, protRW)
	ro := mapAnon(t, p, 1, 1, protR)
	none := mapAnon(t, p, 2, 1, unix.PROT_NONE)
	rx := mapAnon(t, p, 3, 1, protRX)
	hole := at(p, 4)
	fds, err := p.PassFiles(memfd(t, linux.PageSize))
	must(t, err)
	file := mapFile(t, p, 8, 2, protRW|unix.PROT_EXEC, unix.MAP_SHARED, fds[0])
	const nowhere = 1 << 63
	for _, c := range []struct {
		name   string
		addr   uint64
		access linux.Access
		want   string
	}{
		{"read", rw, linux.Read, "ok"},
		{"write", rw, linux.Write, "ok"},
		{"fetch without right", rw, linux.Exec, "SEGV_ACCERR"},
		{"read of read-only", ro, linux.Read, "ok"},
		{"write to read-only", ro + 7, linux.Write, "SEGV_ACCERR"},
		{"read without right", none, linux.Read, "SEGV_ACCERR"},
		{"fetch without any right", none, linux.Exec, "SEGV_ACCERR"},
		{"fetch", rx, linux.Exec, "ok"},
		{"fetch at the end of a page", rx + linux.PageSize - 1, linux.Exec, "SEGV_MAPERR"},
		{"read of a hole", hole, linux.Read, "SEGV_MAPERR"},
		{"write to a hole", hole + 9, linux.Write, "SEGV_MAPERR"},
		{"fetch from a hole", hole, linux.Exec, "SEGV_MAPERR"},
		{"read of a file", file, linux.Read, "ok"},
		{"fetch from a file", file, linux.Exec, "ok"},
		{"read beyond the file", file + linux.PageSize, linux.Read, "BUS_ADRERR"},
		{"write beyond the file", file + linux.PageSize + 1, linux.Write, "BUS_ADRERR"},
		{"fetch beyond the file", file + linux.PageSize, linux.Exec, "BUS_ADRERR"},
		{"read of no address", nowhere, linux.Read, "SIGSEGV (no canonical address)"},
		{"fetch from no address", nowhere, linux.Exec, "SIGSEGV (no canonical address)"},
		{"outside the window", at(p, 64), linux.Read, "SEGV_ACCERR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.addr == nowhere && c.access == linux.Exec {
				l.Require(t, Canonical)
			}
			f, err := p.Touch(c.addr, c.access)
			addr := c.addr
			switch {
			case c.want == "ok" || c.addr == nowhere:
				addr = 0
			case c.addr == rx+linux.PageSize-1: // the instruction's second byte is missing
				addr++
			}
			wantFault(t, f, err, c.want, addr)
		})
	}
}

// TestExecute makes sure that exactly one instruction is executed, whatever it
// is, and that the agent survives it.
func TestExecute(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	code := mapAnon(t, p, 0, 2, protRW|unix.PROT_EXEC)
	for _, c := range []struct {
		name         string
		instructions []byte
	}{
		{"zeroes", make([]byte, 64)},
		{"nop, then store to the code", []byte{0x90, 0xc6, 0x05, 0x40, 0, 0, 0, 1}},
		{"ret", []byte{0xc3}},
		{"jmp to itself", []byte{0xeb, 0xfe}},
		{"ud2", []byte{0x0f, 0x0b}},
		{"int3", []byte{0xcc}},
		{"hlt", []byte{0xf4}},
		{"syscall", []byte{0x0f, 0x05}},
		{"popf", []byte{0x9d, 0x90, 0x90}},
		{"load from address 0", []byte{0x8a, 0x04, 0x25, 0, 0, 0, 0}},
		{"divide by what is not there", []byte{0xf7, 0x30}},
		{"store to a string", []byte{0xf3, 0xaa}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := make([]byte, 2*linux.PageSize)
			copy(page, c.instructions)
			if _, f, err := p.WriteMemory(code, page); err != nil || !f.OK() {
				t.Fatal(f, err)
			}
			f, err := p.Touch(code, linux.Exec)
			wantFault(t, f, err, "ok", 0)
			after := make([]byte, len(page))
			if _, f, err := p.ReadMemory(code, after); err != nil || !f.OK() {
				t.Fatal(f, err)
			}
			if !bytes.Equal(page, after) {
				t.Error("more than one instruction was executed")
			}
			if pid, err := p.Call(unix.SYS_GETPID); err != nil || int(pid) != p.PID() {
				t.Errorf("the agent says it is %d, %v", pid, err)
			}
		})
	}
}

func TestLoadStore(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	rw := mapAnon(t, p, 0, 1, protRW)
	f, err := p.Store(rw+8, 0x1122334455667788)
	wantFault(t, f, err, "ok", 0)
	f, err = p.Touch(rw+8, linux.Write)
	wantFault(t, f, err, "ok", 0)
	if v, f, err := p.Load(rw + 8); v != 0x1122334455667788 || !f.OK() || err != nil {
		t.Errorf("loaded %#x, %v, %v", v, f, err)
	}
	if v, f, err := p.Load(rw + 9); v != 0x11223344556677 || !f.OK() || err != nil {
		t.Errorf("loaded %#x, %v, %v", v, f, err)
	}
	_, f, err = p.Load(rw + linux.PageSize - 4)
	wantFault(t, f, err, "SEGV_MAPERR", rw+linux.PageSize)
	f, err = p.Store(rw+linux.PageSize, 1)
	wantFault(t, f, err, "SEGV_MAPERR", rw+linux.PageSize)
}

func TestMemory(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{})
	const pages = 40 // more than Scratch
	rw := mapAnon(t, p, 0, pages, protRW)
	out := make([]byte, pages<<linux.PageShift)
	for i := range out {
		out[i] = byte(i * 7 >> 3)
	}
	if n, f, err := p.WriteMemory(rw, out); n != len(out) || !f.OK() || err != nil {
		t.Fatal(n, f, err)
	}
	in := make([]byte, len(out)+100)
	n, f, err := p.ReadMemory(rw, in)
	wantFault(t, f, err, "SEGV_MAPERR", rw+uint64(len(out)))
	if n != len(out) || !bytes.Equal(in[:n], out) {
		t.Errorf("%d bytes read, not the %d written", n, len(out))
	}
	if n, f, err := p.WriteMemory(rw+uint64(len(out))-10, out[:20]); n != 10 || f.OK() || err != nil {
		t.Errorf("%d bytes written, %v, %v", n, f, err)
	}
}

func TestRun(t *testing.T) {
	l := newLab(t)
	p := newProcess(t, l, Window{Size: 1000 << linux.PageShift})
	mapAnon(t, p, 0, 999, protRW)
	var ops []Op
	for i := range 1000 {
		ops = append(ops, storeOp(at(p, i), uint64(i)))
	}
	must(t, p.Run(ops))
	for i := range ops {
		if ok := ops[i].Fault().OK(); ok != (i < 999) {
			t.Errorf("store %d: %v", i, ops[i].Fault())
		}
	}
	pages, err := p.Pages(at(p, 0), 1000)
	must(t, err)
	for i, page := range pages {
		if page.Present() != (i < 999) {
			t.Errorf("page %d: %#x", i, page)
		}
	}
	for _, nr := range forbidden {
		_, err := p.Call(uintptr(nr))
		wantErrno(t, err, unix.EINVAL)
	}
}

func TestFaultNames(t *testing.T) {
	for f, want := range map[Fault]string{
		{}: "ok",
		{Signal: unix.SIGSEGV, Code: MapErr, Addr: 5}: "SEGV_MAPERR",
		{Signal: unix.SIGFPE, Code: 1}:                "SIGFPE, code 1",
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
