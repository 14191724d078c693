package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version: of the module, or the commit it was built from, and of Go. The
flag --version prints the same.`,
		Example: "  vmasim version",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), ownVersion())
			return err
		},
	}
}

// ownVersion words what this build knows of itself.
func ownVersion() string {
	info, _ := debug.ReadBuildInfo()
	return version(info)
}

// version words what the build knows of itself; info may be nil.
func version(info *debug.BuildInfo) string {
	words := "vmasim"
	if info != nil {
		words += " " + info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				words += ", revision " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				words += " (modified)"
			}
		}
	}
	return fmt.Sprintf("%s, %s, %s/%s", words, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
