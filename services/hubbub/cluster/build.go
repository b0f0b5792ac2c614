package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binary is one to build: the package pkg, seen from the folder in, whose module is no part of the workspace if it is alone.
type binary struct {
	in, out, pkg string
	alone        bool
}

var natsServer = binary{"services/hubbub", "nats-server", "github.com/nats-io/nats-server/v2", false}

// Build builds every binary that a cluster or `hubbub up` needs into dir, from the checkout that the working directory
// is in.
func Build(ctx context.Context, dir string) error {
	return build(ctx, dir, []binary{
		{"services/directory", "directory", "./cmd/directory", false},
		{"services/history", "history", "./cmd/history", false},
		{"services/presence", "presence", "./cmd/presence", false},
		{"services/edge", "edge", "./cmd/edge", false},
		{"services/hubbub", "hubbub", "./cmd/hubbub", false},
		natsServer,
	})
}

// BuildNATS builds nats-server into dir, of the version that `hubbub up` has in it.
func BuildNATS(ctx context.Context, dir string) error { return build(ctx, dir, []binary{natsServer}) }

// BuildFerretDB builds the server of Config.MongoDB into dir.
func BuildFerretDB(ctx context.Context, dir string) error {
	return build(ctx, dir, []binary{{"infra/test/ferretdb", "ferretdb", ".", true}})
}

func build(ctx context.Context, dir string, all []binary) error {
	root, err := Root()
	if err != nil {
		return err
	}
	for _, b := range all {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, b.out), b.pkg)
		cmd.Dir = filepath.Join(root, b.in)
		if b.alone {
			cmd.Env = append(os.Environ(), "GOWORK=off")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.out, err, out)
		}
	}
	return nil
}
