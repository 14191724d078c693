package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func newDocs() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write what --help prints as man pages or as Markdown",
		Long: `Write the help of each command to a file of a folder, which is made if there is none: as
man pages of section 1, or as Markdown.`,
		Example: `  vmasim docs man man1
  vmasim docs markdown commands`,
		Args: knownCommand,
		RunE: help,
	}
	cmd.AddCommand(newDocsKind("man", "man pages", `Write a man page of section 1 for each command. Their date is that of the commit that this
vmasim was built from, or the one of the environment variable SOURCE_DATE_EPOCH, in
seconds since 1970; where neither is known they have none.`,
		`  vmasim docs man man1
  vmasim docs man ~/.local/share/man/man1   where man finds them`, manPages),
		newDocsKind("markdown", "Markdown", "Write the help of each command as Markdown, in files that refer to each other.",
			"  vmasim docs markdown commands", markdownPages))
	return cmd
}

// newDocsKind returns the command that writes the help of all commands in a way.
func newDocsKind(name, what, long, example string, write func(root *cobra.Command, dir string) error) *cobra.Command {
	return &cobra.Command{
		Use:     name + " DIR",
		Short:   "Write the help of each command as " + what,
		Long:    long,
		Example: example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%d words, expected a folder for the %s", len(args), what)}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			root := newRoot(cmd.OutOrStdout())
			plain(root)
			return write(root, args[0])
		},
	}
}

// plain readies commands for cobra, which takes their help for Markdown and dates what it writes.
func plain(root *cobra.Command) {
	forEach(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		if c.Parent() == nil || c.Parent().Name() != "completion" {
			c.Long = plainMarkdown.Replace(c.Long)
		}
	})
}

// plainMarkdown marks what means something in Markdown, which only the help of completion is written in.
var plainMarkdown = strings.NewReplacer("*", `\*`, "_", `\_`, "[", `\[`, "<", `\<`, "`", "\\`")

// forEach visits a command and those below it.
func forEach(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		forEach(c, visit)
	}
}

func markdownPages(root *cobra.Command, dir string) error {
	if err := doc.GenMarkdownTree(root, dir); err != nil {
		return err
	}
	return said(root, filepath.Join(dir, "vmasim.md"))
}

func manPages(root *cobra.Command, dir string) error {
	info, _ := debug.ReadBuildInfo()
	date, err := buildDate(os.Getenv("SOURCE_DATE_EPOCH"), released, info)
	if err != nil {
		return usageError{err}
	}
	header := doc.GenManHeader{Section: "1", Date: &time.Time{}, Source: "vmasim" + version(release, info), Manual: "vmasim"}
	forEach(root, func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.DefValue == "" {
				f.DefValue = strings.ToUpper(f.Value.Type()) // --rules=RULES
			}
		})
		err = errors.Join(err, manPage(c, header, date, dir))
	})
	return errors.Join(err, said(root, filepath.Join(dir, "vmasim.1")))
}

// manPage writes the page of a command. cobra's says of the date the month only.
func manPage(c *cobra.Command, header doc.GenManHeader, date, dir string) error {
	var b bytes.Buffer
	if err := doc.GenMan(c, &header, &b); err != nil {
		return err
	}
	text := optionOf.ReplaceAll(b.Bytes(), []byte(".TP\n$1\n"))
	text = bytes.Replace(text, []byte(header.Date.Format(`"Jan 2006"`)), []byte(strconv.Quote(date)), 1)
	return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"), text, 0o666)
}

// optionOf is an option with what it does behind a tab, which is no way to indent in a man page, and its default if it is a switch.
var optionOf = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*?)(?:\[=false\])?\n\t`)

// buildDate is the date of what is built: in seconds since 1970, as packagers give it, or as it was set, or that of the commit; else none.
func buildDate(epoch, set string, info *debug.BuildInfo) (string, error) {
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return "", fmt.Errorf("SOURCE_DATE_EPOCH is %q, expected seconds since 1970", epoch)
		}
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
	}
	if set == "" && info != nil {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				set, _, _ = strings.Cut(s.Value, "T")
			}
		}
	}
	return set, nil
}

// said tells which file to begin with.
func said(root *cobra.Command, first string) error {
	_, err := fmt.Fprintf(root.OutOrStdout(), "%s and the others are written\n", first)
	return err
}
