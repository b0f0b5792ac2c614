// Command hubbub is the program that a person runs: `hubbub up` is the whole product in one
// process, `hubbub load` talks to a Hubbub and accounts for every message, `hubbub drill` breaks
// one on purpose.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/backup"
	"hubbub.internal/services/hubbub/cert"
	"hubbub.internal/services/hubbub/deadletters"
	"hubbub.internal/services/hubbub/doctor"
	"hubbub.internal/services/hubbub/groups"
	"hubbub.internal/services/hubbub/imports"
	"hubbub.internal/services/hubbub/rigs/busbench"
	"hubbub.internal/services/hubbub/rigs/drill"
	"hubbub.internal/services/hubbub/rigs/load"
	"hubbub.internal/services/hubbub/up"
	"hubbub.internal/services/hubbub/verify"
)

type config struct {
	Up       upCommand          `cmd:"" help:"Run everything in one process: the bus, every service and the page."`
	Cert     cert.Config        `cmd:"" help:"Get a certificate by ACME for a proxy that ends TLS, such as nginx, and renew it; or watch one that somebody else renews."`
	Load     load.Config        `cmd:"" help:"Simulate many users chatting on a Hubbub server, measure it, and check every message."`
	BenchBus busbench.Config    `cmd:"" help:"Measure a bus: appends per second, the delay until they arrive live, replay."`
	CrashBus busbench.Crash     `cmd:"" help:"Kill a bus with -9 again and again while entries are appended to it, and check that every acknowledged one is there, once, in order."`
	Dead     deadletters.Config `cmd:"" name:"dead-letters" help:"Print the log entries that a service set aside because it could not process them, as JSON, one a line; put them back."`
	Admin    admin.Config       `cmd:"" help:"Do what an operator does, on a running Hubbub: make operators and accounts, reset passwords, ban, invite, read the audit log."`
	Import   imports.Config     `cmd:"" help:"Bring users, rooms and messages of a Slack or Mattermost export into a running Hubbub."`
	Backup   backup.Config      `cmd:"" help:"Back up a Hubbub into one file, while people talk; check such a file."`
	Restore  backup.Restore     `cmd:"" help:"Restore a Hubbub from a backup, in an empty folder, or on an empty store and bus."`
	Verify   verify.Config      `cmd:"" name:"verify-export" help:"Check that a copy of a room, or of what a person has said, is unchanged; make a page of it."`
	Doctor   doctor.Config      `cmd:"" help:"Check an installation, and print what is wrong and what to do about it."`
	Groups   groups.Config      `cmd:"" help:"Print the consumer groups for which the log on the bus keeps unread entries, as JSON, one a line; retire one."`
	Drill    drill.Config       `cmd:"" help:"Break a cluster of processes on this machine on purpose while simulated users chat, and report what held. Needs a checkout, nginx and the bus's server."`
	Soak     drill.Soak         `cmd:"" help:"Let simulated users chat in a cluster of processes on this machine for a long time, and report whether memory and open files stay flat."`
}

type upCommand struct {
	Daemon daemon.Config `embed:""`
	Up     up.Config     `embed:""`
}

// Vars are the defaults that differ from those of the services run alone: nothing else is needed.
func (config) Vars() kong.Vars {
	v := up.Vars()
	v["log_format"], v["log_level"], v["ops_listen"] = "console", "warn", "127.0.0.1:9081"
	return v
}

func main() {
	var cfg config
	daemon.Main("hubbub", "Self-hosted chat.", &cfg, func(ctx context.Context, p *daemon.Process) error {
		return up.Start(ctx, p, cfg.Up.Up, os.Stdout)
	})
}
