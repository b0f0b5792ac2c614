package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hubbub.internal/libs/checkout"
)

// programs are what a cluster is made of, by the names of their binaries.
var programs = map[string]checkout.Program{
	"directory": {In: "services/directory", Package: "./cmd/directory"},
	"history":   {In: "services/history", Package: "./cmd/history"},
	"notify":    {In: "services/notify", Package: "./cmd/notify"},
	"presence":  {In: "services/presence", Package: "./cmd/presence"},
	"edge":      {In: "services/edge", Package: "./cmd/edge"},
	"hubbub":    {In: "services/hubbub", Package: "./cmd/hubbub"},
	// of the version that `hubbub up` has in it
	"nats-server": {In: "services/hubbub", Package: "github.com/nats-io/nats-server/v2"},
	"ferretdb":    checkout.FerretDB,
}

// usual are those that most clusters need.
var usual = []string{"directory", "history", "presence", "notify", "edge", "hubbub", "nats-server"}

// Build builds programs into dir, from the checkout that the working directory is in: those that
// are named, or all but ferretdb.
func Build(ctx context.Context, dir string, names ...string) error {
	if len(names) == 0 {
		names = usual
	}
	var all []checkout.Program
	for _, name := range names {
		p, ok := programs[name]
		if !ok {
			return fmt.Errorf("build: there is no program %q", name)
		}
		p.Name = name
		all = append(all, p)
	}
	return checkout.Build(ctx, dir, all...)
}

// Bin returns the folder of the programs that are named, for a command with a flag --bin: dir, or
// if that is empty the folder in the checkout into which they are built.
func Bin(ctx context.Context, dir string, names ...string) (string, error) {
	if dir != "" {
		return dir, CheckBin(dir, names...)
	}
	dir, err := checkout.Bin()
	if err == nil {
		err = Build(ctx, dir, names...)
	}
	if err != nil {
		return "", fmt.Errorf("%w; or say where the programs are with --bin", err)
	}
	return dir, nil
}

// CheckBin returns an error, for the flag --bin, if dir lacks one of the programs. An empty dir
// lacks nothing: they are built.
func CheckBin(dir string, names ...string) error {
	if dir == "" {
		return nil
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("--bin is %s; it has to be a folder with %s in it; without --bin it is built", dir, name)
		}
	}
	return nil
}
