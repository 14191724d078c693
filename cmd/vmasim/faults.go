//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"vmasim/judge/lockpath"
	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/driver"
)

// measureFaults is diff --faults.
func measureFaults(ctx context.Context, cmd *cobra.Command, scenarios []*workloads.Scenario, o *diffOptions) error {
	opts := driver.Options{Duration: o.time}
	if o.rules != nil {
		opts.Rules = o.rules.String()
	}
	var m mistakes
	for _, sc := range scenarios {
		m.note(lockpath.Check(sc, opts))
	}
	if err := m.err(); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return statusError(exitUsage)
	}
	var t tally
	for _, sc := range scenarios {
		r, err := lockpath.Run(ctx, sc, opts)
		if errors.Is(err, lockpath.ErrUnmeasurable) {
			fmt.Fprintf(cmd.ErrOrStderr(), "vmasim: %v\n", err)
			return statusError(exitUsage)
		}
		if err != nil {
			return err
		}
		if err := writeFaults(cmd.OutOrStdout(), o, r); err != nil {
			return err
		}
		if err := t.add(r.Interrupted, r.OK()); err != nil {
			return err
		}
	}
	return t.status()
}

func writeFaults(w io.Writer, o *diffOptions, r *lockpath.Result) error {
	if o.format == "json" {
		return report.FaultsJSON(w, r)
	}
	return report.FaultsText(w, r, o.look.of(w, false))
}
