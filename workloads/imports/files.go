package imports

import (
	"fmt"
	"maps"
	"strings"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// files are the files of a log, by the names that the log gives them.
type files struct {
	byPath map[string]*file
	all    []*file
	decls  []decl
	names  map[string]bool
}

// file is a recorded file.
type file struct {
	path   string
	size   uint64 // that it must have for what is mapped
	exact  bool   // size is what the log tells
	mapped bool
	// aligned counts mappings that lie where a huge page of the file could be one, scattered those that do not.
	aligned, scattered int
	name               string // of its first declaration
	opens              []*open
}

// open is a file that was opened once.
type open struct {
	file *file
	mode int // linux.O_RDONLY, …; -1: the log does not tell
	name string
}

// decl is a declaration of the scenario.
type decl struct {
	name string
	file *file
	of   string // that it opens again; "": it is the first
	mode int
}

// descriptors are the open files of a process.
type descriptors struct{ byNumber map[int]*open }

func newDescriptors() *descriptors { return &descriptors{map[int]*open{}} }

func (d *descriptors) clone() *descriptors { return &descriptors{maps.Clone(d.byNumber)} }

// at returns the file of a path.
func (f *files) at(path string) *file {
	found := f.byPath[path]
	if found == nil {
		found = &file{path: path}
		f.byPath[path] = found
		f.all = append(f.all, found)
	}
	return found
}

// open notes that a file was opened.
func (f *files) open(path string, mode int) *open { return &open{file: f.at(path), mode: mode} }

// of returns the open file that a descriptor means. path is what -y tells of it.
func (f *files) of(d *descriptors, fd int, path []byte) *open {
	o := d.byNumber[fd]
	if o != nil && (path == nil || o.file.path == string(path)) {
		return o
	}
	if path == nil {
		return nil
	}
	file := f.at(string(path))
	if len(file.opens) == 0 { // the log tells of no open: one that all mappings share
		file.opens = append(file.opens, &open{file: file, mode: -1})
	}
	o = file.opens[0]
	d.byNumber[fd] = o
	return o
}

// use returns the name by which a statement maps an open file, read-only if it has to be.
func (f *files) use(o *open, readOnly bool) string {
	if o.name == "" {
		o.name = f.declare(o.file, readOnly)
	}
	return o.name
}

// declare declares a file, or one that is declared once more.
func (f *files) declare(of *file, readOnly bool) string {
	of.mapped = true
	if of.name == "" {
		of.name = f.unused(of.path)
		f.decls = append(f.decls, decl{name: of.name, file: of, mode: linux.O_RDWR})
		if !readOnly {
			return of.name
		}
	}
	mode := linux.O_RDWR
	if readOnly {
		mode = linux.O_RDONLY
	}
	name := f.unused(of.path)
	f.decls = append(f.decls, decl{name: name, file: of, of: of.name, mode: mode})
	return name
}

// closed returns the name of what is no file.
func (f *files) closed() string {
	for _, d := range f.decls {
		if d.file == nil {
			return d.name
		}
	}
	f.decls = append(f.decls, decl{name: f.unused("closed_file")})
	return f.decls[len(f.decls)-1].name
}

// unused makes a name of a path that no file has yet.
func (f *files) unused(path string) string {
	path = strings.TrimSuffix(path, " (deleted)")
	path = strings.TrimPrefix(path[strings.LastIndexByte(path, '/')+1:], "memfd:")
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && wordLength([]byte{byte(r)}) == 1 {
			return r
		}
		return '_'
	}, strings.Trim(path, "[]"))
	if name == "" || isDigit(name[0]) || workloads.IsKeyword(name) {
		name = "f_" + name
	}
	if f.names == nil {
		f.names = map[string]bool{}
	}
	base := name
	for n := 2; f.names[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	f.names[name] = true
	return name
}

// reaches notes that bytes up to end are mapped.
func (f *file) reaches(end uint64) {
	if !f.exact {
		f.size = max(f.size, end)
	}
}

// hugePage is the size of a huge page.
const hugePage = 2 << 20

// placed notes where the kernel has put a mapping of the file that it was free to place: whether its huge pages fall on huge pages.
func (f *file) placed(addr, offset, length uint64) {
	switch {
	case !f.hasHuge(offset, length):
	case (addr-offset)%hugePage == 0:
		f.aligned++
	default:
		f.scattered++
	}
}

// hasHuge reports whether a part of the file holds a whole huge page of it.
func (f *file) hasHuge(offset, length uint64) bool {
	first := (offset + hugePage - 1) &^ (hugePage - 1)
	return offset+length >= first+hugePage
}

// inMemory reports whether the stand-in is a file in memory, which the kernel places as it likes: because of its name, or of where it
// was mapped.
func (f *file) inMemory() bool {
	if f.aligned+f.scattered > 0 {
		return f.scattered > f.aligned
	}
	return strings.HasPrefix(f.path, "/memfd:") || strings.HasPrefix(f.path, "/dev/shm/") || strings.HasPrefix(f.path, "[")
}

// String is the declaration.
func (d *decl) String() string {
	f := &workloads.File{Name: d.name, Mode: d.mode}
	switch {
	case d.file == nil:
		f.Special = workloads.SpecialClosed
		return f.String()
	case d.of != "":
		f.Again = &workloads.Ref{Name: d.of}
	case d.file.path == "/dev/zero":
		f.Special = workloads.SpecialZero
		return f.String()
	default:
		f.Size, f.Memory = max(d.file.size, 1), d.file.inMemory()
		f.Disk = !f.Memory
	}
	return f.String() + " # " + printable(d.file.path)
}

// printable keeps what ends no comment.
func printable(path string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, path)
}
