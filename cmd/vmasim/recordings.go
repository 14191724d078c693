package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"vmasim/report"
	"vmasim/workloads/driver"
)

// recordFiles are the files to which run writes what tasks do and wait for.
type recordFiles struct{ trace, events, pprof string }

func (f *recordFiles) register(cmd *cobra.Command) {
	for _, one := range []struct {
		to         *string
		name, help string
	}{
		{&f.trace, "trace", "write a timeline, for vmasim timeline and ui.perfetto.dev: statements, faults, waits, counters"},
		{&f.events, "events", "write the same as lines of JSON"},
		{&f.pprof, "pprof", "write who waits, where and for how long, as a profile that go tool pprof reads"},
	} {
		cmd.Flags().Var(&flag{kind: "FILE", set: func(text string) error { *one.to = text; return nil }}, one.name, one.help)
	}
}

// any reports whether something is to be written.
func (f *recordFiles) any() bool { return f.trace != "" || f.events != "" || f.pprof != "" }

// recordings are the files while runs write to them.
type recordings struct {
	all     report.Recordings
	profile *report.Profile
	files   []*os.File
	writers []*bufio.Writer
	pprof   io.Writer
}

// open makes the files, before anything runs.
func (f *recordFiles) open() (*recordings, error) {
	r := &recordings{}
	create := func(name string) (io.Writer, error) {
		file, err := os.Create(name)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		w := bufio.NewWriterSize(file, 1<<20)
		r.files, r.writers = append(r.files, file), append(r.writers, w)
		return w, nil
	}
	for _, one := range []struct {
		name string
		new  func(io.Writer)
	}{
		{f.trace, func(w io.Writer) { r.all = append(r.all, report.NewTraceRecording(w)) }},
		{f.events, func(w io.Writer) { r.all = append(r.all, report.NewEventRecording(w)) }},
		{f.pprof, func(w io.Writer) { r.profile, r.pprof = report.NewProfile(), w }},
	} {
		if one.name == "" {
			continue
		}
		w, err := create(one.name)
		if err != nil {
			return nil, err
		}
		one.new(w)
	}
	return r, nil
}

// begin begins the recording of a run.
func (r *recordings) begin(scenario string, opts *driver.Options) {
	if len(r.all) > 0 {
		r.all.Start(scenario)
		opts.Recorder = r.all
	}
}

// finish ends it, and tells stderr how much of the run was recorded.
func (r *recordings) finish(result *driver.Result, stderr io.Writer) error {
	if r.profile != nil {
		r.profile.Add(result)
	}
	if len(r.all) == 0 {
		return nil
	}
	fmt.Fprintln(stderr, report.Sampling(result))
	return r.all.Finish(result)
}

// close writes what is left.
func (r *recordings) close() (err error) {
	if r.profile != nil {
		err = r.profile.Write(r.pprof)
	}
	for i, w := range r.writers {
		err = errors.Join(err, w.Flush(), r.files[i].Close())
	}
	return err
}
