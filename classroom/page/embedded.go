//go:build page

package page

import _ "embed"

// These are left by make page.
var (
	//go:embed engine.wasm.gz
	engineGzip []byte
	//go:embed wasm_exec.js
	engineExec []byte
)

// embedded returns the engine that this program holds.
func embedded() *Engine { return &Engine{engineGzip, engineExec} }
