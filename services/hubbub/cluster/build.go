package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build builds every binary that a cluster or `hubbub up` needs into dir, from the checkout that the working directory
// is in.
func Build(ctx context.Context, dir string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	for _, b := range []struct{ in, out, pkg string }{
		{"services/directory", "directory", "./cmd/directory"},
		{"services/history", "history", "./cmd/history"},
		{"services/presence", "presence", "./cmd/presence"},
		{"services/edge", "edge", "./cmd/edge"},
		{"services/hubbub", "hubbub", "./cmd/hubbub"},
		{"services/hubbub", "nats-server", "github.com/nats-io/nats-server/v2"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, b.out), b.pkg)
		cmd.Dir = filepath.Join(root, b.in)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.out, err, out)
		}
	}
	return nil
}
