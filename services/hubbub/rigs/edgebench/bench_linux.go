package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hubbub.internal/libs/checkout"
	"hubbub.internal/services/hubbub/rigs/edgebench/clients"
)

// bench is the state of a run.
type bench struct {
	opts *options
	bin  string // folder of the servers' binaries
	here string // folder of this program's source
	dir  string // for the files that servers write

	serverCore, otherCores string // empty: there is one core

	ours, theirs *tokens
	table        *table
	seen         *ratios
}

// patience is how long clients may take to log in, or to join.
const patience = time.Minute

// inFlight is how many clients log in or join at the same time.
const inFlight = 512

func newBench(ctx context.Context, o *options) (*bench, error) {
	if err := loopbackUp(); err != nil {
		return nil, err
	}
	root, err := checkout.Root()
	if err != nil {
		return nil, err
	}
	b := &bench{opts: o, bin: os.Getenv(insideVar), here: filepath.Join(root, source), seen: newRatios()}
	// before cores moves this process to fewer cores
	fmt.Printf("%s; each server on one core, the clients on the others\n\n", machine())
	for _, name := range o.Servers {
		fmt.Printf("- %s: %s\n", name, settings[name])
	}
	if b.serverCore, b.otherCores, err = cores(); err != nil {
		return nil, err
	}
	if o.Profile != "" {
		if err := os.MkdirAll(o.Profile, 0o755); err != nil {
			return nil, fmt.Errorf("folder of the profiles: %w", err)
		}
	}
	b.dir, err = os.MkdirTemp("", "hubbub-bench-edge-")
	if err != nil {
		return nil, fmt.Errorf("folder of the servers: %w", err)
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

func (b *bench) clear(dir string) { _ = os.RemoveAll(dir) }

// run measures every case and compares.
func (b *bench) run(ctx context.Context) error {
	for _, name := range b.opts.Cases {
		if err := cases[name](ctx, b); err != nil {
			return err
		}
	}
	return b.verdict(ctx)
}

// each measures the servers in turn, for the configured number of rounds, so that other work of the
// machine affects all of them alike. unable says why a server cannot do what is measured; nil: all
// can.
func (b *bench) each(ctx context.Context, measure func(*target) error, names []string, unable map[string]string) error {
	for round := range b.opts.Rounds {
		for _, name := range names {
			if why, ok := unable[name]; ok {
				if round == 0 {
					b.table.note("%s: not measured: %s", name, why)
				}
				continue
			}
			if err := b.with(ctx, name, measure); err != nil {
				return err
			}
		}
	}
	return nil
}

// with starts one server and measures it. It notes an error of a peer in the table and goes on with
// the others.
func (b *bench) with(ctx context.Context, name string, measure func(*target) error) error {
	t, err := b.open(ctx, name)
	if err == nil {
		err = measure(t)
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, t.server.tail())
		}
		t.stop()
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil && name == nameHubbub:
		return fmt.Errorf("%s: %w", name, err)
	case err != nil:
		b.table.note("%s: %v", name, err)
	}
	return nil
}

// crowd logs n clients in to the target and joins each to its room.
func crowd(t *target, n int, room func(int) string) (*clients.Clients, error) {
	s, err := clients.New(t.dialect, t.addr)
	if err != nil {
		return nil, err
	}
	if err := s.Grow(n, inFlight, patience); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Join(room, inFlight, patience); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func lobby(int) string { return "lobby" }

func join(names []string) string { return strings.Join(names, ",") }

func cutPort(addr string) (host, port string, err error) { return net.SplitHostPort(addr) }

func (b *bench) profileOf(t *target, what string) func() {
	if b.opts.Profile == "" || t.name != nameHubbub {
		return func() {}
	}
	done := make(chan error, 1)
	go func() { done <- profile(t.pprof, filepath.Join(b.opts.Profile, what+".pprof"), b.opts.Duration) }()
	return func() {
		if err := <-done; err != nil {
			b.table.note("%v", err)
		}
	}
}
