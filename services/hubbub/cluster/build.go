package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// binary is one to build: the package pkg, seen from the folder in.
type binary struct{ in, out, pkg string }

var natsServer = binary{"services/hubbub", "nats-server", "github.com/nats-io/nats-server/v2"}

// Build builds every binary that a cluster or `hubbub up` needs into dir, from the checkout that the working directory
// is in.
func Build(ctx context.Context, dir string) error {
	return build(ctx, dir, []binary{
		{"services/directory", "directory", "./cmd/directory"},
		{"services/history", "history", "./cmd/history"},
		{"services/presence", "presence", "./cmd/presence"},
		{"services/edge", "edge", "./cmd/edge"},
		{"services/hubbub", "hubbub", "./cmd/hubbub"},
		natsServer,
	})
}

// BuildNATS builds nats-server into dir, of the version that `hubbub up` has in it.
func BuildNATS(ctx context.Context, dir string) error { return build(ctx, dir, []binary{natsServer}) }

func build(ctx context.Context, dir string, all []binary) error {
	root, err := Root()
	if err != nil {
		return err
	}
	for _, b := range all {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, b.out), b.pkg)
		cmd.Dir = filepath.Join(root, b.in)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.out, err, out)
		}
	}
	return nil
}
