package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
)

// Bus is the server or the servers of one bus. Its methods are safe for concurrent use.
type Bus struct {
	URL   string     // for --bus
	Nodes []*Process // the servers that hold the log
	Watch []*Process // Sentinels, which hold no data

	// addresses that clients connect to: those of the NATS servers or of the one Redis server; nil:
	// clients ask the Sentinels
	addrs []string
	args  []string // of the services, besides --bus
	// returns the name of the leader; nil: there is one node
	leader func(context.Context) (string, error)
	// returns nil when every node runs and has the whole log; nil: there is one node
	whole func(context.Context) error
}

// StartBus starts the server of a bus, Redis or NATS, with its data in dir, and returns it and the
// URL for --bus.
func StartBus(ctx context.Context, kind, bin, dir string) (*Process, string, error) {
	if err := absolute(&bin, &dir); err != nil {
		return nil, "", err
	}
	b, err := newBus(kind, 1, bin, dir)
	if err != nil {
		return nil, "", err
	}
	return b.Nodes[0], b.URL, b.Nodes[0].Start(ctx)
}

// newBus returns a bus of one server or three, not yet started, which keeps its data and settings
// in dir.
func newBus(kind string, nodes int, bin, dir string) (*Bus, error) {
	switch {
	case kind != Redis && kind != NATS:
		return nil, fmt.Errorf("the bus is %s or %s, not %q", Redis, NATS, kind)
	case nodes != 1 && nodes != 3:
		return nil, fmt.Errorf("a bus has 1 server or 3, not %d", nodes)
	case kind == Redis && nodes == 1:
		return newRedis(dir)
	case kind == Redis:
		return newSentinels(dir)
	}
	return newNATS(nodes, bin, dir)
}

// All returns all processes of the bus.
func (b *Bus) All() []*Process { return append(append([]*Process{}, b.Nodes...), b.Watch...) }

// Start starts the processes that do not run, and returns when every node has the whole log.
func (b *Bus) Start(ctx context.Context) error {
	var all errgroup.Group
	for _, p := range b.All() {
		if !p.Runs() {
			all.Go(func() error { return p.Start(ctx) })
		}
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return b.Whole(ctx)
}

// Open opens the bus as the services do, with their defaults.
func (b *Bus) Open(ctx context.Context) (bus.Interface, error) {
	var cfg busurl.Config
	k, err := kong.New(&cfg)
	if err == nil {
		_, err = k.Parse(append([]string{"--bus", b.URL}, b.args...))
	}
	if err != nil {
		return nil, fmt.Errorf("configuration of the bus: %w", err)
	}
	return busurl.Open(ctx, cfg, zap.NewNop(), nil, api.RequiredGroups)
}

// Leader returns the node that takes all writes. An error says that there is none now.
func (b *Bus) Leader(ctx context.Context) (*Process, error) {
	if b.leader == nil {
		return b.Nodes[0], nil
	}
	name, err := b.leader(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range b.Nodes {
		if p.Name == name || p.Addr == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("the leader %s is none of the bus's nodes", name)
}

// wholeWithin bounds the time in which servers find each other and catch up.
const wholeWithin = 60 * time.Second

// Whole waits until every node runs and has the whole log, so that the bus can do without one of
// them.
func (b *Bus) Whole(ctx context.Context) error {
	if b.whole == nil {
		return nil
	}
	return eventually(ctx, wholeWithin, b.whole)
}

// Elected waits until a node other than old leads.
func (b *Bus) Elected(ctx context.Context, old *Process) error {
	return eventually(ctx, wholeWithin, func(ctx context.Context) error {
		p, err := b.Leader(ctx)
		if err == nil && p == old {
			err = fmt.Errorf("%s still leads", old.Name)
		}
		return err
	})
}

// eventually calls try until it returns nil, and returns its last error when that takes too long.
func eventually(ctx context.Context, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		attempt, cancelAttempt := context.WithTimeout(ctx, time.Second)
		err := try(attempt)
		cancelAttempt()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// node returns a server of a bus, with a folder for its data.
func node(name, dir string) (*Process, error) {
	p := &Process{Name: name, Addr: "127.0.0.1:" + strconv.Itoa(freePort()), Data: filepath.Join(dir, name), dir: dir}
	p.ready = listening(p.Addr)
	if err := os.MkdirAll(p.Data, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the bus: %w", err)
	}
	return p, nil
}
