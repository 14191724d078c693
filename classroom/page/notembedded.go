//go:build !page

package page

// embedded returns nil: this program holds no engine.
func embedded() *Engine { return nil }
