// Package cluster runs Hubbub as it is deployed, every service a process of its own behind nginx, on the loopback
// interface of one machine: for tests that break things.
//
// It owns processes, ports and files; it knows nothing of what the processes say to each other.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"hubbub.internal/libs/freeport"
)

// The buses that a cluster can run on.
const (
	Redis = "redis"
	NATS  = "nats"
)

// Config says what to run.
type Config struct {
	Bus      string // Redis or NATS
	Edges    int    // edge processes
	Presence int    // presence processes
	Dir      string // data, logs and configuration; made when missing
	Bin      string // folder of the binaries, as Build made them
	Web      string // folder of the built page; empty: none
	Store    string // store URL of history and directory; empty: a SQLite file each
	Proxies  bool   // every service reaches the bus over a proxy of its own: see Link

	Args map[string][]string // further arguments, by binary
}

// Cluster is a set of running processes. Its methods are safe for concurrent use.
type Cluster struct {
	URL string // where nginx answers: http://127.0.0.1:port

	cfg    Config
	busURL string
	order  []*Process // in the order of their start
	byName map[string]*Process
	links  map[string]*Proxy // by service
}

// Start starts everything and returns when it is ready. The processes are named redis or nats, directory, history,
// presence-1 …, edge-1 … and nginx. On an error nothing is left running.
func Start(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	c := &Cluster{cfg: cfg, byName: make(map[string]*Process), links: make(map[string]*Proxy)}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the cluster: %w", err)
	}
	bus, url, err := newBus(cfg.Bus, cfg.Bin, cfg.Dir)
	if err != nil {
		return nil, err
	}
	c.busURL = url
	if err := c.start(ctx, bus); err != nil {
		return nil, err
	}
	names := []string{"directory", "history"}
	for i := range cfg.Presence {
		names = append(names, "presence-"+strconv.Itoa(i+1))
	}
	for i := range cfg.Edges {
		names = append(names, "edge-"+strconv.Itoa(i+1))
	}
	var services []*Process
	for _, name := range names {
		p, err := c.service(name)
		if err != nil {
			return nil, err
		}
		services = append(services, p)
	}
	// They need one another only when asked something: start them together.
	errs := make([]error, len(services))
	var wait sync.WaitGroup
	for i, p := range services {
		c.add(p)
		wait.Go(func() { errs[i] = p.Start(ctx) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	front, err := c.nginx()
	if err != nil {
		return nil, err
	}
	return c, c.start(ctx, front)
}

// Close kills what still runs and waits for it.
func (c *Cluster) Close() {
	for i := len(c.order) - 1; i >= 0; i-- {
		c.order[i].Kill()
	}
	for _, l := range c.links {
		l.Close()
	}
}

// Link returns the proxy between a service's process and the bus; nil: there is none.
func (c *Cluster) Link(name string) *Proxy { return c.links[name] }

// Process returns the process of that name, or nil.
func (c *Cluster) Process(name string) *Process { return c.byName[name] }

// Bus returns the process of the bus.
func (c *Cluster) Bus() *Process { return c.byName[c.cfg.Bus] }

// All returns every process, in the order of their start.
func (c *Cluster) All() []*Process { return c.order }

// BusURL returns what the services are given as --bus.
func (c *Cluster) BusURL() string { return c.busURL }

func (c *Cluster) add(p *Process) {
	c.order = append(c.order, p)
	c.byName[p.Name] = p
}

func (c *Cluster) start(ctx context.Context, p *Process) error {
	c.add(p)
	return p.Start(ctx)
}

// service returns a service's process, which has the name of its binary and, where there are several, a number.
func (c *Cluster) service(name string) (*Process, error) {
	binary, _, _ := strings.Cut(name, "-")
	bus := c.busURL
	if c.cfg.Proxies {
		scheme, addr, _ := strings.Cut(bus, "://")
		link, err := NewProxy(addr)
		if err != nil {
			return nil, err
		}
		c.links[name] = link
		bus = scheme + "://" + link.Addr
	}
	listen := "127.0.0.1:" + strconv.Itoa(freePort())
	ops := "127.0.0.1:" + strconv.Itoa(freePort())
	p := &Process{
		Name: name, Addr: listen, Ops: ops, dir: c.cfg.Dir, ready: answers("http://" + ops + "/readyz"),
		path: filepath.Join(c.cfg.Bin, binary),
		args: []string{"--listen", listen, "--ops-listen", ops, "--bus", bus},
	}
	p.args = append(p.args, c.cfg.Args[binary]...)
	if binary == "directory" || binary == "history" {
		url := c.cfg.Store
		if url == "" {
			url = "sqlite:" + filepath.Join(c.cfg.Dir, name+".db")
		}
		p.args = append(p.args, "--store", url)
	}
	return p, nil
}

func freePort() int {
	port, err := freeport.Take()
	if err != nil {
		panic(err) // no loopback: nothing here can work
	}
	return port
}
