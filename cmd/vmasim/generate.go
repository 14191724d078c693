package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"vmasim/report"
	"vmasim/workloads/program"
)

// differenceFile is where a program that differs is written, if nothing is said.
const differenceFile = "difference.vma"

// checkGenerate refuses what does not go together with --generate.
func (o *exploreOptions) checkGenerate(cmd *cobra.Command, args []string) error {
	if o.programs == 0 {
		for _, name := range []string{"write", "shard", "result"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s is about what --generate draws: expected --generate beside it", name)
			}
		}
		return nil
	}
	if len(args) > 0 {
		return fmt.Errorf("--generate draws its programs, and %q is named beside it: expected one of them", args[0])
	}
	if o.against == "" {
		return errors.New("--generate explores each program under two sets of rules, and no --against says which the second is: expected both")
	}
	for _, other := range []struct{ flag, does string }{
		{"all", "names the litmus tests"}, {"summary", "prints a table of scenarios"}, {"keep-going", "is about what one search finds"},
		{"until", "is about what one scenario shows"}, {"consequences", "is about what one scenario shows"},
	} {
		if cmd.Flags().Changed(other.flag) {
			return fmt.Errorf("--generate draws its programs, and --%s %s: expected one of them", other.flag, other.does)
		}
	}
	if o.shard.of > 0 && !cmd.Flags().Changed("write") {
		o.write = "" // many shards have one directory, and merge draws the program again
		return nil
	}
	if _, err := os.Lstat(o.write); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already, and the program that is found would be written to it: expected --write with the name of a file that is not", o.write)
	}
	return nil
}

// generate draws programs, explores them under both sets of rules, and writes the first that differs to a file.
func generate(ctx context.Context, o *exploreOptions, stdout, stderr io.Writer) error {
	format, err := report.FormatByName(report.GeneratedFormats(), o.format.Name)
	if err != nil {
		return err
	}
	hunt, err := program.NewHunt(program.GenerateOptions{Options: o.Options, Against: o.against, Programs: o.programs, Shard: o.shard.number, Shards: o.shard.of})
	if err != nil {
		return usageError{err}
	}
	bar := newProgress(stderr)
	found, err := hunt.Run(ctx, func(g *program.Generated) { bar.show(report.GenerateProgress(g)) })
	bar.erase()
	if err != nil {
		return err
	}
	if o.result != "" {
		if err := saveHunt(o, hunt, found); err != nil {
			return err
		}
	}
	if d := found.Difference; d != nil && o.write != "" {
		if err := os.WriteFile(o.write, []byte(d.Text), 0o666); err != nil {
			return err
		}
		d.File = o.write
	}
	if err := format.New(stdout, o.look.of(stdout, false))(found); err != nil {
		return err
	}
	return verdictStatus(found.Interrupted, !found.Worse())
}
