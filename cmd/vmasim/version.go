package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// These are set by make dist, whose builds know nothing of a repository: the version, and its date as 2006-01-02.
var release, released string

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version: of the module, or the commit it was built from, and of Go. The
flag --version prints the same.`,
		Example: `  vmasim version
  vmasim --version`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), ownVersion())
			return err
		},
	}
}

// ownVersion words what this build knows of itself.
func ownVersion() string {
	info, _ := debug.ReadBuildInfo()
	return fmt.Sprintf("vmasim%s, %s, %s/%s", version(release, info), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version words the version of a build, with a blank before it: as it was set, or what the build notes of its module and commit; info may be
// nil.
func version(set string, info *debug.BuildInfo) (words string) {
	switch {
	case set != "":
		return " " + set
	case info == nil:
		return ""
	}
	words = " " + info.Main.Version
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			words += ", revision " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			words += " (modified)"
		}
	}
	return words
}
