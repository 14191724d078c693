package imports

import (
	"bytes"
	"fmt"

	"vmasim/internal/linux"
)

// opened is a call that opens the file of an argument, and has flags in another; -1: none.
func opened(path, mode int) func(im *importer, t *task, c *call) *badArg {
	return func(im *importer, t *task, c *call) *badArg {
		im.report.Noted++
		if !c.result.ok() {
			return nil
		}
		name := string(c.result.path)
		if name == "" {
			text, ok := quoted(c.args[path])
			if !ok {
				return &badArg{c.args[path], "string"}
			}
			name = text
		}
		how := linux.O_WRONLY
		if mode >= 0 {
			how = linux.O_RDONLY
			for _, word := range [...]struct {
				name string
				mode int
			}{{"O_RDWR", linux.O_RDWR}, {"O_WRONLY", linux.O_WRONLY}} {
				if bytes.Contains(c.args[mode], []byte(word.name)) {
					how = word.mode
				}
			}
		}
		o := im.files.open(name, how)
		o.file.opens = append(o.file.opens, o)
		t.process.fds.byNumber[int(c.result.value)] = o
		return nil
	}
}

func (im *importer) memfdCreate(t *task, c *call) *badArg {
	im.report.Noted++
	if !c.result.ok() {
		return nil
	}
	name, ok := quoted(c.args[0])
	if !ok {
		return &badArg{c.args[0], "string"}
	}
	path := "/memfd:" + name
	if c.result.path != nil {
		path = string(c.result.path)
	}
	for n := 2; im.files.byPath[path] != nil; n++ { // two with one name are two
		path = fmt.Sprintf("/memfd:%s_%d", name, n)
	}
	o := im.files.open(path, linux.O_RDWR)
	o.file.opens = append(o.file.opens, o)
	if c.result.path != nil {
		im.files.byPath[string(c.result.path)] = o.file
	}
	t.process.fds.byNumber[int(c.result.value)] = o
	return nil
}

func (im *importer) close(t *task, c *call) *badArg {
	im.report.Noted++
	if fd, _, ok := descriptor(c.args[0]); ok && c.result.ok() {
		delete(t.process.fds.byNumber, fd)
	}
	return nil
}

func (im *importer) dup(t *task, c *call) *badArg {
	im.report.Noted++
	fd, path, ok := descriptor(c.args[0])
	if !ok {
		return &badArg{c.args[0], "descriptor"}
	}
	if o := im.files.of(t.process.fds, fd, path); o != nil && c.result.ok() {
		t.process.fds.byNumber[int(c.result.value)] = o
	}
	return nil
}

func (im *importer) fcntl(t *task, c *call) *badArg {
	if !bytes.HasPrefix(c.args[1], []byte("F_DUPFD")) {
		im.report.Noted++
		return nil
	}
	return im.dup(t, c)
}

// fstat tells how large a file is.
func (im *importer) fstat(t *task, c *call) *badArg {
	im.report.Noted++
	size, told := field(c.args[1], "st_size")
	fd, path, ok := descriptor(c.args[0])
	if !told || !ok || !c.result.ok() {
		return nil
	}
	if o := im.files.of(t.process.fds, fd, path); o != nil && !o.file.mapped {
		if n, ok := number(size); ok && n > 0 {
			o.file.size, o.file.exact = n, true
		}
	}
	return nil
}

// ftruncate gives a file its size, as long as nothing maps it: a stand-in has one size all the time.
func (im *importer) ftruncate(t *task, c *call) *badArg {
	fd, path, ok := descriptor(c.args[0])
	if !ok {
		return &badArg{c.args[0], "descriptor"}
	}
	size, bad := c.numberArg(1)
	if bad != nil {
		return bad
	}
	o := im.files.of(t.process.fds, fd, path)
	switch {
	case o == nil || !c.result.ok():
		im.drop(c.line, "ftruncate", "of no file that can be mapped")
	case !o.file.mapped:
		o.file.size, o.file.exact = size, true
		im.report.Noted++
	case size > o.file.size:
		o.file.size = size
		im.drop(c.line, "ftruncate", "the file is mapped: it has its largest size from the beginning")
	case size < o.file.size:
		im.drop(c.line, "ftruncate", "the file is mapped: it keeps its size, where pages beyond the new one would be gone")
	}
	return nil
}
