package seqmodel_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"vmasim/check/seqmodel"
	"vmasim/internal/linux"
	"vmasim/workloads"
	"vmasim/workloads/seqtest"
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
	seqtest.Step
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
	proc, forks := 0, 0
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
		s.Space = proc
		if words[0] == "fork" {
			forks++
			s.Stmt = &workloads.Stmt{Kind: workloads.KindFork, MM: &workloads.Ref{Name: fmt.Sprint(forks), Index: forks}}
		} else {
			s.Stmt = parseStmt(t, words)
		}
		out = append(out, s)
	}
	return out
}

func parseStmt(t *testing.T, words []string) *workloads.Stmt {
	t.Helper()
	pages := func(word string) *workloads.Expr { return workloads.Constant(number(t, word) * linux.PageSize) }
	s := &workloads.Stmt{Addr: pages(words[1])}
	s.Addr.Value += windowBase
	switch words[0] {
	case "mmap":
		s.Kind, s.Size, s.Prot = workloads.KindMmap, pages(words[2]), parseProt(words[3])
		s.Flags, s.Backing.Sharing = linux.MAP_FIXED, linux.MAP_PRIVATE
		for _, word := range words[4:] {
			parseMmapWord(t, s, word)
		}
	case "munmap":
		s.Kind, s.Size = workloads.KindMunmap, pages(words[2])
	case "mprotect":
		s.Kind, s.Size, s.Prot = workloads.KindMprotect, pages(words[2]), parseProt(words[3])
	case "dontneed":
		s.Kind, s.Size, s.Advice = workloads.KindMadvise, pages(words[2]), linux.MADV_DONTNEED
	case "r":
		s.Kind = workloads.KindLoad
	case "w":
		s.Kind, s.Value = workloads.KindStore, workloads.Constant(99)
		if len(words) > 2 {
			s.Value = workloads.Constant(number(t, words[2]))
		}
	case "x":
		s.Kind, s.Access = workloads.KindTouch, linux.Exec
	default:
		t.Fatalf("unknown statement %q", words)
	}
	return s
}

func parseMmapWord(t *testing.T, s *workloads.Stmt, word string) {
	t.Helper()
	switch word {
	case "shared":
		s.Backing.Sharing = linux.MAP_SHARED
	case "noreserve":
		s.Flags |= linux.MAP_NORESERVE
	case "stack":
		s.Flags |= linux.MAP_STACK
	case "noreplace":
		s.Flags ^= linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE
	case "hint":
		s.Flags &^= linux.MAP_FIXED
	default:
		file, off, _ := strings.Cut(strings.TrimPrefix(word, "f"), "@")
		s.Backing.File = &workloads.Ref{Name: "f" + file, Index: int(number(t, file))}
		if off != "" {
			s.Backing.Offset = workloads.Constant(number(t, off) * linux.PageSize)
		}
	}
}

func number(t *testing.T, word string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(word, 10, 64)
	must(t, err)
	return n
}

func parseProt(word string) (prot workloads.Prot) {
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
		s := fmt.Sprintf("%d-%d %s", (r.Start-windowBase)/linux.PageSize, (r.End-windowBase)/linux.PageSize, workloads.Prot(r.Prot))
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

// runScript performs a script on fresh models and returns them with the steps.
func runScript(t *testing.T, cfg seqmodel.Config, script string) ([]*seqmodel.Model, []seqtest.Step) {
	t.Helper()
	models := []*seqmodel.Model{seqmodel.New(cfg)}
	files := scriptFiles()
	var steps []seqtest.Step
	for _, s := range parseScript(t, script) {
		steps = append(steps, s.Step)
		m := models[s.Space]
		if s.Stmt.Kind == workloads.KindFork {
			models = append(models, m.Fork())
			continue
		}
		c := s.Call()
		if got := seqtest.Apply(m, &c, files).String(); got != s.result {
			t.Errorf("%s: %s, want %s", s.text, got, s.result)
		}
	}
	return models, steps
}
