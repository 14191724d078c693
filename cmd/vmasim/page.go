package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"vmasim/classroom/page"
	"vmasim/workloads"
)

// pageOptions is what the flags of page say.
type pageOptions struct {
	out   string
	all   bool
	title string
	keep  string // where the engine goes, for a build that holds it
}

func newPage() *cobra.Command {
	o := &pageOptions{}
	cmd := &cobra.Command{
		Use:   "page [SCENARIO...]",
		Short: "Make a page that holds a lesson and the engine, in one file",
		Long: `Make a page for a browser: one file that explores, steps and replays by itself, opened
from a disk, with no server and no network. It offers the scenarios that are named,
built-in ones and files; without any, all that are built in. --all makes the course: a
page for each of the discussions that vmasim began with, and an index.

The engine is vmasim itself, compiled to WebAssembly: by Go, in a checkout, or beforehand
in a vmasim that make page has built.`,
		Example: `  vmasim page -o lab.html
  vmasim page detach-race put-to-zero -o lesson.html --title Detaching
  vmasim page --all -o course`,
		ValidArgsFunction: completeLitmus,
		RunE:              func(cmd *cobra.Command, args []string) error { return runPage(cmd, args, o) },
	}
	cmd.Flags().StringVarP(&o.out, "output", "o", "", "the file of the page, - for standard output; with --all the folder of the course")
	cmd.Flags().BoolVar(&o.all, "all", false, "make the course")
	cmd.Flags().StringVar(&o.title, "title", "vmasim: page faults and VMA locks", "of the page")
	cmd.Flags().StringVar(&o.keep, "keep-engine", "", "a folder in which the compiled engine is kept; make page uses it")
	_ = cmd.Flags().MarkHidden("keep-engine")
	return cmd
}

func runPage(cmd *cobra.Command, names []string, o *pageOptions) error {
	switch {
	case o.out == "" && o.keep == "":
		return usageError{errors.New("no --output, expected -o FILE, or -o FOLDER with --all")}
	case o.all && len(names) > 0:
		return usageError{errors.New("--all makes the course, expected no scenarios")}
	case o.all && o.out == "-":
		return usageError{errors.New("--all makes several files, expected -o FOLDER")}
	}
	lesson := page.Lesson{Name: "lesson", Title: o.title}
	if len(names) == 0 { // it has all scenarios
		lesson.Lessons = page.Laboratory().Lessons
	}
	for _, name := range names {
		if slices.ContainsFunc(workloads.AllBuiltin(), func(i workloads.Info) bool { return i.Name == name }) {
			lesson.Scenarios = append(lesson.Scenarios, name)
			continue
		}
		all, err := workloads.Load(name, cmd.InOrStdin())
		if err != nil {
			return refusing(cmd, err)
		}
		lesson.Own = append(lesson.Own, all...)
	}
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	engine, err := page.FindEngine(cmd.Context(), wd)
	if err != nil {
		return err
	}
	if o.keep != "" {
		return engine.Save(o.keep)
	}
	if o.all {
		return writeCourse(o.out, engine)
	}
	write := func(w io.Writer) error { return page.Write(w, &lesson, engine, ownVersion()) }
	if o.out == "-" {
		return write(cmd.OutOrStdout())
	}
	lesson.Name = filepath.Base(o.out)
	if err := toFile(o.out, write); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is made: open it in a browser\n", o.out)
	return nil
}

// writeCourse writes a page for each lesson, and the index.
func writeCourse(dir string, engine *page.Engine) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("%w: expected -o FOLDER that exists or can be made", err)
	}
	lessons, err := page.Course()
	if err != nil {
		return err
	}
	links := []page.Link{{File: "index.html", Title: "all lessons"}}
	for i := range lessons {
		l := &lessons[i]
		l.Links = links
		err := toFile(filepath.Join(dir, l.Name+".html"), func(w io.Writer) error { return page.Write(w, l, engine, ownVersion()) })
		if err != nil {
			return err
		}
	}
	return toFile(filepath.Join(dir, "index.html"), func(w io.Writer) error { return page.WriteIndex(w, lessons) })
}

// toFile writes a file.
func toFile(name string, write func(w io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("%w: expected a file that can be written, in a folder that exists", err)
	}
	b := bufio.NewWriter(f)
	return errors.Join(write(b), b.Flush(), f.Close())
}
