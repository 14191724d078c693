//go:build !js

package main

import (
	"context"

	"vmasim/classroom/screen"
	"vmasim/classroom/step"
)

// showScreen shows a session in the terminal until the reader ends it.
func showScreen(ctx context.Context, s *step.Session, title string) error {
	return screen.Run(ctx, s, title)
}
