package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outcome is the result of trying a fault.
type outcome int

const (
	caught   outcome = iota // a test failed, or did not end
	survived                // every test passed
	refused                 // the compiler refused it: it is no fault
)

// target is a package that faults are put into, with the packages whose tests are to notice them.
type target struct {
	path   string // import path
	dir    string
	files  []string // paths of its files, without tests
	tests  []string // import paths
	limit  time.Duration
	faults []fault
}

// load returns the packages that have tests, each with its faults.
func load(ctx context.Context, o options, tests []string) ([]*target, error) {
	var targets []*target
	out, err := goCommand(ctx, append([]string{"list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles"}, o.patterns...)...)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct {
			ImportPath, Dir                    string
			GoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		t := &target{path: p.ImportPath, dir: p.Dir, tests: tests}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			t.tests = append([]string{p.ImportPath}, tests...)
		}
		if len(t.tests) == 0 {
			fmt.Fprintf(o.out, "%s has no tests: name some with -tests\n", p.ImportPath)
			continue
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			faults, err := find(path, source)
			if err != nil {
				return nil, err
			}
			t.files, t.faults = append(t.files, path), append(t.faults, faults...)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// measure runs the tests of a target without a fault, which have to pass, and sets how long they
// may take with one.
func (t *target) measure(ctx context.Context, o options) error {
	began := time.Now()
	if out, err := t.test(ctx, o, "", time.Hour); err != nil {
		return fmt.Errorf("the tests of %s fail without a fault: %w\n%s", t.path, err, out)
	}
	t.limit = 5*time.Since(began) + 20*time.Second
	return nil
}

// test runs the tests of a target, with the replaced files that overlay lists, if it is not empty.
func (t *target) test(ctx context.Context, o options, overlay string, limit time.Duration) ([]byte, error) {
	args := []string{"test", "-count=1", "-vet=off", "-failfast", "-timeout", limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if o.run != "" {
		args = append(args, "-run", o.run)
	}
	if o.skip != "" {
		args = append(args, "-skip", o.skip)
	}
	// -timeout does not count the time to compile, for which ten minutes are more than enough.
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Minute)
	defer cancel()
	return goCommand(ctx, append(args, t.tests...)...)
}

// try runs the tests with a fault.
func (t *target) try(ctx context.Context, o options, f fault, dir string) (outcome, error) {
	source, err := os.ReadFile(f.file)
	if err != nil {
		return 0, err
	}
	changed, list := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, f.apply(source), 0o600); err != nil {
		return 0, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {f.file: changed}})
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return 0, err
	}
	out, err := t.test(ctx, o, list, t.limit)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err == nil:
		return survived, nil
	case bytes.Contains(out, []byte("[build failed]")):
		return refused, nil
	case bytes.Contains(out, []byte("[setup failed]")):
		return 0, fmt.Errorf("the tests of %s cannot be built: %w\n%s", t.path, err, out)
	}
	return caught, nil
}

// goCommand runs the go command and returns what it prints.
func goCommand(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.WaitDelay = 5 * time.Second // for servers that a test has started and left
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return nil, fmt.Errorf("go %s: %w", args[0], err)
		}
		return append(out.Bytes(), complaint.Bytes()...), fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}
