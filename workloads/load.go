package workloads

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vmasim/internal/suggest"
)

// Extension is how the names of scenario files end.
const Extension = ".vma"

// maxStream bounds the size of a scenario that is no file on a disk, in bytes: standard input may never end. A file may be as large as
// it is.
const maxStream = 64 << 20

//go:embed scenarios/*.vma litmus/*.vma bugs/*.vma wis/*.vma shapes/*.vma
var builtin embed.FS

// The directories of the built-in scenarios. Their names are one set.
const (
	runDir    = "scenarios"
	litmusDir = "litmus"
	bugDir    = "bugs"
	wisDir    = "wis"
	shapesDir = "shapes"
)

var builtinDirs = [...]string{runDir, litmusDir, bugDir, wisDir, shapesDir}

// folders are the directories that a command line names, "wis/" for all in one and "wis/NAME" for one of them, by what one of them is.
var folders = map[string]string{bugDir: "bug", wisDir: "benchmark", shapesDir: "shape"}

// Info describes a built-in scenario.
type Info struct {
	Name   string
	Title  string // first line of its description
	Doc    string // the rest
	Source string
}

// Builtin describes the built-in scenarios for running, by name.
func Builtin() []Info { return describe(runDir) }

// Litmus describes the built-in scenarios for exploring, by name: small ones, each about one question.
func Litmus() []Info { return describe(litmusDir) }

// WillItScale describes the built-in scenarios that restate benchmarks of will-it-scale, by name.
func WillItScale() []Info { return describe(wisDir) }

// Shapes describes the built-in scenarios that do what well-known kinds of programs do, by name.
func Shapes() []Info { return describe(shapesDir) }

func describe(dir string) []Info {
	entries, err := fs.ReadDir(builtin, dir)
	if err != nil {
		panic(err) // the directory is part of the program
	}
	infos := make([]Info, len(entries))
	for i, e := range entries {
		name := strings.TrimSuffix(e.Name(), Extension)
		src, err := builtinSource(name)
		if err != nil {
			panic(err)
		}
		var errs ErrorList
		sc := &Scenario{}
		_, text := splitLines(name, string(src), &errs)
		(&parser{sc: sc}).describe(text)
		infos[i] = Info{Name: name, Title: sc.Title, Doc: sc.Doc, Source: string(src)}
	}
	return infos
}

// AllBuiltin describes the built-in scenarios of every kind.
func AllBuiltin() (all []Info) {
	for _, dir := range builtinDirs {
		all = append(all, describe(dir)...)
	}
	return all
}

func builtinNames() []string { return namesOf(AllBuiltin()) }

func namesOf(infos []Info) []string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return names
}

// builtinSource reads a built-in scenario. A name with a separator in it is a path, and none of them.
func builtinSource(name string) (src []byte, err error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return nil, fs.ErrNotExist
	}
	for _, dir := range builtinDirs {
		if src, err = builtin.ReadFile(path.Join(dir, name+Extension)); err == nil {
			return src, nil
		}
	}
	return nil, err
}

// inFolder returns the built-in scenarios that "bugs/" means, all of them, or "bugs/NAME", and likewise of other folders. No other argument
// means any.
func inFolder(arg string) (infos []Info, err error) {
	dir, name, ok := strings.Cut(arg, "/")
	if !ok || folders[dir] == "" {
		return nil, fs.ErrNotExist
	}
	infos = describe(dir)
	if name == "" {
		return infos, nil
	}
	name = strings.TrimSuffix(name, Extension)
	if i := slices.IndexFunc(infos, func(b Info) bool { return b.Name == name }); i >= 0 {
		return infos[i : i+1], nil
	}
	return nil, errors.New(suggest.Unknown(folders[dir], name, namesOf(infos), "one that vmasim scenarios lists, or ./"+arg+" for a path"))
}

// InFolders returns the names by which a command line can ask for built-in scenarios in folders: "wis/mmap1".
func InFolders() (infos []Info) {
	for _, dir := range builtinDirs {
		for _, info := range describe(dir) {
			if folders[dir] != "" {
				info.Name = dir + "/" + info.Name
				infos = append(infos, info)
			}
		}
	}
	return infos
}

// LoadBuiltin parses a built-in scenario.
func LoadBuiltin(name string) (*Scenario, error) {
	src, err := builtinSource(name)
	if err != nil {
		return nil, errors.New(suggest.Unknown("scenario", name, builtinNames(), "one that vmasim scenarios lists"))
	}
	return Parse(name+Extension, src)
}

// Load reads the scenarios that a command-line argument means: a built-in name,
// "bugs/" (all built-in bugs, or another of the folders), a file, a directory (all its .vma files), or "-" for
// stdin. With a separator it is a path, "./quickstart" is no built-in name, but
// after "bugs/" stands the name of a bug. It also checks
// that the files which the scenarios map can be opened. Mistakes in scenarios
// come as one [ErrorList], all files together.
func Load(arg string, stdin io.Reader) ([]*Scenario, error) {
	if arg == "-" {
		src, err := readAll("standard input", stdin)
		if err != nil {
			return nil, err
		}
		return parseAll([]document{{"<stdin>", ".", src}})
	}
	if src, err := builtinSource(arg); err == nil {
		return parseAll([]document{{arg + Extension, "", src}})
	}
	if infos, err := inFolder(arg); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, err
		}
		documents := make([]document, len(infos))
		for i, info := range infos {
			documents[i] = document{info.Name + Extension, "", []byte(info.Source)}
		}
		return parseAll(documents)
	}
	paths, err := scenarioFiles(arg)
	if err != nil {
		return nil, err
	}
	sources := make([]document, len(paths))
	for i, p := range paths {
		src, err := readFile(p)
		if err != nil {
			return nil, err
		}
		sources[i] = document{p, filepath.Dir(p), src}
	}
	return parseAll(sources)
}

// LoadText reads a scenario that Load has read before, from its text: what is relative in it starts from dir.
func LoadText(name, dir string, text []byte) (*Scenario, error) {
	all, err := parseAll([]document{{name, dir, text}})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// document is the text of a scenario and the directory its paths start from.
type document struct {
	name, dir string
	src       []byte
}

// scenarioFiles lists the files that arg means.
func scenarioFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !strings.ContainsRune(arg, filepath.Separator) {
			return nil, errors.New(suggest.Unknown("scenario", arg, builtinNames(), "a built-in name, a file, a directory or -"))
		}
		return nil, fmt.Errorf("cannot read scenario: %w", err)
	}
	if !info.IsDir() {
		return []string{arg}, nil
	}
	paths, err := scenariosIn(arg)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", arg, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no scenario in directory %s, expected files *%s", arg, Extension)
	}
	return paths, nil
}

// scenariosIn lists a directory's scenario files. Not Glob: the directory's name
// may hold characters that mean something there.
func scenariosIn(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if filepath.Ext(e.Name()) == Extension && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read scenario: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read scenario: %w", err)
		}
		return src, nil
	}
	return readAll(name, f)
}

func readAll(name string, r io.Reader) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxStream+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read scenario from %s: %w", name, err)
	}
	if len(src) > maxStream {
		return nil, fmt.Errorf("%s has more than %s, expected a scenario: one that is larger can be read from a file", name, formatSize(maxStream, false))
	}
	return src, nil
}

func parseAll(sources []document) ([]*Scenario, error) {
	var all []*Scenario
	var errs ErrorList
	for _, s := range sources {
		if i := bytes.IndexByte(s.src, 0); i >= 0 { // the mistakes of a program would be its bytes
			errs.addf(position(s, i), "byte 0x00 is no text, expected a scenario")
			continue
		}
		sc, err := Parse(s.name, s.src)
		var list ErrorList
		if errors.As(err, &list) {
			if f := Recognize(string(s.src[:min(len(s.src), 4096)])); f != nil { // one sentence, not one mistake a line
				list = ErrorList{{Pos: Pos{File: s.name, Line: 1, Col: 1}, Msg: f.Sentence(s.name, "a scenario")}}
			}
			errs = append(errs, list...)
			continue
		}
		sc.Dir, sc.Source = s.dir, s.src
		sc.checkFiles(&errs)
		all = append(all, sc)
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return all, nil
}

// position says where in a document a byte stands.
func position(d document, offset int) Pos {
	before := d.src[:offset]
	line := bytes.LastIndexByte(before, '\n') + 1
	return Pos{File: d.name, Line: 1 + bytes.Count(before, []byte("\n")), Col: 1 + offset - line}
}

// ResolvePath gives where a real file of the scenario lies.
func (s *Scenario) ResolvePath(f *File) string {
	if filepath.IsAbs(f.Path) {
		return f.Path
	}
	return filepath.Join(s.Dir, f.Path)
}

// checkFiles reports real files that are not there, or would block who opens them, before
// anything runs.
func (s *Scenario) checkFiles(errs *ErrorList) {
	for _, f := range s.Files {
		if f.Path == "" {
			continue
		}
		info, err := os.Stat(s.ResolvePath(f))
		var reason *fs.PathError
		switch {
		case errors.As(err, &reason):
			errs.addf(f.Pos, "cannot open %q: %v, expected a file", f.Path, reason.Err)
		case info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 && info.Mode()&fs.ModeCharDevice == 0:
			errs.addf(f.Pos, "%q cannot be opened for mapping, expected a regular file, a directory or /dev/zero", f.Path)
		}
	}
}
