package imports

import (
	"fmt"
	"strings"

	"vmasim/workloads"
)

// Layout makes a scenario of a layout: init makes it, and finally states it.
func Layout(name string, areas []Area) *Import {
	im := &importer{o: Options{Name: name, Touch: true}}
	im.spaces, im.files.byPath = []*space{im.newSpace(workloads.MainMM)}, map[string]*file{}
	im.areas(areas)
	init, tail := &block{indent: "    "}, &block{indent: "    "}
	im.layout(init, areas)
	im.picture(tail, areas)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: a layout that /proc/PID/maps showed.\n\n", printable(name))
	im.header(&b, mmapBase(areas))
	fmt.Fprintf(&b, "\ninit\n%s\nfinally\n%s", init, tail)
	return &Import{head: b.String()}
}
