//go:build js

package main

import (
	"context"
	"errors"

	"vmasim/classroom/step"
)

// showScreen refuses: there is no terminal.
func showScreen(context.Context, *step.Session, string) error {
	return errors.New("there is no terminal")
}
