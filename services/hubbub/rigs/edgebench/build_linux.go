package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/checkout"
)

// source is this program's folder in the checkout.
const source = "services/hubbub/rigs/edgebench"

// artifact is a server that has to be built before it is measured.
type artifact struct {
	name string
	dir  string   // from the root of the checkout: where argv runs
	argv []string // what builds it
	out  string   // from the root: what has to exist after that
	pins []string // in dir: the files that determine its version; none: build it each time
}

// artifacts returns what the options need. go.mod files and a package-lock.json fix the versions:
// that of nats-server in services/hubbub, those of the others beside this program.
func artifacts(o *options) (all []artifact) {
	program := func(name, dir, pkg string, pins ...string) artifact {
		out := filepath.Join(".cache/bench", name)
		return artifact{
			name: name, dir: dir, out: out, pins: pins,
			argv: []string{"go", "build", "-o", upTo(dir) + out, pkg},
		}
	}
	wants := func(server string) bool { return slices.Contains(o.Servers, server) }
	if wants(nameHubbub) {
		all = append(all, program("edge", "services/edge", "./cmd/edge"))
	}
	if wants(nameNATS) || wants(nameHubbub) && o.Bus == "nats" {
		all = append(all, program("nats-server", "services/hubbub", "github.com/nats-io/nats-server/v2", "go.mod", "go.sum"))
	}
	if wants(nameCentrifugo) {
		all = append(all, program("centrifugo", source+"/centrifugo", "github.com/centrifugal/centrifugo/v6", "go.mod", "go.sum"))
	}
	if wants(nameSocketIO) {
		all = append(all, artifact{
			name: "Socket.IO", dir: source + "/socketio", out: source + "/socketio/node_modules/socket.io/package.json",
			argv: []string{"npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"}, pins: []string{"package-lock.json"},
		})
	}
	return all
}

// upTo returns the relative path from a folder of the checkout to its root.
func upTo(dir string) string { return strings.Repeat("../", strings.Count(dir, "/")+1) }

// build builds what is measured, reports on stderr what it does and how long that takes, and
// returns the folder of the programs. It builds a peer once for each version.
func build(ctx context.Context, o *options) (string, error) {
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, ".cache/bench")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("folder of the servers: %w", err)
	}
	for _, a := range artifacts(o) {
		if err := a.build(ctx, root, filepath.Join(bin, a.name+".version")); err != nil {
			return "", err
		}
	}
	return bin, nil
}

// build builds the artifact, unless the file at stamp says that this version exists.
func (a artifact) build(ctx context.Context, root, stamp string) error {
	version, err := a.version(root)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, a.out)); err == nil && version != "" {
		if had, err := os.ReadFile(stamp); err == nil && string(had) == version {
			fmt.Fprintf(os.Stderr, "%s is built\n", a.name)
			return nil
		}
	}
	fmt.Fprintf(os.Stderr, "building %s\n", a.name)
	began := time.Now()
	err = reporting(a.name, began, func() error { return run(ctx, filepath.Join(root, a.dir), a.argv) })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "built %s in %s\n", a.name, time.Since(began).Round(time.Second/10))
	if version == "" {
		return nil
	}
	if err := os.WriteFile(stamp, []byte(version), 0o600); err != nil {
		return fmt.Errorf("note the version of %s: %w", a.name, err)
	}
	return nil
}

// version returns a digest of what the artifact is built from; empty: build it each time.
func (a artifact) version(root string) (string, error) {
	if len(a.pins) == 0 {
		return "", nil
	}
	sum := sha256.New()
	fmt.Fprintln(sum, a.argv, runtime.Version())
	for _, pin := range a.pins {
		b, err := os.ReadFile(filepath.Join(root, a.dir, pin))
		if err != nil {
			return "", fmt.Errorf("version of %s: %w", a.name, err)
		}
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sayEvery is how often a long build reports that it goes on.
const sayEvery = 10 * time.Second

// reporting calls do, and meanwhile reports on stderr, every sayEvery, how long it has taken so
// far.
func reporting(name string, began time.Time, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	tick := time.NewTicker(sayEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			fmt.Fprintf(os.Stderr, "still building %s: %s so far; the first build of a peer takes some minutes\n", name, time.Since(began).Round(time.Second))
		}
	}
}

func run(ctx context.Context, dir string, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", argv[0], dir, err, out)
	}
	return nil
}
