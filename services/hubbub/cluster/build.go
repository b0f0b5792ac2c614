package cluster

import (
	"context"

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
