// Command hubbub is the program that a person runs: `hubbub up` is the whole product in one process.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/up"
)

type config struct {
	daemon.Config
	Up up.Config `cmd:"" help:"Run everything in one process: the bus, every service and the page."`
}

// Vars are the defaults that differ from those of the services run alone: nothing else is needed.
func (config) Vars() kong.Vars {
	v := up.Vars()
	v["log_format"], v["log_level"], v["ops_listen"] = "console", "warn", "127.0.0.1:9081"
	return v
}

func main() {
	var cfg config
	daemon.Main("hubbub", "Chat for people who run their own.", &cfg, func(ctx context.Context, p *daemon.Process) error {
		return up.Start(ctx, p, cfg.Up, os.Stdout)
	})
}
