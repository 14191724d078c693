package imports

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// Fault is a page fault that perf has recorded.
type Fault struct {
	Time   int64 // nanoseconds of the clock that strace -ttt has
	Task   int
	Addr   uint64
	In     string // the file, or the range of the kernel's own, in which Addr is an offset; "": Addr is an address
	Fetch  bool   // of an instruction
	Unsure bool   // it may have been a fetch
}

// ReadPerf reads the page faults that perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints, and returns them in the
// order of time. Other events are left out.
func ReadPerf(name string, r io.Reader) (faults []Fault, err error) {
	lines := newLineReader(name, r)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		parse := parseFault
		if isTraced(line) {
			parse = parseTraced
		}
		f, of, ok := parse(line)
		switch {
		case lost.Match(line):
			return nil, mistake(name, lines.no, 1, "perf has lost events, expected all of them, as a larger buffer keeps them: perf record -m 4096")
		case !ok && faults == nil && other(line) != nil:
			return nil, mistake(name, lines.no, 1, "%s", other(line).Sentence(name, "output of perf"))
		case !ok:
			return nil, mistake(name, lines.no, 1, "no event of perf, expected one as perf script -F comm,tid,time,event,addr,ip or perf trace -F all -T prints it")
		case of:
			faults = append(faults, f)
		}
	}
	if faults == nil {
		return nil, mistake(name, max(lines.no, 1), 1, "no page fault, expected those of perf record -e minor-faults,major-faults -c 1 -d")
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Time, b.Time) })
	return faults, nil
}

// other tells what a line is that is none of perf, if that is known.
func other(line []byte) *workloads.Foreign {
	if f := workloads.Recognize(string(line)); f != nil && f.Reader != "import perf" {
		return f
	}
	return nil
}

// parseFault reads COMM TID [CPU] SECONDS.MICROSECONDS: EVENT: ADDR IP …. of tells that the event is a page fault.
func parseFault(line []byte) (f Fault, of, ok bool) {
	words := bytes.Fields(line)
	at := slices.IndexFunc(words, isTime) // the name of a task may have blanks
	if at < 2 || at+1 >= len(words) {
		return f, false, false
	}
	f.Time = timeOf(words[at])
	tid := words[at-1]
	if tid[0] == '[' { // the CPU
		tid = words[at-2]
	}
	if slash := bytes.IndexByte(tid, '/'); slash >= 0 {
		tid = tid[slash+1:]
	}
	n, err := strconv.ParseUint(string(tid), 10, 31)
	if err != nil {
		return f, false, false
	}
	f.Task = int(n)
	event := slices.IndexFunc(words[at+1:], func(w []byte) bool { return w[len(w)-1] == ':' })
	if event < 0 || !bytes.Contains(words[at+1+event], []byte("fault")) {
		return f, false, true
	}
	rest := words[at+event+2:]
	if len(rest) < 2 {
		return f, false, false
	}
	if f.Addr, ok = hexadecimal(rest[0]); !ok {
		return f, false, false
	}
	ip, ok := hexadecimal(rest[1])
	f.Fetch = f.Addr == ip
	return f, true, ok
}

// isTime reports whether a word is a time as perf script prints it: 1700000000.123456:
func isTime(word []byte) bool {
	digits, ok := bytes.CutSuffix(word, []byte(":"))
	whole, fraction, point := bytes.Cut(digits, []byte("."))
	return ok && point && len(whole) > 0 && len(whole) < 12 && len(fraction) > 0 && allDigits(whole) && allDigits(fraction)
}

func allDigits(word []byte) bool { return len(bytes.TrimLeft(word, "0123456789")) == 0 }

func timeOf(word []byte) int64 {
	var r record
	r.clock(append(bytes.TrimSuffix(bytes.Clone(word), []byte(":")), ' ', '.'), 0)
	return r.time
}

// epoch is a time that clocks of the day show and clocks that begin when a machine does not, in nanoseconds.
const epoch = 1e18

// faultsBefore has tasks touch what faulted before a line of the log.
func (im *importer) faultsBefore(r *record) error {
	if len(im.o.Faults) == 0 {
		return nil
	}
	if r.time < epoch {
		return mistake(im.o.Name, im.in.no, 1, "a line without the time since 1970, expected a log of strace -ttt, which perf's faults can be put between")
	}
	if last := im.o.Faults[len(im.o.Faults)-1]; last.Time < epoch {
		return mistake(im.o.Name, im.in.no, 1, "perf's times are of another clock than those of strace, expected those of perf record -k CLOCK_REALTIME, which perf trace prints with -i and -T")
	}
	for im.faulted < len(im.o.Faults) && im.o.Faults[im.faulted].Time <= r.time {
		im.fault(&im.o.Faults[im.faulted])
		im.faulted++
	}
	return nil
}

// faultEvent is what the report calls a fault.
const faultEvent = "fault"

// fault has a task touch what it faulted on.
func (im *importer) fault(f *Fault) {
	t := im.tasks[f.Task]
	switch {
	case t == nil:
		im.drop(im.in.no, faultEvent, "of a task that is none of the log's then")
		return
	case f.In == "" && f.Addr >= linux.TaskSize:
		im.drop(im.in.no, faultEvent, "of the kernel")
		return
	}
	addr := f.Addr
	if f.In != "" {
		var why string
		if addr, why = t.space.placed.address(f.In, f.Addr); why != "" {
			im.drop(im.in.no, faultEvent, why)
			return
		}
	}
	s := im.begin(workloads.KindTouch)
	s.Addr, s.Access = im.address(addr), t.space.access(f, addr)
	if !t.space.seen.holds(addr) {
		switch {
		case t.space != im.spaces[0] || im.o.Maps == nil:
			im.drop(im.in.no, faultEvent, "in memory that the log has not mapped: --maps tells of what was there before")
			return
		case !im.belowStack(addr):
			im.want.Results = append(im.want.Results[:0], workloads.Result{Kind: workloads.ResultSegv})
			s.Expect = &im.want
		}
	}
	im.report.Touches++
	if im.o.Search {
		im.ops = append(im.ops, &op{t: t, space: t.space, enters: t.enters, begin: 2*im.in.no - 1, end: 2*im.in.no - 1, text: s.String(), kind: s.Kind})
		t.enters = nil
		return
	}
	if t.pending { // the kernel has accessed it for a call, which orders it
		im.write(t, s.String())
		return
	}
	im.begins(t)
	im.ordered(t)
	im.write(t, s.String())
	im.ends(t)
}

// belowStack reports whether an access at an address makes the first process's stack grow.
func (im *importer) belowStack(addr uint64) bool {
	const limit = 8 << 20 // RLIMIT_STACK, as a rule
	for i := range im.o.Maps {
		if a := &im.o.Maps[i]; a.grows() && addr < a.Start && addr >= a.End-limit {
			return true
		}
	}
	return false
}

// holds reports whether an address is in one of them.
func (r ranges) holds(addr uint64) bool { return len(r.within(addr, addr+1)) > 0 }

// access tells what kind of access a fault was. Where perf leaves open whether it was a fetch, memory that holds instructions alone tells it.
func (s *space) access(f *Fault, addr uint64) linux.Access {
	writable := s.writable.holds(addr)
	switch {
	case f.Fetch, f.Unsure && !writable && s.executable.holds(addr):
		return linux.Exec
	case writable:
		return linux.Write
	}
	return linux.Read
}

// rights notes whether a range may be written to, and executed, from now on.
func (s *space) rights(start, end, prot uint64) {
	for _, right := range []struct {
		bit uint64
		to  *ranges
	}{{linux.PROT_WRITE, &s.writable}, {linux.PROT_EXEC, &s.executable}} {
		if prot&right.bit != 0 {
			right.to.add(start, end)
		} else {
			right.to.remove(start, end)
		}
	}
}

// touchesText says in the report where the touches come from.
func (r *Report) touchesText() string {
	if r.Faults {
		return fmt.Sprintf("added: %s, as perf has recorded the faults\n", counted(r.Touches, "touch"))
	}
	return fmt.Sprintf("added: %s, one where memory becomes writable\n", counted(r.Touches, "touch"))
}
