package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/internal/suggest"
	"vmasim/workloads"
)

func newScenarios() *cobra.Command {
	var shown look
	cmd := &cobra.Command{
		Use:   "scenarios [NAME]",
		Short: "List the built-in scenarios, or show one",
		Long: `List the built-in scenarios, those for running, benchmarks that people know among
them, the litmus tests and the museum of bugs, or show the text of one: they are written
to be read, and to be copied as the beginning of your own. docs/scenarios.md is the
manual, docs/litmus.md and docs/museum.md have the stories.`,
		Example: `  vmasim scenarios
  vmasim scenarios quickstart > my.vma`,
		Args: atMostOneName,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			names, _ := completeScenarios(cmd, args, toComplete)
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return shown.print(cmd, scenariosText())
			}
			source, err := sourceOf(args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), shown.of(cmd.OutOrStdout(), false).Source(source))
			return err
		},
	}
	shown.register(cmd)
	return cmd
}

func scenariosText() string {
	width := 0
	for _, info := range workloads.AllBuiltin() {
		width = max(width, len(info.Name))
	}
	var b strings.Builder
	for _, info := range workloads.Builtin() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, info.Name, info.Title)
	}
	b.WriteString("\nBenchmarks of will-it-scale; wis/ means them all:\n\n")
	for _, info := range workloads.WillItScale() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, info.Name, info.Title)
	}
	b.WriteString("\nPrograms of well-known kinds; shapes/ means them all:\n\n")
	for _, info := range workloads.Shapes() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, info.Name, info.Title)
	}
	b.WriteString("\nLitmus tests, each about one question of the protocol (docs/litmus.md):\n\n")
	for _, info := range workloads.Litmus() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, info.Name, info.Title)
	}
	b.WriteString("\nThe museum, each about a bug that the kernel has had (docs/museum.md); bugs/ means them all:\n\n")
	for _, bug := range workloads.Bugs() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, bug.Name, bug.Title)
	}
	return b.String()
}

// sourceOf returns the text of a scenario.
func sourceOf(name string) (string, error) {
	var names []string
	for _, info := range append(workloads.AllBuiltin(), workloads.InFolders()...) {
		if info.Name == name {
			return info.Source, nil
		}
		names = append(names, info.Name)
	}
	return "", usageError{errors.New(suggest.Unknown("scenario", name, names, "one that vmasim scenarios lists"))}
}

// completeScenarios completes the built-in names; files come from the shell.
func completeScenarios(_ *cobra.Command, _ []string, toComplete string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	all := workloads.AllBuiltin()
	if strings.Contains(toComplete, "/") {
		all = workloads.InFolders()
	}
	for _, info := range all {
		names = append(names, cobra.CompletionWithDesc(info.Name, info.Title))
	}
	return names, cobra.ShellCompDirectiveDefault
}
