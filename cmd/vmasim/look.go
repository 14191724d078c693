package main

import (
	"fmt"
	"io"
	"os"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"vmasim/report"
)

// look is what --width says, and what standard output is.
type look struct{ width int }

// register adds --width to a command that prints drawings or tables.
func (l *look) register(cmd *cobra.Command) {
	set := func(text string) (err error) {
		l.width, err = report.ParseWidth(text)
		return err
	}
	cmd.Flags().Var(&flag{kind: "N", set: set}, "width", fmt.Sprintf("columns of what is printed: those of the terminal, else %d, by default", report.DefaultWidth))
	completeFlag(cmd, "width", cobra.NoFileCompletions)
}

// of returns how something looks that is written to w: as wide as a terminal, and in colours where it has them.
func (l *look) of(w io.Writer, full bool) report.Look {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	made := report.Look{Full: full, Width: l.width}
	made.Color = os.Getenv("NO_COLOR") == "" && colorprofile.Detect(w, os.Environ()) >= colorprofile.ANSI // which asks NO_COLOR for a number
	if made.Width == 0 && isTerminal(w) {
		if width, _, err := term.GetSize(w.(*os.File).Fd()); err == nil && width > 0 {
			made.Width = min(max(width, report.MinWidth), report.MaxWidth)
		}
	}
	return made
}

// print writes a text, whose lines it breaks between words.
func (l *look) print(cmd *cobra.Command, text string) error {
	w := cmd.OutOrStdout()
	_, err := io.WriteString(w, l.of(w, false).Text(text))
	return err
}

// isTerminal reports whether what is read from or written to is a terminal.
func isTerminal(end any) bool {
	f, ok := end.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}
