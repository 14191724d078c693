package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"vmasim/internal/suggest"
	"vmasim/workloads/imports"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make scenarios of recorded programs",
		Long: `Make a scenario of what a real program did: of a log of strace, with the page faults
that perf has recorded beside it or without, or of the layout that /proc/PID/maps shows.
docs/import.md tells how to record, and what is kept.`,
		Example: `  vmasim import strace app.strace -o app.vma
  vmasim import maps /proc/self/maps -o layout.vma
  vmasim import perf app.perf --strace app.strace -o app.vma`,
		Args: knownCommand,
		RunE: help,
	}
	cmd.AddCommand(newImportStrace(), newImportMaps(), newImportPerf())
	return cmd
}

// importOptions is what the flags of import strace say.
type importOptions struct {
	maps, end, out string
	touches        string
	search         bool
}

func newImportStrace() *cobra.Command {
	o := &importOptions{touches: touchFirst}
	cmd := &cobra.Command{
		Use:   "strace FILE",
		Short: "Make a scenario of a log of strace",
		Long: `Make a scenario of what strace -f -y has logged: every call of the memory becomes a
statement that states the address, or the error, that the kernel returned, each task a
thread, each address space an mm, and each file a stand-in of its size. FILE - is
standard input.

--maps names a dump of /proc/PID/maps from right after the program began: what was
mapped then is mapped in init. Without it only what the calls cannot do without is
there. --end names a dump from its end: the scenario states that layout, too.

Calls of which one began when the other had ended keep that order, by after. Where
they overlap either may be first; --search looks for an order in which every address
comes out as recorded, and leaves only that.

strace tells of no accesses, but memory that was written to does not merge as other
memory does. So a touch is added wherever private memory becomes writable, at its
start. --touches none adds none.

What was dropped, and why, goes to standard error, the scenario to standard output or
into the file of -o.`,
		Example: `  vmasim import strace app.strace -o app.vma
  vmasim import strace app.strace --maps app.maps --end end.maps -o app.vma
  vmasim import strace threads.strace --maps threads.maps --search -o threads.vma
  vmasim run app.vma`,
		Args: oneFile("a log of strace"),
		RunE: func(cmd *cobra.Command, args []string) error { return importStrace(cmd, args[0], o, nil) },
	}
	o.register(cmd)
	setTouches := func(text string) error {
		if text != touchFirst && text != touchNone {
			return errors.New(suggest.Unknown("touches", text, []string{touchFirst, touchNone}, ""))
		}
		o.touches = text
		return nil
	}
	cmd.Flags().Var(&flag{kind: "WHICH", set: setTouches, text: touchFirst}, "touches", "accesses to add: first, where memory becomes writable, or none")
	completeFlag(cmd, "touches", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{touchFirst, touchNone}, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// register adds the flags that a log of strace needs.
func (o *importOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.maps, "maps", "", "the layout right after execve: a dump of /proc/PID/maps")
	flags.StringVar(&o.end, "end", "", "the layout at the end, which the scenario then states")
	flags.BoolVar(&o.search, "search", false, "look for an order of overlapping calls that explains every address")
	outFlag(cmd, &o.out)
}

// Which touches import strace adds.
const (
	touchFirst = "first"
	touchNone  = "none"
)

func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVarP(out, "out", "o", "", "the file to write, in place of standard output")
}

// oneFile wants one argument, which is what.
func oneFile(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%d files, expected %s", len(args), what)}
		}
		return nil
	}
}

func importStrace(cmd *cobra.Command, name string, o *importOptions, faults []imports.Fault) error {
	opts := imports.Options{Name: filepath.Base(name), Touch: o.touches == touchFirst, Search: o.search, Faults: faults}
	var err error
	if opts.Maps, err = readMaps(cmd, o.maps); err == nil {
		opts.End, err = readMaps(cmd, o.end)
	}
	if err != nil {
		return unreadable(cmd, err)
	}
	log, err := openInput(cmd, name)
	if err != nil {
		return usageError{err}
	}
	defer log.Close()
	made, err := imports.Strace(log, opts)
	if err != nil {
		return unreadable(cmd, err)
	}
	fmt.Fprint(cmd.ErrOrStderr(), made.Report.String())
	return writeScenario(cmd, o.out, made)
}

// unreadable tells where an input cannot be read.
func unreadable(cmd *cobra.Command, err error) error {
	if _, ok := errors.AsType[*imports.SyntaxError](err); !ok {
		return usageError{err}
	}
	fmt.Fprintln(cmd.ErrOrStderr(), err)
	return statusError(exitUsage)
}

func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	return os.Open(name)
}

func readMaps(cmd *cobra.Command, name string) ([]imports.Area, error) {
	if name == "" {
		return nil, nil
	}
	f, err := openInput(cmd, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return imports.ReadMaps(filepath.Base(name), f)
}

// writeScenario writes a scenario to standard output or into a file, which is whole or not there.
func writeScenario(cmd *cobra.Command, out string, made io.WriterTo) (err error) {
	if out == "" {
		_, err = made.WriteTo(cmd.OutOrStdout())
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return usageError{err}
	}
	w := bufio.NewWriter(f)
	if _, err = made.WriteTo(w); err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(out) // half of it is none
	}
	return err
}

func newImportMaps() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "maps FILE",
		Short: "Make a scenario of a dump of /proc/PID/maps",
		Long: `Make a scenario of a layout as /proc/PID/maps or /proc/PID/smaps shows it: init makes
it, by fixed mappings, and finally states it. Ranges that are one beside the other and
could be one VMA are given pages of their own, which keep them apart. smaps tells more:
what was advised and what is locked. FILE - is standard input.`,
		Example: `  vmasim import maps /proc/self/maps -o layout.vma
  vmasim import maps layout.maps | vmasim run -`,
		Args: oneFile("a dump of /proc/PID/maps"),
		RunE: func(cmd *cobra.Command, args []string) error {
			areas, err := readMaps(cmd, args[0])
			if err != nil {
				return unreadable(cmd, err)
			}
			return writeScenario(cmd, out, imports.Layout(filepath.Base(args[0]), areas))
		},
	}
	outFlag(cmd, &out)
	return cmd
}

func newImportPerf() *cobra.Command {
	o := &importOptions{}
	var log string
	cmd := &cobra.Command{
		Use:   "perf FILE",
		Short: "Make a scenario of a log of strace and the page faults beside it",
		Long: `Make a scenario of a log of strace as import strace does, in which the tasks touch
what they have really touched: the page faults that perf has recorded at the same time,
by perf record -e minor-faults,major-faults -c 1 -d -k CLOCK_REALTIME, are put between
the calls. FILE is what perf script -F comm,tid,time,event,addr,ip prints of that, or
perf trace -i perf.data -F all -T --no-syscalls; - is standard input. An access is exec
where the instruction itself was not there; a write where the memory may be written to,
as perf does not tell; else a read.

perf trace tells of a file the offset alone: its address is where the log, or --maps,
has mapped that. A fault in a part that is mapped twice is dropped, and counted.`,
		Example: `  vmasim import perf app.perf --strace app.strace -o app.vma
  vmasim import perf app.perf --strace app.strace --maps app.maps --search -o app.vma`,
		Args: oneFile("the output of perf script or perf trace"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if log == "" {
				return usageError{errors.New("no --strace, expected the log of the calls that the faults came between")}
			}
			f, err := openInput(cmd, args[0])
			if err != nil {
				return usageError{err}
			}
			defer f.Close()
			faults, err := imports.ReadPerf(filepath.Base(args[0]), f)
			if err != nil {
				return unreadable(cmd, err)
			}
			return importStrace(cmd, log, o, faults)
		},
	}
	cmd.Flags().StringVar(&log, "strace", "", "the log of strace -f -y -ttt that was written at the same time")
	o.register(cmd)
	return cmd
}
