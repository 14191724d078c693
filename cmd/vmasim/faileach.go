package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"vmasim/report"
	"vmasim/workloads"
	"vmasim/workloads/inject"
)

// checkFailEach refuses what does not go together with --fail-each.
func (o *runOptions) checkFailEach() error {
	if !o.failEach {
		return nil
	}
	if o.Duration != 0 {
		return errors.New("--fail-each performs statements one after the other and measures no time: expected no --duration")
	}
	if o.record.any() {
		return errors.New("--fail-each measures no time: expected no --trace, --events and --pprof")
	}
	if _, err := report.FormatByName(report.FailureFormats(), o.format.Name); err != nil {
		return fmt.Errorf("--fail-each measures nothing that --format %s could print: expected text or json", o.format.Name)
	}
	return nil
}

// failEach is run --fail-each: it lets everything fail once in each scenario, and prints each result.
func failEach(ctx context.Context, scenarios []*workloads.Scenario, o *runOptions, stdout, stderr io.Writer) error {
	format, err := report.FormatByName(report.FailureFormats(), o.format.Name)
	if err != nil {
		return usageError{err}
	}
	write := format.New(stdout, o.look.of(stdout, false))
	var t tally
	for _, sc := range scenarios {
		bar := newProgress(stderr)
		r, err := inject.Run(ctx, sc, inject.Options{Options: o.optionsOf(sc, scenarios), Progress: func(done, all int) {
			bar.show(report.FailureProgress(sc.Name, done, all))
		}})
		bar.erase()
		if err != nil {
			return err
		}
		if err := write(r); err != nil {
			return err
		}
		if err := t.add(r.Interrupted, r.OK()); err != nil {
			return err
		}
	}
	return t.status()
}
