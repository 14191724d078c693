package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/classroom/explain"
	"vmasim/internal/suggest"
)

// explainOptions is what the flags of explain say.
type explainOptions struct {
	look
	kind explain.Kind // "": all
	json bool
}

func newExplain() *cobra.Command {
	o := &explainOptions{}
	cmd := &cobra.Command{
		Use:   "explain [NAME...]",
		Short: "Say what a name means: a kernel function, a field, a rule, an oracle, a counter",
		Long: `Say what names mean that reports and drawings have: functions, fields, operations and
structures of the kernel, locks, rules, generations, oracles, counters, coverage points,
choices, strategies, statements, scenarios, bugs, errors and other results. A name that
is several things has each explained. Without a NAME the kinds are listed, with --kind
the names of one. Case does not matter; a field is found without its structure, too, and
a bug by its number.`,
		Example: `  vmasim explain
  vmasim explain lock_vma_under_rcu vm_refcnt
  vmasim explain detach-waits O5 b03
  vmasim explain --kind function
  vmasim explain mmap_lock --kind lock --format json`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var words []cobra.Completion
			for _, e := range o.entries() {
				first, _, _ := strings.Cut(e.Does, "\n")
				words = append(words, cobra.CompletionWithDesc(e.Name, e.Kind+": "+first))
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runExplain(cmd, args, o) },
	}
	o.register(cmd)
	cmd.Flags().Var(&flag{kind: "KIND", set: o.setKind}, "kind", "names of one kind only: "+strings.Join(kindNames(), ", "))
	completeFlag(cmd, "kind", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var words []cobra.Completion
		for _, k := range explain.Kinds() {
			words = append(words, cobra.CompletionWithDesc(k.Name, k.Doc))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	})
	registerJSON(cmd, &o.json, "an array with an object for each meaning")
	return cmd
}

func kindNames() (names []string) {
	for _, k := range explain.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

func (o *explainOptions) setKind(name string) error {
	for _, k := range explain.Kinds() {
		if k.Name == name {
			o.kind = k
			return nil
		}
	}
	return errors.New(suggest.Unknown("kind", name, kindNames(), ""))
}

// entries returns all that may be asked for.
func (o *explainOptions) entries() []explain.Entry {
	if o.kind.Name != "" {
		return o.kind.Entries()
	}
	return explain.All()
}

func runExplain(cmd *cobra.Command, args []string, o *explainOptions) error {
	var found []explain.Entry
	for _, name := range args {
		all, err := explain.Find(name)
		if err != nil {
			return usageError{err}
		}
		n := len(found)
		for _, e := range all {
			if o.kind.Name == "" || e.Kind == o.kind.Name {
				found = append(found, e)
			}
		}
		if len(found) == n {
			return usageError{fmt.Errorf("%s is no %s but a %s: leave --kind out", name, o.kind.Name, all[0].Kind)}
		}
	}
	switch {
	case len(args) > 0 && !o.json:
		texts := make([]string, len(found))
		for i := range found {
			texts[i] = found[i].Text()
		}
		return o.print(cmd, strings.Join(texts, "\n"))
	case len(args) > 0:
	case o.kind.Name != "" || o.json:
		found = o.entries()
	default:
		return o.print(cmd, kindsText())
	}
	if o.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(found)
	}
	return o.print(cmd, namesText(found))
}

// kindsText lists the kinds, and how many names each has.
func kindsText() string {
	var b strings.Builder
	for _, k := range explain.Kinds() {
		fmt.Fprintf(&b, "%-12s %3d  %s\n", k.Name, len(k.Entries()), k.Doc)
	}
	return b.String()
}

// namesText lists names, and what the first line about each says.
func namesText(entries []explain.Entry) string {
	width := 0
	for i := range entries {
		width = max(width, len(entries[i].Name))
	}
	var b strings.Builder
	for i := range entries {
		first, _, _ := strings.Cut(entries[i].Does, "\n")
		fmt.Fprintf(&b, "%-*s  %s\n", width, entries[i].Name, first)
	}
	return b.String()
}
