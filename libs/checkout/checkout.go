// Package checkout finds the checkout of Hubbub that the working directory is in, and builds
// programs of it, for tests and for the commands that try out a cluster of processes.
package checkout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"hubbub.internal/libs/filelock"
)

// Root returns the root folder of the checkout.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not in a checkout of Hubbub: no go.work above the working directory")
		}
		dir = up
	}
}

// Bin returns the folder in the checkout into which tests, and the commands that start programs,
// build them. It stays, so that nothing is built twice.
func Bin() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, ".cache", "test-bin"), nil
}

// Program is a package that can be built.
type Program struct {
	Name    string // of the file
	In      string // folder of its module, from the root
	Package string // as seen from that folder
	Alone   bool   // the module is no part of the workspace
	Test    bool   // the package's test binary
}

// FerretDB serves the MongoDB wire protocol to tests.
var FerretDB = Program{Name: "ferretdb", In: "infra/test/ferretdb", Package: ".", Alone: true}

// Build builds programs into a folder, which is made if it is missing. What is up to date there is
// left as it is, and processes that run an older one are not disturbed. Processes that build into
// one folder do so one after the other.
func Build(ctx context.Context, dir string, programs ...Program) error {
	root, err := Root()
	if err != nil {
		return err
	}
	// go runs in the folders of the modules.
	if dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("folder of programs: %w", err)
	}
	free, err := wait(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer free.Close()
	for _, p := range programs {
		// With the commit in it, a program would be linked anew after each. What a debugger reads
		// takes the linker a third of its time.
		args := []string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", filepath.Join(dir, p.Name), p.Package}
		if p.Test {
			args = append([]string{"test", "-c"}, args[1:]...)
		}
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = filepath.Join(root, p.In)
		// From a folder of the same file system the program is moved into its place, not written
		// over the one that runs.
		cmd.Env = append(os.Environ(), "GOTMPDIR="+dir)
		if p.Alone {
			cmd.Env = append(cmd.Env, "GOWORK=off", "GOFLAGS=-mod=readonly -trimpath")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.Name, err, out)
		}
	}
	return nil
}

// wait waits for a lock.
func wait(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := filelock.Lock(path)
		if !errors.Is(err, filelock.ErrLocked) {
			return f, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}
