package imports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"vmasim/internal/linux"
	"vmasim/workloads"
)

// Import is a scenario made of a recording.
type Import struct {
	Report Report
	head   string
	tasks  []*task
	tail   string
}

// WriteTo writes the scenario.
func (i *Import) WriteTo(w io.Writer) (n int64, err error) {
	write := func(text []byte) {
		if err == nil {
			var wrote int
			wrote, err = w.Write(text)
			n += int64(wrote)
		}
	}
	write([]byte(i.head))
	for _, t := range i.tasks {
		write([]byte(t.heading()))
		write(t.out.Bytes())
	}
	write([]byte(i.tail))
	return n, err
}

// String is the scenario as text.
func (i *Import) String() string {
	var b bytes.Buffer
	_, _ = i.WriteTo(&b) // memory takes all
	return b.String()
}

func (t *task) heading() string {
	if t.begins.name != workloads.MainMM {
		return fmt.Sprintf("\nthread %s in %s\n", t.name, t.begins.name)
	}
	return fmt.Sprintf("\nthread %s\n", t.name)
}

// result puts the scenario together.
func (im *importer) result(base uint64) *Import {
	out := &Import{}
	for _, t := range im.all {
		if t.out.Len() > 0 {
			out.tasks = append(out.tasks, t)
		}
	}
	im.report.Tasks, im.report.Spaces = len(im.all), len(im.spaces)
	out.Report = im.report
	init := &block{indent: "    "}
	im.layout(init, im.o.Maps)
	im.unseen(init, base)
	if im.o.End != nil {
		tail := &block{indent: "    "}
		im.picture(tail, im.o.End)
		out.tail = "\nfinally\n" + tail.String()
	}
	var head strings.Builder
	fmt.Fprintf(&head, "# %s: what a program did, recorded by strace.\n#\n# %s\n\n", printable(im.o.Name), im.report.summary())
	im.header(&head, base)
	if init.Len() > 0 {
		fmt.Fprintf(&head, "\ninit\n%s", init)
	}
	out.head = head.String()
	return out
}

// base is where the search for room begins: as the dump shows, or where the first mapping that the kernel placed ends. With randomization
// it begins elsewhere in each address space that execve makes: the highest is taken, and above that of each other one there is no room.
func (im *importer) base() uint64 {
	base, higher := mmapBase(im.o.Maps), 0
	known := base != 0
	for _, s := range im.spaces {
		switch {
		case s.forked || s.top <= base || s.top > linux.TaskSize:
		case known:
			higher++
		default:
			base = s.top
		}
	}
	if higher > 0 {
		im.note("%s have their room above that of --maps: their mappings come out elsewhere, and would not without randomization, setarch -R strace", counted(higher, "address space"))
	}
	return base
}

// enough is how much of the memory that a scenario has if it says nothing may be touched: the rest is for page tables and files.
const enough = 128 << 20

// header writes the declarations.
func (im *importer) header(b *strings.Builder, base uint64) {
	if need := uint64(im.report.Touches) * linux.PageSize; need > enough {
		fmt.Fprintf(b, "memory %dM\n", (2*need+enough)>>20)
	}
	for _, s := range im.spaces[1:] {
		fmt.Fprintf(b, "mm %s\n", s.name)
	}
	for i := range im.files.decls {
		fmt.Fprintf(b, "%s\n", &im.files.decls[i])
	}
	if base != 0 && base != linux.MmapBase {
		fmt.Fprintf(b, "machine mmap-base %#x\n", base)
	}
}

// unseen makes what the log needs and no dump tells of: the heaps, and what must have been mapped when an address space began.
func (im *importer) unseen(b *block, base uint64) {
	heaps := 0
	for i, s := range im.spaces {
		inner := &block{indent: b.indent}
		if i > 0 {
			inner.indent += "    "
		}
		known := i == 0 && im.o.Maps != nil
		if !known && !s.forked {
			taken := func(r span, prot int) {
				a := &Area{Start: r.start, End: r.end, Prot: prot, Name: "[vunknown]"}
				im.areas([]Area{*a})
				im.mapArea(inner, a, a.Start, a.Prot)
			}
			for _, r := range s.before {
				taken(r, linux.PROT_READ|linux.PROT_WRITE)
			}
			if s.top != 0 && s.top < linux.TaskSize { // the first place that is taken lies highest: above it there was no room
				for _, r := range s.before.missing(s.top, min(max(base, s.top+linux.PageSize), linux.TaskSize)) {
					taken(r, 0) // which promises no memory, however much it is
				}
			}
		}
		if s.own && !hasHeap(known, im.o.Maps) {
			heaps++
			name := "H"
			if heaps > 1 {
				name = fmt.Sprintf("H%d", heaps)
			}
			inner.add(im.heapStatement(name, s.heap, s.heapEnd))
		}
		if i > 0 && inner.Len() > 0 {
			fmt.Fprintf(b, "%sin %s\n", b.indent, s.name)
		}
		b.WriteString(inner.String())
	}
}

// hasHeap reports whether a dump shows the heap, so that what makes its layout has made it.
func hasHeap(known bool, areas []Area) bool {
	for i := range areas {
		if known && areas[i].Name == "[heap]" {
			return true
		}
	}
	return false
}
