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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
)

// Config says which server to use and how. Zero fields stand for the defaults beside them.
type Config struct {
	Servers   string                     // URLs of one cluster's servers, separated by commas
	InProcess nats.InProcessConnProvider // instead of Servers: a server in this process
	Options   []nats.Option              // added to the connections' options: logins, TLS
	// "hubbub": this process's name in the server's list of connections
	Name string
	// "HUB": name of the stream; subjects begin with it in lower case
	Stream string
	// 16: how many parts consumers share the log by; fixed when the stream is created
	Partitions int
	Replicas   int           // 1: servers of the cluster that hold each entry
	MaxAge     time.Duration // 24 h: entries are kept for at least this long,
	MaxBytes   int64         // 1 GiB: unless the log grows beyond this many bytes
	// nobody's: which rooms are personal (see bus.Log.Watch). It is the same in every process and
	// release, since it is in the names of subjects.
	Personal func(room string) bool
	// required consumer groups: what they have not consumed is never trimmed
	Groups []string
	// bus.DedupeWindow, which only tests shorten (100 ms or more): how long a repeated Append is
	// recognised
	Dedupe time.Duration

	OpenTimeout time.Duration  // 10 s: how long Open waits for the server
	TrimEvery   time.Duration  // 10 s: how often retention is looked after
	MemberEvery time.Duration  // 2 s: how often consumers look for partitions that nobody reads
	Follow      follow.Options // of the engine; Log and Metrics are set by Open
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

// Bus is a bus.Bus on NATS.
type Bus struct {
	cfg   Config
	log   *zap.Logger
	names names

	// Two connections, so that a flood of live entries delays neither acknowledgements nor
	// requests.
	main *nats.Conn
	feed *nats.Conn // the live entries of followed rooms

	js    jetstream.JetStream
	state jetstream.KeyValue
	inbox *inbox

	appends *appender
	engine  *follow.Engine
	live    *liveFeed
	fences  *fences
	probe   *prober
	metrics *metrics

	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	wg        sync.WaitGroup // background goroutines of Open
	consumers sync.WaitGroup // running Consume calls
	link      link           // life of the main connection
	full      chan struct{}  // an append found the log full: trim it now
	gone      chan struct{}  // no stream takes appends: look whether it is there

	swept time.Time // when notes about removed entries were last looked through; trimLoop's own

	denial atomic.Pointer[error] // the first thing that the server did not let us do
	abort  func()                // ends the start

	mu     sync.Mutex
	closed bool
	subs   map[bus.Subscription]struct{} // channels and services, for Close
}

var _ bus.Interface = (*Bus)(nil)

// Open connects, creates the stream or checks the one that is there, and starts what works in the
// background. It fails within cfg.OpenTimeout, with a sentence that says what to do. log and reg
// may be nil.
func Open(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer) (*Bus, error) {
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
	b := &Bus{
		cfg:     cfg,
		log:     log,
		names:   newNames(cfg.Stream, cfg.Partitions, cfg.Personal),
		subs:    make(map[bus.Subscription]struct{}),
		full:    make(chan struct{}, 1),
		gone:    make(chan struct{}, 1),
		metrics: newMetrics(reg),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	opening, cancel := context.WithTimeout(ctx, cfg.OpenTimeout)
	defer cancel()
	b.abort = cancel
	if err := b.open(opening, reg); err != nil {
		_ = b.Close()
		if denied := b.denial.Load(); denied != nil {
			err = *denied
		}
		if errors.Is(err, nats.ErrPermissionViolation) {
			return nil, b.permissions(err)
		}
		if opening.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("NATS at %s did not answer within %s: check the URL, and that JetStream has a leader: %w",
				b.where(), cfg.OpenTimeout, err)
		}
		return nil, err
	}
	return b, nil
}

func (b *Bus) open(ctx context.Context, reg prometheus.Registerer) error {
	opts := b.cfg.Follow
	opts.Log, opts.Metrics, opts.Coarse, opts.Personal = b.log, reg, true, b.cfg.Personal
	b.engine = follow.New(source{b}, opts)
	b.live = newLiveFeed(b)
	b.fences = &fences{b: b}
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
	if b.probe, err = newProber(b); err != nil {
		return err
	}
	if err = b.appends.subscribe(); err != nil {
		return err
	}
	b.wg.Go(func() { _ = b.engine.Run(b.ctx) })
	b.wg.Go(func() { b.live.run(b.ctx) })
	b.wg.Go(func() { b.appends.run(b.ctx) })
	b.wg.Go(func() { b.trimLoop(b.ctx) })
	b.wg.Go(func() { b.storeLoop(b.ctx) })
	return nil
}

// Close implements bus.Interface.
func (b *Bus) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		b.wg.Wait()
		return nil
	}
	b.closed = true
	subs := b.subs
	b.subs = nil
	b.mu.Unlock()
	for s := range subs {
		s.Stop()
	}
	b.cancel()
	b.link.cut()
	b.consumers.Wait()
	b.wg.Wait()
	b.disconnect()
	return nil
}

// keep registers a subscription for Close, unless the bus is closed already.
func (b *Bus) keep(s bus.Subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return bus.ErrClosed
	}
	b.subs[s] = struct{}{}
	return nil
}

func (b *Bus) forget(s bus.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}

func (b *Bus) isClosed() bool { return b.ctx.Err() != nil }

// fail makes an error of the connection or of a context what the contract promises.
func (b *Bus) fail(what string, err error) error {
	switch {
	case b.isClosed():
		return bus.ErrClosed
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed):
		return err
	}
	return fmt.Errorf("%w: %s: %w", bus.ErrUnavailable, what, err)
}

// where names the server for people, without a password.
func (b *Bus) where() string {
	if b.cfg.InProcess != nil {
		return "this process"
	}
	return redact(b.cfg.Servers)
}

// Follow implements bus.Log.
func (b *Bus) Follow(ctx context.Context, room string, f bus.Follower) (uint64, bus.Subscription, error) {
	if b.isClosed() {
		return 0, nil, bus.ErrClosed
	}
	return b.engine.Follow(ctx, room, f)
}

// Heads implements bus.Log.
func (b *Bus) Heads(ctx context.Context, rooms []string) ([]bus.Head, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	return b.engine.Heads(ctx, rooms)
}

// Watch implements bus.Log.
func (b *Bus) Watch(ctx context.Context, w bus.Watcher) (bus.Subscription, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	return b.engine.Watch(ctx, w)
}

// link is the life of the main connection: a context that ends when it is lost.
type link struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// up returns the context of the connection as it is now.
func (l *link) up() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
	}
	return l.ctx
}

// cut ends that context; the next up returns another.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
		l.ctx, l.cancel = nil, nil
	}
}

// attempt returns a context for one request to the server: it ends after a while, since a reply may
// be lost, and when the connection is lost, since the reply then is.
func (b *Bus) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	stop := context.AfterFunc(b.link.up(), cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

func redact(servers string) string {
	var out []string
	for s := range strings.SplitSeq(servers, ",") {
		if scheme, rest, ok := strings.Cut(s, "://"); ok {
			if i := strings.LastIndexByte(rest, '@'); i >= 0 {
				s = scheme + "://" + rest[i+1:]
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, ",")
}
