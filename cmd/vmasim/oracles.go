package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/check"
	"vmasim/internal/suggest"
)

func newOracles() *cobra.Command {
	var shown look
	cmd := &cobra.Command{
		Use:   "oracles [NAME]",
		Short: "List what the explorer watches for, or explain one oracle",
		Long: `List the oracles, or explain one. An oracle watches one thing that must never happen.
A scenario names them in "verdict", "never" and "show"; of vmasim explore, --without
switches some off and --until goes on behind others to some. docs/oracles.md is the
same as a table.`,
		Example: `  vmasim oracles
  vmasim oracles reader-left
  vmasim explore put-to-zero --rules linux-6.18,-detach-waits --until bad-free`,
		Args: atMostOneName,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var words []cobra.Completion
			for _, o := range check.Oracles() {
				words = append(words, cobra.CompletionWithDesc(o.Name, o.Means))
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := oraclesText(), error(nil)
			if len(args) == 1 {
				text, err = explainOracle(args[0])
			}
			if err != nil {
				return err
			}
			return shown.print(cmd, text)
		},
	}
	shown.register(cmd)
	return cmd
}

func oraclesText() string {
	var b strings.Builder
	b.WriteString("Oracles:\n")
	for _, o := range check.Oracles() {
		b.WriteString("  " + o.Name + "\n" + oracleLines("      ", o))
	}
	return b.String()
}

func oracleLines(indent string, o check.Info) string {
	lines := []string{o.Means, "since:    " + o.Since}
	if o.Shows != "" {
		lines = append(lines, "shown by: "+o.Litmus())
	}
	return indent + strings.Join(lines, "\n"+indent) + "\n"
}

func explainOracle(name string) (string, error) {
	o, err := check.Lookup(name)
	if err != nil {
		var names []string
		for _, o := range check.Oracles() {
			names = append(names, o.Name)
		}
		return "", usageError{errors.New(suggest.Unknown("oracle", name, names, "one that vmasim oracles lists"))}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s  reported: by %s\n", o.Name, oracleLines("  ", o), o.Source)
	if o.Invariants != "" {
		fmt.Fprintf(&b, "  breaks:   %s of docs/kernel.md\n", strings.Join(strings.Fields(o.Invariants), ", "))
	}
	if o.Discipline() {
		b.WriteString("  class:    lock discipline, behind which --consequences goes on\n")
	}
	if o.Shows == "" {
		b.WriteString("\nNo litmus test shows it.\n")
		return b.String(), nil
	}
	fmt.Fprintf(&b, "\nTo see it:\n  vmasim explore %s\nThe story: vmasim scenarios %s\n", o.Shows, o.Litmus())
	return b.String(), nil
}
