package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmasim/internal/rules"
	"vmasim/internal/scaffold"
	"vmasim/internal/suggest"
)

func newRules() *cobra.Command {
	var family *rules.Family
	var made string
	var shown look
	cmd := &cobra.Command{
		Use:   "rules [NAME]",
		Short: "List the lock generations and the rules they are made of, or explain one",
		Long: `List the lock generations and the rules they are made of, by family, or explain one of
either. --family lists the rules of one family. --new writes the skeleton of a rule into
the checkout of vmasim that the command is given in: a row of the table, a litmus test
and its place in the manual. docs/change-a-rule.md goes on from there.
A scenario names its rules in a line "rules GENERATION,+RULE,-RULE"; --rules of
run, explore, replay and diff stands in its place.`,
		Example: `  vmasim rules
  vmasim rules detach-waits
  vmasim rules --family merge
  vmasim rules --new lock-neighbour --family merge
  vmasim explore put-to-zero --rules linux-6.18,-detach-waits`,
		Args: atMostOneName,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeRuleNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := rulesText(), error(nil)
			switch {
			case len(args) > 0 && made != "":
				err = usageError{fmt.Errorf("%s and --new %s: expected one of them", args[0], made)}
			case len(args) > 0 && family != nil:
				err = usageError{fmt.Errorf("%s and --family %s: expected one of them", args[0], family.Name)}
			case made != "" && family == nil:
				err = usageError{fmt.Errorf("--new %s without a family, expected --family %s", made, suggest.OrList(familyNames()))}
			case made != "":
				text, err = newRule(made, *family)
			case family != nil:
				text = familyText(*family)
			case len(args) > 0:
				text, err = explainRule(args[0])
			}
			if err != nil {
				return err
			}
			return shown.print(cmd, text)
		},
	}
	shown.register(cmd)
	cmd.Flags().Var(&flag{kind: "FAMILY", set: func(name string) error {
		f, err := rules.FindFamily(name)
		family = &f
		return err
	}}, "family", "list the rules of one family: "+strings.Join(familyNames(), ", "))
	cmd.Flags().Var(&flag{kind: "NAME", set: func(name string) error {
		made = name
		return scaffold.Name(name)
	}}, "new", "write the skeleton of a rule of the --family into this checkout")
	completeFlag(cmd, "new", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	})
	completeFlag(cmd, "family", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var words []cobra.Completion
		for _, f := range rules.Families() {
			words = append(words, cobra.CompletionWithDesc(f.Name, f.Doc))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// newRule writes the skeleton of a rule and says what it has written and what comes next.
func newRule(name string, family rules.Family) (string, error) {
	root, err := scaffold.Root(".")
	if err != nil {
		return "", usageError{err}
	}
	r, err := scaffold.New(root, name, family)
	if err != nil {
		return "", usageError{err}
	}
	if err := r.Write(); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, of the family %s:\n", name, family.Name)
	for _, p := range r.Pieces {
		fmt.Fprintf(&b, "  %-38s %s\n", p.File, p.Part)
	}
	fmt.Fprintf(&b, "Next, ask for it where the kernel does what it is about, as mm.Rules.Has(rules.%s).\n", r.Constant)
	b.WriteString("go test ./... says what is missing; docs/change-a-rule.md goes through it.\n")
	return b.String(), nil
}

func familyNames() (names []string) {
	for _, f := range rules.Families() {
		names = append(names, f.Name)
	}
	return names
}

func completeRuleNames() (words []cobra.Completion) {
	for _, g := range rules.Generations() {
		words = append(words, cobra.CompletionWithDesc(g.Name, g.Doc))
	}
	for _, r := range rules.All() {
		words = append(words, cobra.CompletionWithDesc(r.String(), r.Info().Does))
	}
	return words
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
	b.WriteString("\nRules by family (+ in the default generation, - not):\n")
	for _, f := range rules.Families() {
		b.WriteString("\n" + familyText(f))
	}
	return b.String()
}

// familyText is what the rules of a family are about, and the rules.
func familyText(f rules.Family) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Doc)
	for _, r := range f.Rules() {
		fmt.Fprintf(&b, "%s %s\n%s", inDefault(r), r, ruleLines("      ", r))
	}
	return b.String()
}

// inDefault tells by a sign whether a rule belongs to the default generation.
func inDefault(r rules.Rule) string {
	if g, err := rules.FindGeneration(rules.Default); err == nil && g.Has(r) {
		return "+"
	}
	return "-"
}

func ruleLines(indent string, r rules.Rule) string {
	info := r.Info()
	effect := info.Breaks
	if effect == "" {
		effect = "nothing breaks: " + info.Effect
	}
	label := "without:"
	if !r.Home().Has(r) {
		label = "with:   "
	}
	return fmt.Sprintf("%s%s\n%[1]ssince:   %[3]s\n%[1]s%[4]s %[5]s\n%[1]sshown by %[6]s\n",
		indent, info.Does, info.Since, label, effect, info.Shows)
}

func explainRule(name string) (string, error) {
	if g, err := rules.FindGeneration(name); err == nil {
		return explainGeneration(g), nil
	}
	r, err := rules.Find(name)
	if err != nil {
		return "", usageError{errors.New(suggest.Unknown("rule or generation", name, allRuleNames(), "one that vmasim rules lists"))}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s", r, ruleLines("  ", r))
	var in []string
	for _, g := range rules.Generations() {
		if g.Has(r) {
			in = append(in, g.Name)
		}
	}
	if in == nil {
		in = []string{"no generation"}
	}
	fmt.Fprintf(&b, "  family:  %s\n  part of: %s\n", r.Family().Name, strings.Join(in, ", "))
	if order := r.Info().Order; order != "" {
		fmt.Fprintf(&b, "  meets:   ordering requirement %s (docs/kernel.md)\n", order)
	}
	for _, why := range r.GivesWay() {
		fmt.Fprintf(&b, "  beside:  %s\n", why)
	}
	b.WriteString("\n" + hint(r))
	return b.String(), nil
}

// hint says which commands show what the rule does, and where to look.
func hint(r rules.Rule) string {
	info := r.Info()
	story := fmt.Sprintf("The story: vmasim scenarios %s\n", info.Shows)
	if info.Seen == rules.SeenNothing {
		return "No report of the explorer shows a difference.\n" + story
	}
	plain, switched := r.Demonstration()
	return fmt.Sprintf("To see what it does, compare %s of\n  vmasim explore %s --rules %s\n  vmasim explore %[2]s --rules %[4]s\n%[5]s",
		info.Seen, info.Shows, plain, switched, story)
}

func explainGeneration(g rules.Generation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n", g.Name, g.Doc)
	for _, r := range g.Without() {
		fmt.Fprintf(&b, "  without %-20s %s\n", r, r.Info().Does)
	}
	for _, r := range g.With() {
		fmt.Fprintf(&b, "  with    %-20s %s\n", r, r.Info().Does)
	}
	if none := g.Meaningless(); len(none) > 0 {
		fmt.Fprintf(&b, "  rules that say nothing where VMAs are kept as they are by %s:\n", g.Lock)
		for _, r := range none {
			fmt.Fprintf(&b, "    %s\n", r)
		}
	}
	return b.String()
}

func allRuleNames() (names []string) {
	for _, g := range rules.Generations() {
		names = append(names, g.Name)
	}
	for _, r := range rules.All() {
		names = append(names, r.String())
	}
	slices.Sort(names)
	return names
}
