// Package cluster runs Hubbub as it is deployed, each service in its own process behind nginx, on
// the loopback interface of one machine, for tests that break things.
//
// It owns processes, ports and files; it knows nothing of the protocols between the processes.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/freeport"
)

// The buses that a cluster can run on.
const (
	Redis = "redis"
	NATS  = "nats"
)

// Config says what to run.
type Config struct {
	Bus string // Redis or NATS
	// servers of the bus: 1 or 3 (NATS with three replicas, or a Redis primary with two replicas
	// and three Sentinels); 0: 1
	BusNodes int
	Edges    int // edge processes
	// directory processes, and as many history processes; more than one need a store that is a
	// server; 0: 1
	Stores   int
	Presence int    // presence processes
	Notify   int    // notify processes; 0: none
	Dir      string // data, logs and configuration; created if missing
	Bin      string // folder of the binaries that Build made
	Services string // folder of the services' binaries; empty: Bin
	Web      string // folder of the built page; empty: none
	// history and directory use a server that speaks MongoDB's protocol (FerretDB); false: a SQLite
	// file each
	MongoDB bool
	Proxies bool // every service reaches the bus over proxies of its own: see Link

	Args map[string][]string // further arguments, by binary
}

// Cluster is a set of running processes. Its methods are safe for concurrent use.
type Cluster struct {
	URL string // where nginx answers: http://127.0.0.1:port
	Bus *Bus

	cfg    Config
	store  string     // URL of the store's server; empty: SQLite
	order  []*Process // in the order of their start
	byName map[string]*Process
	links  map[string]Link // by service
}

// Start starts everything and returns when it is ready. The processes are named redis or nats (with
// several servers redis-1 … and sentinel-1 …, or nats-1 …), ferretdb, directory, history (or
// directory-1 …, history-1 …), presence-1 …, edge-1 … and nginx. After an error none of them runs.
func Start(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	cfg.BusNodes, cfg.Stores = max(1, cfg.BusNodes), max(1, cfg.Stores)
	c := &Cluster{cfg: cfg, byName: make(map[string]*Process), links: make(map[string]Link)}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if cfg.Services == "" {
		cfg.Services = cfg.Bin
	}
	if err := absolute(&cfg.Dir, &cfg.Bin, &cfg.Services, &cfg.Web); err != nil {
		return nil, err
	}
	c.cfg = cfg
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the cluster: %w", err)
	}
	if c.Bus, err = newBus(cfg.Bus, cfg.BusNodes, cfg.Bin, cfg.Dir); err != nil {
		return nil, err
	}
	for _, p := range c.Bus.All() {
		c.add(p)
	}
	if err := c.Bus.Start(ctx); err != nil {
		return nil, err
	}
	if cfg.MongoDB {
		p, err := node("ferretdb", cfg.Dir)
		if err != nil {
			return nil, err
		}
		p.path, p.args = filepath.Join(cfg.Bin, "ferretdb"), []string{"-listen", p.Addr, "-dir", p.Data}
		c.store = "mongodb://" + p.Addr + "/hubbub"
		c.add(p)
		if err := p.Start(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.services(ctx); err != nil {
		return nil, err
	}
	front, err := c.nginx()
	if err != nil {
		return nil, err
	}
	c.add(front)
	return c, front.Start(ctx)
}

// services starts all services at once: a service needs the others only to answer requests.
func (c *Cluster) services(ctx context.Context) error {
	var all errgroup.Group
	for _, s := range []struct {
		name string
		n    int
	}{{"directory", c.cfg.Stores}, {"history", c.cfg.Stores}, {"presence", c.cfg.Presence}, {"notify", c.cfg.Notify}, {"edge", c.cfg.Edges}} {
		for i := range s.n {
			name := s.name + "-" + strconv.Itoa(i+1)
			if c.cfg.Stores == 1 && (s.name == "directory" || s.name == "history") {
				name = s.name
			}
			p, err := c.service(name)
			if err != nil {
				return errors.Join(err, all.Wait())
			}
			c.add(p)
			all.Go(func() error { return p.Start(ctx) })
		}
	}
	return all.Wait()
}

// Close kills the processes that still run and waits until they have ended.
func (c *Cluster) Close() {
	for i := len(c.order) - 1; i >= 0; i-- {
		c.order[i].Kill()
	}
	for _, l := range c.links {
		for _, p := range l {
			p.Close()
		}
	}
}

// Link returns the proxies between a service's process and the servers of the bus; empty: there are
// none.
func (c *Cluster) Link(name string) Link { return c.links[name] }

// Process returns the process of that name, or nil.
func (c *Cluster) Process(name string) *Process { return c.byName[name] }

// All returns every process, in the order of their start.
func (c *Cluster) All() []*Process { return c.order }

func (c *Cluster) add(p *Process) {
	c.order = append(c.order, p)
	c.byName[p.Name] = p
}

// service returns a service's process, named after its binary and, where there are several, a
// number.
func (c *Cluster) service(name string) (*Process, error) {
	binary, _, _ := strings.Cut(name, "-")
	bus := c.Bus.URL
	if c.cfg.Proxies && len(c.Bus.addrs) > 0 {
		var addrs []string
		for _, addr := range c.Bus.addrs {
			proxy, err := NewProxy(addr)
			if err != nil {
				return nil, err
			}
			c.links[name] = append(c.links[name], proxy)
			addrs = append(addrs, proxy.Addr)
		}
		bus = c.cfg.Bus + "://" + strings.Join(addrs, ",")
	}
	listen := "127.0.0.1:" + strconv.Itoa(freePort())
	ops := "127.0.0.1:" + strconv.Itoa(freePort())
	p := &Process{
		Name: name, Addr: listen, Ops: ops, dir: c.cfg.Dir, ready: answers("http://" + ops + "/readyz"),
		path: filepath.Join(c.cfg.Services, binary),
		// a variable, since another release may not know the flag
		env:  append(os.Environ(), "HUBBUB_PPROF=true"),
		args: append([]string{"--listen", listen, "--ops-listen", ops, "--bus", bus}, c.Bus.args...),
	}
	p.args = append(p.args, c.cfg.Args[binary]...)
	if binary == "directory" || binary == "history" {
		url := c.store
		if url == "" {
			p.Data = filepath.Join(c.cfg.Dir, name)
			p.File = filepath.Join(p.Data, "store.db")
			url = "sqlite:" + p.File
			if err := os.MkdirAll(p.Data, 0o700); err != nil {
				return nil, fmt.Errorf("folder of %s: %w", name, err)
			}
		}
		p.args = append(p.args, "--store", url)
	}
	return p, nil
}

// absolute makes paths absolute, since processes run in a folder of their own. An empty one
// stays empty.
func absolute(paths ...*string) (err error) {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return fmt.Errorf("folder of the cluster: %w", err)
		}
	}
	return nil
}

func freePort() int {
	port, err := freeport.Port()
	if err != nil {
		panic(err) // without a free port on loopback nothing here works
	}
	return port
}
