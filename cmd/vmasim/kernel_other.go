//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// serveKernel does nothing: there are no processes for a kernel to judge.
func serveKernel() {}

// newDiff returns the command as it is where the running kernel is no judge.
func newDiff() *cobra.Command {
	return &cobra.Command{
		Use:                "diff",
		Short:              "Let the running kernel judge the simulator; on Linux only",
		Example:            "  vmasim diff --random 100000",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("diff compares with the running kernel, which must be Linux")}
		},
	}
}
