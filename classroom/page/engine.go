package page

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Engine is the laboratory compiled for browsers.
type Engine struct {
	Gzip     []byte // WebAssembly, packed
	WasmExec []byte // wasm_exec.js of the Go that compiled it
}

// The names of what `make page` leaves in the folder of this package, for the build tag page.
const (
	gzipFile     = "engine.wasm.gz"
	wasmExecFile = "wasm_exec.js"
)

// FindEngine returns the engine that this program holds, or else compiles the one of the checkout that a folder is in, which takes Go.
func FindEngine(ctx context.Context, dir string) (*Engine, error) {
	if e := embedded(); e != nil {
		return e, nil
	}
	root, err := checkout(dir)
	if err != nil {
		return nil, err
	}
	return Compile(ctx, root)
}

// errNoCheckout says how a vmasim comes to have an engine.
var errNoCheckout = errors.New("this vmasim was built without the engine for browsers: run it in a checkout of vmasim with Go installed, or build it by make page")

// errNoGo says how an engine is made where there is no Go.
var errNoGo = errors.New("the engine for browsers is compiled by Go, which is not found here: install Go, or take a vmasim that make page has built")

// checkout returns the root of the checkout of vmasim that a folder is in.
func checkout(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module vmasim\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errNoCheckout
		}
		dir = up
	}
}

// Compile compiles the engine of a checkout.
func Compile(ctx context.Context, root string) (*Engine, error) {
	tmp, err := os.MkdirTemp("", "vmasim-page-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "engine.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./classroom/page/engine")
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		return nil, errNoGo
	} else if err != nil {
		return nil, fmt.Errorf("compile the engine: %w\n%s", err, text)
	}
	where := exec.CommandContext(ctx, "go", "env", "GOROOT")
	where.Dir = root // whose go.mod may ask for another Go
	goroot, err := where.Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	e := &Engine{}
	if e.WasmExec, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", wasmExecFile)); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	e.Gzip, err = packed(wasm)
	return e, err
}

func packed(wasm []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(wasm); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// Save leaves the engine where the build tag page finds it.
func (e *Engine) Save(dir string) error {
	return errors.Join(os.WriteFile(filepath.Join(dir, gzipFile), e.Gzip, 0o644), os.WriteFile(filepath.Join(dir, wasmExecFile), e.WasmExec, 0o644))
}
