package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/internal/rules"
)

func newRules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "List the lock generations and the rules they are made of",
		Long: `List the lock generations and the rules they are made of. A scenario names its
rules in a line "rules GENERATION,+RULE,-RULE"; --rules of vmasim run does the same.`,
		Example: `  vmasim rules
  vmasim run --rules linux-6.18,-munmap-downgrade`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), rulesText())
			return err
		},
	}
}

func rulesText() string {
	var b strings.Builder
	b.WriteString("Generations:\n")
	for _, g := range rules.Generations() {
		note := ""
		if g.Name == rules.Default {
			note = " (the default)"
		}
		fmt.Fprintf(&b, "  %s%s\n      %s\n", g.Name, note, g.Doc)
	}
	b.WriteString("\nRules:\n")
	for _, r := range rules.All() {
		info := r.Info()
		fmt.Fprintf(&b, "  %s\n      %s\n      since:   %s\n      without: %s\n", info.Name, info.Does, info.Since, info.Breaks)
	}
	return b.String()
}
