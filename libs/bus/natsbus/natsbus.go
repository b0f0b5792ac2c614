// Package natsbus keeps the bus contract on NATS with JetStream, from version 2.11 of the server
// on. It owns the names, the stream, its retention, and what its consumers have read; it knows
// nothing of what the entries mean, and it starts no server (natsembed does).
//
// # Names, for a stream named HUB
//
//	hub.log.<partition>.<room>   the stream's subjects: every room's log
//	hub.log.<partition>.u.<room> the same for personal rooms (see Config.Personal)
//	hub.fence                    the stream's fence; see fence.go
//	hub.live.>                   where the server republishes each entry of hub.log.> as soon as it is stored
//	hub.chan.<channel>           ephemeral messages
//	hub.rpc.<service>            requests
//	hub.member.<id>              whether a consumer is alive; see member.go
//	HUB_STATE                    a key-value bucket: what each group has read, what retention took
//	HUB_DEAD                     a stream: the dead letters, hub.dead.<group>, and those that were put back,
//	                             hub.again.<group>.<partition>
//	HUB_MOVED, hub.moved.>, hub.moving.>   only while Advance moves the log; see advance.go
package natsbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

// Config says which server to use and how. Zero fields stand for the defaults beside them.
type Config struct {
	Servers   string                     // URLs of one cluster's servers, separated by commas
	InProcess nats.InProcessConnProvider // instead of Servers: a server in this process
	// called when the bus is closed, or could not be opened; may be nil
	Closed  func()
	Options []nats.Option // added to the connections' options: logins, TLS
	// "hubbub": this process's name in the server's list of connections
	Name string
	// "HUB": name of the stream; subjects begin with it in lower case
	Stream string
	// 16: how many parts consumers share the log by; fixed when the stream is created
	Partitions int
	Replicas   int           // 1: servers of the cluster that hold each entry
	MaxAge     time.Duration // 24 h: entries are kept for at least this long,
	MaxBytes   int64         // 1 GiB: unless the log grows beyond this many bytes
	// Default: none. Which rooms are personal (see bus.Log.Watch). It is the same in every process
	// and release, since subjects depend on it.
	Personal func(room string) bool
	// required consumer groups: entries that they have not consumed are never trimmed
	Groups []string
	// default bus.DedupeWindow, and only tests shorten it (100 ms or more): how long a repeated
	// Append is recognised
	Dedupe time.Duration

	OpenTimeout time.Duration  // 10 s: how long Open waits for the server
	TrimEvery   time.Duration  // 10 s: how often the bus applies retention
	MemberEvery time.Duration  // 2 s: how often consumers look for partitions that nobody reads
	Follow      follow.Options // options of the engine; Open sets Log and Metrics
}

func (c *Config) setDefaults() {
	c.Name = cmp.Or(c.Name, "hubbub")
	c.Stream = cmp.Or(c.Stream, "HUB")
	c.Partitions = cmp.Or(c.Partitions, 16)
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.MaxAge = cmp.Or(c.MaxAge, 24*time.Hour)
	c.MaxBytes = cmp.Or(c.MaxBytes, 1<<30)
	c.Dedupe = cmp.Or(c.Dedupe, bus.DedupeWindow)
	if c.Personal == nil {
		c.Personal = func(string) bool { return false }
	}
	c.OpenTimeout = cmp.Or(c.OpenTimeout, 10*time.Second)
	c.TrimEvery = cmp.Or(c.TrimEvery, 10*time.Second)
	c.MemberEvery = cmp.Or(c.MemberEvery, 2*time.Second)
}

// Driver is a driver.Driver on NATS.
type Driver struct {
	store
	reg      prometheus.Registerer
	host     driver.Host // set by Open
	liveConn *nats.Conn  // the live entries of followed rooms; see store.main

	appends *appender
	live    *liveReader
	probe   string // the subject of this bus's probes
	metrics *metrics

	wg   sync.WaitGroup // background goroutines of Open
	gone chan struct{}  // no stream accepts appends: look whether it still exists

	swept time.Time // when Trim last looked through the notes about removed entries; Trim's own

	denial atomic.Pointer[error] // the first operation that the server did not permit
	abort  func()                // aborts Open
}

var _ driver.Driver = (*Driver)(nil)

// Open connects, creates the stream or checks the one that is there, and starts what works in the
// background. It fails within cfg.OpenTimeout, with a sentence that says what to do. log and reg
// may be nil.
func Open(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer) (*bus.Bus, error) {
	d, err := New(cfg, log, reg)
	if err != nil {
		if cfg.Closed != nil {
			cfg.Closed()
		}
		return nil, err
	}
	return d.open(ctx)
}

// open opens the bus over the driver.
func (b *Driver) open(ctx context.Context) (*bus.Bus, error) {
	opts := b.cfg.Follow
	opts.Coarse, opts.Personal = true, b.cfg.Personal
	return bus.Open(ctx, b, bus.Options{
		Log: b.log, Registerer: b.reg, Metrics: b.metrics.Bus, Follow: opts, TrimEvery: b.cfg.TrimEvery, MemberEvery: b.cfg.MemberEvery,
	})
}

// New returns a driver that is not open yet, for bus.Open, or for a driver composed of several.
func New(cfg Config, log *zap.Logger, reg prometheus.Registerer) (*Driver, error) {
	cfg.setDefaults()
	if log == nil {
		log = zap.NewNop()
	}
	if err := bus.CheckName(cfg.Stream); err != nil {
		return nil, fmt.Errorf("name of the stream: %w", err)
	}
	if err := bus.CheckName(cfg.Groups...); err != nil {
		return nil, fmt.Errorf("required groups: %w", err)
	}
	return &Driver{
		store:   store{cfg: cfg, log: log, names: newNames(cfg.Stream, cfg.Partitions, cfg.Personal)},
		reg:     reg,
		gone:    make(chan struct{}, 1),
		metrics: newMetrics(reg),
	}, nil
}

// Open implements driver.Driver.
func (b *Driver) Open(ctx context.Context, h driver.Host) error {
	b.host = h
	b.retry = driver.Retry{Life: h.Life, Attempt: b.attempt}
	context.AfterFunc(h.Life, b.link.cut)
	opening, cancel := context.WithTimeout(ctx, b.cfg.OpenTimeout)
	defer cancel()
	b.abort = cancel
	err := b.start(opening)
	if err == nil {
		return nil
	}
	if denied := b.denial.Load(); denied != nil {
		err = *denied
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		return b.permissions(err)
	}
	if opening.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("NATS at %s did not answer within %s: check the URL, and that JetStream has a leader: %w",
			b.where(), b.cfg.OpenTimeout, err)
	}
	return err
}

func (b *Driver) start(ctx context.Context) error {
	b.live = newLiveReader(b)
	b.fences = &fences{b: &b.store}
	b.appends = newAppender(b)
	if err := b.connect(ctx); err != nil {
		return err
	}
	if err := b.ensureStore(ctx); err != nil {
		return err
	}
	var err error
	if b.inbox, err = newInbox(b.main); err != nil {
		return err
	}
	if err = b.live.watchLeader(); err != nil {
		return err
	}
	if err = b.subscribeProbes(); err != nil {
		return err
	}
	if err = b.appends.subscribe(); err != nil {
		return err
	}
	life := b.host.Life
	b.wg.Go(func() { b.live.run(life) })
	b.wg.Go(func() { b.appends.run(life) })
	b.wg.Go(func() { b.storeLoop(life) })
	return nil
}

// Retry implements driver.Driver.
func (b *Driver) Retry() *driver.Retry { return &b.retry }

// Close implements driver.Driver.
func (b *Driver) Close() {
	b.wg.Wait()
	for _, c := range []*nats.Conn{b.main, b.liveConn} {
		if c != nil {
			closeConn(c)
		}
	}
	if b.cfg.Closed != nil {
		b.cfg.Closed()
	}
}

func (b *Driver) isClosed() bool { return b.host.Life.Err() != nil }
