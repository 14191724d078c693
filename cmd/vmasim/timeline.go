package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"vmasim/classroom/page"
)

func newTimeline() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "timeline FILE",
		Short: "Make a page that shows a recorded run",
		Long: `Make a page for a browser that shows what run --trace or --events has recorded, or what
--format perfetto has drawn of an explored run: tasks as tracks, statements, faults and
waits in them, who held what was waited for, counters, and the longest waits. It is one
file, opened from a disk, with no server and no network. FILE - is standard input.

What --trace writes has the format of Perfetto, for https://ui.perfetto.dev.`,
		Example: `  vmasim run mmap-churn --trace churn.pftrace
  vmasim timeline churn.pftrace -o churn.html
  vmasim explore detach-race --format perfetto | vmasim timeline - -o race.html`,
		Args: oneFile("one that run --trace or --events has written, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return runTimeline(cmd, args[0], out) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the file of the page, - for standard output")
	return cmd
}

func runTimeline(cmd *cobra.Command, name, out string) error {
	if out == "" {
		return usageError{errors.New("no --output, expected -o FILE")}
	}
	record, err := readRecord(name, cmd.InOrStdin())
	if err != nil {
		return usageError{err}
	}
	title := filepath.Base(name)
	if name == "-" {
		title = "standard input"
	}
	if err := page.CheckTimeline(name, record); err != nil {
		return usageError{err}
	}
	write := func(w io.Writer) error { return page.WriteTimeline(w, title, record, ownVersion()) }
	if out == "-" {
		return write(cmd.OutOrStdout())
	}
	if err := toFile(out, write); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is made: open it in a browser\n", out)
	return nil
}

func readRecord(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}
