package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hubbub.internal/libs/checkout"
)

var natsServer = checkout.Program{Name: "nats-server", In: "services/hubbub", Package: "github.com/nats-io/nats-server/v2"}

// Build builds every binary that a cluster or `hubbub up` needs into dir, from the checkout that the working directory
// is in.
func Build(ctx context.Context, dir string) error {
	return checkout.Build(ctx, dir,
		checkout.Program{Name: "directory", In: "services/directory", Package: "./cmd/directory"},
		checkout.Program{Name: "history", In: "services/history", Package: "./cmd/history"},
		checkout.Program{Name: "presence", In: "services/presence", Package: "./cmd/presence"},
		checkout.Program{Name: "edge", In: "services/edge", Package: "./cmd/edge"},
		checkout.Program{Name: "hubbub", In: "services/hubbub", Package: "./cmd/hubbub"},
		natsServer,
	)
}

// BuildNATS builds nats-server into dir, of the version that `hubbub up` has in it.
func BuildNATS(ctx context.Context, dir string) error { return checkout.Build(ctx, dir, natsServer) }

// BuildFerretDB builds the server of Config.MongoDB into dir.
func BuildFerretDB(ctx context.Context, dir string) error {
	return checkout.Build(ctx, dir, checkout.FerretDB)
}

// CheckBin returns an error, for the flag --bin, if dir lacks one of the programs. An empty dir lacks nothing: they are built.
func CheckBin(dir string, programs ...string) error {
	if dir == "" {
		return nil
	}
	for _, name := range programs {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("--bin is %s; it has to be a folder with %s in it; without --bin it is built", dir, name)
		}
	}
	return nil
}
