package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// build makes what is measured, and returns the folder of it. The versions are those of go.mod
// files and of package-lock.json: nats-server's that of services/hubbub, the others' beside this
// program.
func build(ctx context.Context, o *options) (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", fmt.Errorf("folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "services/edge/go.mod")); err != nil {
		return "", fmt.Errorf("run it in infra/bench: %w", err)
	}
	bin := filepath.Join(root, ".cache/bench")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("folder of the servers: %w", err)
	}
	wants := func(server string) bool { return slices.Contains(o.Servers, server) }
	gobuild := func(out, in, pkg string) error {
		fmt.Fprintf(os.Stderr, "building %s\n", out)
		return run(ctx, filepath.Join(root, in), "go", "build", "-o", filepath.Join(bin, out), pkg)
	}
	if wants(nameHubbub) {
		if err := gobuild("edge", "services/edge", "./cmd/edge"); err != nil {
			return "", err
		}
	}
	if wants(nameNATS) || wants(nameHubbub) && o.Bus == "nats" {
		if err := gobuild("nats-server", "services/hubbub", "github.com/nats-io/nats-server/v2"); err != nil {
			return "", err
		}
	}
	if wants(nameCentrifugo) {
		if err := gobuild("centrifugo", "infra/bench/centrifugo", "github.com/centrifugal/centrifugo/v6"); err != nil {
			return "", err
		}
	}
	if wants(nameSocketIO) {
		fmt.Fprintln(os.Stderr, "installing Socket.IO")
		if err := run(ctx, filepath.Join(root, "infra/bench/socketio"), "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return "", err
		}
	}
	return bin, nil
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", name, dir, err, out)
	}
	return nil
}
