package seqmodel_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/check/seqmodel/seqtest"
	"vmasim/internal/linux"
)

// A script is a test case in words: statements separated by ";", addresses and
// lengths in pages of the window.
//
//	mmap P N PROT [shared] [fN[@OFF]] [noreserve] [stack] [noreplace|hint]
//	munmap P N    mprotect P N PROT    dontneed P N    r P    w P [BYTE]    x P
//	fork          in K      (the statements that follow are for process K)
//
// A statement may end in =RESULT, an errno or a signal; otherwise it must
// succeed. mmap without file is anonymous, without shared private, and fixed
// unless it says otherwise.
type statement struct {
	step
	text   string
	result string
}

// scriptFiles are the open files of scripts, as in bench: f0 to f3 one disk
// file of 12 pages opened rw, rw, r and w, f4 a memfd of 9 pages and a bit.
func scriptFiles() []*seqmodel.File {
	disk, mem := seqmodel.NewDiskFile(pattern(12*linux.PageSize, 7)), seqmodel.NewMemFile(pattern(9*linux.PageSize+1000, 11))
	return []*seqmodel.File{disk.Open(linux.O_RDWR), disk.Open(linux.O_RDWR), disk.Open(linux.O_RDONLY), disk.Open(linux.O_WRONLY), mem.Open(linux.O_RDWR)}
}

func parseScript(t *testing.T, script string) []statement {
	t.Helper()
	var out []statement
	proc := 0
	for text := range strings.SplitSeq(script, ";") {
		words := strings.Fields(text)
		s := statement{text: strings.TrimSpace(text), result: "ok"}
		if last := words[len(words)-1]; last[0] == '=' {
			s.result, words = last[1:], words[:len(words)-1]
		}
		if words[0] == "in" {
			proc = int(number(t, words[1]))
			continue
		}
		s.proc, s.op = proc, parseOp(t, words)
		out = append(out, s)
	}
	return out
}

func parseOp(t *testing.T, words []string) seqtest.Op {
	t.Helper()
	op := seqtest.Op{File: seqtest.NoFile}
	if words[0] == "fork" {
		op.Kind = seqtest.OpFork
		return op
	}
	op.Addr = windowBase + number(t, words[1])*linux.PageSize
	if len(words) > 2 {
		op.Len = number(t, words[2]) * linux.PageSize
	}
	switch words[0] {
	case "mmap":
		op.Kind, op.Prot = seqtest.OpMmap, parseProt(words[3])
		op.Flags = linux.MAP_PRIVATE | linux.MAP_ANONYMOUS | linux.MAP_FIXED
		for _, word := range words[4:] {
			parseMmapWord(t, &op, word)
		}
	case "munmap":
		op.Kind = seqtest.OpMunmap
	case "mprotect":
		op.Kind, op.Prot = seqtest.OpMprotect, parseProt(words[3])
	case "dontneed":
		op.Kind, op.Advice = seqtest.OpMadvise, linux.MADV_DONTNEED
	case "r":
		op.Kind = seqtest.OpLoad
	case "w":
		op.Kind, op.Len, op.Value = seqtest.OpStore, 0, 99
		if len(words) > 2 {
			op.Value = byte(number(t, words[2]))
		}
	case "x":
		op.Kind = seqtest.OpFetch
	default:
		t.Fatalf("unknown statement %q", words)
	}
	return op
}

func parseMmapWord(t *testing.T, op *seqtest.Op, word string) {
	t.Helper()
	switch word {
	case "shared":
		op.Flags ^= linux.MAP_PRIVATE | linux.MAP_SHARED
	case "noreserve":
		op.Flags |= linux.MAP_NORESERVE
	case "stack":
		op.Flags |= linux.MAP_STACK
	case "noreplace":
		op.Flags ^= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	case "hint":
		op.Flags &^= linux.MAP_FIXED
	default:
		file, off, _ := strings.Cut(strings.TrimPrefix(word, "f"), "@")
		op.Flags &^= linux.MAP_ANONYMOUS
		op.File = int(number(t, file))
		if off != "" {
			op.Off = number(t, off) * linux.PageSize
		}
	}
}

func number(t *testing.T, word string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(word, 10, 64)
	must(t, err)
	return n
}

func parseProt(word string) int {
	prot := 0
	for i, letter := range "rwx" { // PROT_READ, PROT_WRITE, PROT_EXEC are 1, 2, 4
		if strings.ContainsRune(word, letter) {
			prot |= 1 << i
		}
	}
	return prot
}

// picture shows a layout in pages: "0-2 rw+ A1*" is two pages, rw, accounted,
// with the first anon_vma, inherited. Neighbours are separated by ", ".
func picture(m *seqmodel.Model) string {
	var areas []string
	for _, r := range m.Maps() {
		s := fmt.Sprintf("%d-%d %s", (r.Start-windowBase)/linux.PageSize, (r.End-windowBase)/linux.PageSize, seqtest.ProtString(r.Prot))
		if r.Account {
			s += "+"
		}
		if r.Faulted {
			s += fmt.Sprintf(" A%d", r.AnonVMA)
		}
		if r.Inherited {
			s += "*"
		}
		areas = append(areas, s)
	}
	return strings.Join(areas, ", ")
}

// resultWord is a result without the address or byte of a success.
func resultWord(r seqtest.Result) string {
	if r.Errno == 0 && r.Fault == linux.OK {
		return "ok"
	}
	return r.String()
}

// runScript performs a script on fresh models and returns them with the steps.
func runScript(t *testing.T, cfg seqmodel.Config, script string) ([]*seqmodel.Model, []step) {
	t.Helper()
	models := []*seqmodel.Model{seqmodel.New(cfg)}
	files := scriptFiles()
	var steps []step
	for _, s := range parseScript(t, script) {
		steps = append(steps, s.step)
		m := models[s.proc]
		if s.op.Kind == seqtest.OpFork {
			models = append(models, m.Fork())
			continue
		}
		if got := resultWord(seqtest.Apply(m, s.op, files)); got != s.result {
			t.Errorf("%s: %s, want %s", s.text, got, s.result)
		}
	}
	return models, steps
}
