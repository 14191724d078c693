package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vmasim/check"
	"vmasim/explore"
	"vmasim/internal/linux"
	"vmasim/internal/lockorder"
	"vmasim/internal/pgtable"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/mm"
	"vmasim/tree"
	"vmasim/vma"
	"vmasim/workloads"
)

// This file reads the tables in which names are declared.

func functions() (all []Entry) {
	for _, name := range slices.Sorted(maps.Keys(functionTable)) {
		f := functionTable[name]
		bare := strings.TrimLeft(name, "_")
		e := Entry{Name: name, Does: f.does, words: []string{bare}}
		if bare != name {
			e.aliases = []string{bare}
		}
		e.add("called", f.called)
		e.add("since", f.since)
		e.add("in", f.file)
		all = append(all, e)
	}
	return all
}

// layouts returns the declarations of the structures.
func layouts() []*task.Layout {
	all := []*task.Layout{vma.Layout(), vma.LockLayout(), vma.MMLockLayout(), mm.CountersLayout(), mm.UffdLayout(), vma.AnonVMALayout(), vma.PolicyLayout(),
		vma.GlobalLayout(), tree.Layout(), tree.NodeLayout(), tree.LeafLayout(), tree.EnodeLayout(), pgtable.TablesLayout(), phys.PageLayout(), phys.MemoryLayout(),
		phys.InodeLayout()}
	all = append(all, pgtable.TableLayouts()...)
	return append(all, pgtable.LockLayouts()...)
}

func fields() (all []Entry) {
	for _, l := range layouts() {
		for i := range l.Fields {
			f := &l.Fields[i]
			field, _, element := strings.Cut(f.Name, "[")
			e := Entry{Name: l.Type + "." + field, Does: f.Doc, aliases: []string{field}}
			if element && all[len(all)-1].Name == e.Name {
				continue // of an array
			}
			if l == tree.Layout() {
				e.aliases = append(e.aliases, "mm_mt") // as which traces have it
			}
			if strings.Contains(field, "_") { // others are words
				e.words = []string{field}
			}
			if len(f.Read) > 0 {
				e.add("read", f.Read.String())
			}
			if len(f.Write) > 0 {
				e.add("written", f.Write.String())
			}
			if len(f.Bits) > 0 {
				e.add("single bits", f.Bits.String())
			}
			e.add("in", structureTable[l.Type].file)
			all = append(all, e)
		}
	}
	for _, f := range phys.Metadata() {
		all = append(all, Entry{Name: "page." + f.Name, Does: f.Doc, aliases: []string{f.Name}})
	}
	return all
}

func locks() (all []Entry) {
	order := lockorder.Declared()
	classes := order.Classes()
	for i, c := range classes {
		e := Entry{Name: c.Name, Does: c.Doc}
		if _, field, ok := strings.Cut(c.Name, "."); ok {
			e.aliases = []string{field}
		}
		var under, over []string
		for j, other := range classes {
			if order.Before(j, i) {
				over = append(over, other.Name)
			}
			if order.Before(i, j) {
				under = append(under, other.Name)
			}
		}
		e.add("kind", string(c.Kind))
		e.add("waited for under", cmp.Or(strings.Join(over, ", "), "no other"))
		e.add("under it", cmp.Or(strings.Join(under, ", "), "none is waited for"))
		all = append(all, e)
	}
	return all
}

func ruleEntries() (all []Entry) {
	for _, r := range rules.All() {
		info := r.Info()
		e := Entry{Name: info.Name, Does: info.Does}
		e.add("family", r.Family().Name+": "+r.Family().Doc)
		e.add("since", info.Since)
		label := "without"
		if !r.Home().Has(r) {
			label = "with"
		}
		e.add(label, cmp.Or(info.Breaks, "nothing breaks: "+info.Effect))
		e.add("meets", info.Order)
		e.add("shown by", info.Shows)
		if info.Seen != rules.SeenNothing {
			plain, switched := r.Demonstration()
			for _, spec := range []string{plain, switched} {
				e.Try = append(e.Try, fmt.Sprintf("vmasim explore %s --rules %s", info.Shows, spec))
			}
		}
		all = append(all, e)
	}
	return all
}

func generations() (all []Entry) {
	for _, g := range rules.Generations() {
		e := Entry{Name: g.Name, Does: g.Doc, Try: []string{"vmasim rules " + g.Name}}
		e.add("kernels", g.Kernels)
		e.add("readers", g.Readers)
		e.add("writers", g.Writers)
		e.add("write locks end", g.Unlock)
		e.add("detached", g.Detached)
		e.add("memory is used again", g.Memory)
		e.add("falls back", g.Falls)
		all = append(all, e)
	}
	return all
}

func requirements() (all []Entry) {
	for _, q := range rules.Requirements() {
		e := Entry{Name: q.Name, Does: "the order of: " + q.Between}
		e.add("needs", q.Needs)
		e.add("note", q.Note)
		var names []string
		for _, r := range q.Rules() {
			names = append(names, r.String())
		}
		e.add("rules", strings.Join(names, ", "))
		all = append(all, e)
	}
	return all
}

func oracles() (all []Entry) {
	for _, o := range check.Oracles() {
		e := Entry{Name: o.Name, Does: o.Means}
		e.add("reported", "by "+o.Source.String())
		e.add("since", o.Since)
		e.add("breaks", strings.Join(strings.Fields(o.Invariants), ", "))
		e.add("shown by", o.Litmus())
		if o.Discipline() {
			e.add("class", "lock discipline, behind which --consequences goes on")
		}
		if o.Shows != "" {
			e.Try = []string{"vmasim explore " + o.Shows}
		}
		all = append(all, e)
	}
	return all
}

func counters() (all []Entry) {
	for c := range task.NumCounters {
		all = append(all, Entry{Name: c.Info().Name, Does: c.Info().Doc, words: []string{c.Info().Name}})
	}
	return all
}

func points() (all []Entry) {
	for p := task.Point(0); task.AllPoints().Has(p); p++ {
		e := Entry{Name: p.Info().Name, Does: p.Info().Doc}
		e.add("shown by", ReachedBy[p.Info().Name])
		all = append(all, e)
	}
	return all
}

// ReachedBy names, of the points that litmus tests come to, one that does.
var ReachedBy = map[string]string{
	"merge-new-left": "merge-files", "merge-new-both": "merge-two-anon-vmas", "merge-moved-left": "move-rmap", "merge-whole-left": "merge-adopts",
	"merge-whole-both": "merge-survivor", "merge-part-left": "merge-shrunk", "merge-part-right": "merge-grown", "split-below": "split-anon-vma",
	"split-above": "split-undo", "downgrade": "downgrade-ends-locks", "rollback-reattach": "last-put", "rollback-move": "move-back",
	"wait-readers": "no-hint", "wait-read": "attach-order", "wait-write": "attach-order", "next-vma-retry": "maps-replaced",
	"next-vma-fallback": "maps-writer", "madvise-vma-lock": "guard-anon-vma", "madvise-mmap-lock": "guard-split",
}

func choices() (all []Entry) {
	shown := shownBy()
	for _, c := range task.Choices() {
		e := Entry{Name: string(c.Name), Does: c.Doc}
		e.add("offered by", "may "+string(c.Name))
		e.add("shown by", shown[string(c.Name)])
		all = append(all, e)
	}
	for _, c := range explore.MemoryChoices() {
		e := Entry{Name: string(c.Name), Does: c.Doc}
		var by []string
		for _, model := range explore.MemoryModelsOf(c.Name) {
			by = append(by, "--memory "+model)
		}
		e.add("offered by", strings.Join(by, ", ")+"; or memory-model, with the same name behind it, in a scenario")
		e.add("told in", "docs/memory-model.md")
		e.add("shown by", shownUnderViews[c.Name])
		all = append(all, e)
	}
	return all
}

func memoryModels() (all []Entry) {
	for _, m := range explore.MemoryModels() {
		e := Entry{Name: m.Name, Does: m.Doc}
		e.add("asked for by", "--memory "+m.Name+", or memory-model "+m.Name+" in a scenario")
		e.add("told in", "docs/memory-model.md")
		if scenario := shownUnder[m.Name]; scenario != "" {
			e.Try = []string{"vmasim explore " + scenario + " --memory " + m.Name}
		}
		all = append(all, e)
	}
	return all
}

// shownUnder names, by memory model, a scenario to try it with.
var shownUnder = map[string]string{"views": "ref-acquire", "tso": "announce-late"}

// shownUnderViews names scenarios for what no line of one asks for.
var shownUnderViews = map[task.Choice]string{"older-value": "ref-acquire"}

// shownBy names, by each word that lines of scenarios begin with, and by the words behind may, the shortest scenario that has it. Litmus tests
// come first.
func shownBy() map[string]string {
	all := workloads.Litmus()
	slices.SortStableFunc(all, func(a, b workloads.Info) int { return len(a.Source) - len(b.Source) })
	shown := map[string]string{}
	for _, info := range append(all, workloads.Builtin()...) {
		for line := range strings.Lines(info.Source) {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] != "may" {
				words = words[:1]
			}
			for _, w := range words {
				if shown[w] == "" {
					shown[w] = info.Name
				}
			}
		}
	}
	return shown
}

func strategies() (all []Entry) {
	for _, s := range explore.Strategies() {
		e := Entry{Name: string(s.Name), Does: s.Doc, Try: []string{"vmasim explore --strategy " + string(s.Name)}}
		if s.Finishes {
			e.add("ends", "when all was tried")
		} else {
			e.add("ends", "never by itself")
		}
		all = append(all, e)
	}
	return all
}

func statements() (all []Entry) {
	shown := shownBy()
	for k := range workloads.Kind(workloads.NumKinds) {
		s := k.Spec()
		e := Entry{Name: s.Name, Does: s.Help}
		e.add("written", s.Usage())
		e.add("example", s.Example)
		e.add("shown by", shown[s.Name])
		if k.OnSimulator() {
			e.add("kernel", "no call does this")
		}
		all = append(all, e)
	}
	return all
}

func scenarios() (all []Entry) {
	for _, info := range workloads.Litmus() {
		all = append(all, scenario(info, "explore"))
	}
	for _, info := range slices.Concat(workloads.Builtin(), workloads.WillItScale(), workloads.Shapes()) {
		all = append(all, scenario(info, "run"))
	}
	return all
}

// scenario is an entry for a scenario that a command performs.
func scenario(info workloads.Info, command string) Entry {
	return Entry{Name: info.Name, Does: strings.TrimRight(info.Title+"\n"+info.Doc, "\n"),
		Try: []string{"vmasim scenarios " + info.Name, "vmasim " + command + " " + info.Name}}
}

func bugs() (all []Entry) {
	for _, b := range workloads.Bugs() {
		e := Entry{Name: b.Name, Does: strings.TrimRight(b.Title+"\n"+b.Doc, "\n"), aliases: []string{b.Number}, Try: []string{"vmasim explore " + b.Name}}
		e.add("commit", b.Commit)
		e.add("versions", b.Versions)
		e.add("seen", b.Seen)
		all = append(all, e)
	}
	return all
}

// lastErrno is the last error that Linux has.
const lastErrno = 133

// errnoFile is where Linux declares an error.
func errnoFile(n linux.Errno) string {
	const lastBase = 34
	if n <= lastBase {
		return "include/uapi/asm-generic/errno-base.h"
	}
	return "include/uapi/asm-generic/errno.h"
}

func errnos() (all []Entry) {
	for n := range linux.Errno(lastErrno + 1) {
		if name := linux.Name(n); name != "" {
			e := Entry{Name: name, Does: n.Error(), words: []string{name}}
			e.Does += ". " + cmp.Or(errnoTable[n], "No call of vmasim gives it; the running kernel may, in vmasim diff.")
			e.add("number", fmt.Sprint(int(n)))
			e.add("in", errnoFile(n))
			all = append(all, e)
		}
	}
	return all
}
