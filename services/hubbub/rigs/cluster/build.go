package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hubbub.internal/libs/checkout"
)

// programs holds the programs that a cluster runs, by the name of the binary.
var programs = map[string]checkout.Program{
	"directory": {In: "services/directory", Package: "./cmd/directory"},
	"history":   {In: "services/history", Package: "./cmd/history"},
	"notify":    {In: "services/notify", Package: "./cmd/notify"},
	"presence":  {In: "services/presence", Package: "./cmd/presence"},
	"edge":      {In: "services/edge", Package: "./cmd/edge"},
	"hubbub":    {In: "services/hubbub", Package: "./cmd/hubbub"},
	// the version that `hubbub up` embeds
	"nats-server": {In: "services/hubbub", Package: "github.com/nats-io/nats-server/v2"},
	"ferretdb":    checkout.FerretDB,
}

// usual names the programs that most clusters need.
var usual = []string{"directory", "history", "presence", "notify", "edge", "hubbub", "nats-server"}

// Build builds programs into dir, from the checkout that the working directory is in: the named
// ones or, without names, all but ferretdb.
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

// Bin returns the folder of the named programs, for a command with a flag --bin. If dir is empty,
// Bin builds them into a folder of the checkout and returns that.
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

// CheckBin returns an error, for the flag --bin, if dir lacks one of the programs. An empty dir is
// no error: Bin builds the programs.
func CheckBin(dir string, names ...string) error {
	if dir == "" {
		return nil
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("--bin is %s; it has to be a folder that contains %s; without --bin the programs are built", dir, name)
		}
	}
	return nil
}
