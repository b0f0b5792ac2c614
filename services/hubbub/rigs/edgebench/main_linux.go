// Command bench measures Hubbub's edge beside other servers, and beside the least that any server
// can do, in one run on one machine: memory of idle sockets, the CPU of a handshake and of a
// delivery, and how late deliveries are.
//
// It owns the cases and the tables. Each server is a process of its own on a core of its own; the
// clients, and what Hubbub's edge needs around it, are on the others.
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"hubbub.internal/services/hubbub/rigs/edgebench/floor"
)

type options struct {
	Servers []string `help:"Servers to measure: ${servers}." default:"${servers}" placeholder:"NAME"`
	Cases   []string `help:"Cases to measure: ${cases}." default:"${cases}" placeholder:"NAME"`
	Short   bool     `help:"A run of a minute or two: fewer subscribers, shorter."`

	Duration time.Duration `help:"How long each rate is measured; 0: 5s, or 2s with --short."`
	Rounds   int           `help:"Times that each case is measured, with the servers in turn. The comparison at the end uses the minimum of each, because other work of the machine only adds to the times." default:"1"`
	Rooms    []int         `help:"Subscribers of the rooms of the case fanout; none: 1, 100, 1000 and, without --short, 10000." placeholder:"N"`
	Rate     float64       `help:"Messages per second of the fixed rate of the case fanout; 0: 20, in rooms of more than 1000 2." default:"0"`
	Sockets  int           `help:"Most sockets of a server; 0: what the limit of open files allows, or 2000 with --short."`
	Bus      string        `help:"The bus of Hubbub: nats or redis (redis-server has to be installed)." enum:"nats,redis" default:"nats"`
	Profile  string        `help:"Folder for CPU profiles of Hubbub's edge, one for each saturated case. They cost a few percent." type:"path" placeholder:"DIR"`
}

type commands struct {
	Run   options  `cmd:"" default:"withargs" help:"Build the servers, measure them, and print tables (Markdown)."`
	Floor floorCmd `cmd:"" hidden:"" help:"Serve as the least that a server can do."`
}

type floorCmd struct {
	Listen string `required:""`
}

// Run implements kong's command.
func (c *floorCmd) Run() error {
	addr, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return err
	}
	return floor.Serve(addr)
}

// Run implements kong's command.
func (o *options) Run() error {
	if err := o.fill(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !inside() {
		bin, err := build(ctx, o)
		if err != nil {
			return err
		}
		return enter(bin)
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	return b.run(ctx)
}

// fewest is how many sockets the cases need.
const fewest = 100

// fill sets the options that were not given, and checks the others.
func (o *options) fill() error {
	for _, s := range o.Servers {
		if !slices.Contains(serverNames, s) {
			return fmt.Errorf("--servers: there is no %q", s)
		}
	}
	for _, c := range o.Cases {
		if !slices.Contains(caseNames, c) {
			return fmt.Errorf("--cases: there is no %q", c)
		}
	}
	most, err := raiseFileLimit()
	if err != nil {
		return err
	}
	if o.Duration == 0 {
		o.Duration = 5 * time.Second
		if o.Short {
			o.Duration = 2 * time.Second
		}
	}
	if o.Rounds < 1 {
		return fmt.Errorf("--rounds is %d; it has to be 1 or more", o.Rounds)
	}
	if o.Rate < 0 {
		return fmt.Errorf("--rate is %g; it has to be 0 or more", o.Rate)
	}
	if len(o.Rooms) == 0 {
		o.Rooms = []int{1, 100, 1000}
		if !o.Short {
			o.Rooms = append(o.Rooms, 10_000)
		}
	}
	switch {
	case o.Sockets > most:
		return fmt.Errorf("--sockets is %d; the limit of open files allows %d", o.Sockets, most)
	case o.Sockets == 0 && o.Short:
		o.Sockets = min(2000, most)
	case o.Sockets == 0:
		o.Sockets = most
	}
	if o.Sockets < fewest {
		return fmt.Errorf("%d sockets are too few; it takes %d", o.Sockets, fewest)
	}
	return nil
}

func main() {
	k := kong.Parse(&commands{}, kong.Name("bench"), kong.Description("Measures Hubbub's edge beside other servers."),
		kong.Vars{"servers": join(serverNames), "cases": join(caseNames)})
	k.FatalIfErrorf(k.Run())
}
