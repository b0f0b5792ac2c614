// Package redisbus keeps the bus contract on Redis, from version 7 of the server on. It owns the
// keys, the scripts that change them, retention, and what consumers have read; it knows nothing of
// what the entries mean.
//
// # Keys, for the prefix hub and partition 3
//
// A room is in one partition, by a hash of its id. All keys of a partition share the hash tag {3},
// so one script may change them at once, on a Redis Cluster too.
//
//	hub:{3}:log            stream of every entry: id <Seq>-0, r the room, t when (s). Consumers read it
//	hub:{3}:data           hash: Seq -> sender, id and content
//	hub:{3}:room:<room>    sorted set: the Seqs of a room. Replay reads it, and then data, in one script
//	hub:{3}:heads          hash: room -> its last Seq, that entry's id, and the last Seq that retention took
//	hub:{3}:gone           sorted set: Seqs that Remove has erased and that retention has not come to
//	hub:{3}:meta           hash: first Seq ever, last Seq, floor (Advance), bytes, full, trimmed (Seq that retention has come to)
//	hub:{3}:once:<key>     Seq of an entry by its idempotence key, for 2 minutes
//	hub:{3}:read           hash: group -> the Seq that it has consumed up to
//	hub:{3}:lease:<group>  which member of a group reads the partition; expires
//	hub:{3}:dead:<group>   stream: dead letters
//	hub:{3}:again:<group>  stream: dead letters that were put back and are to be handed over again
//	hub:{3}:live:<room>    channel: entries of a room, published by the script that appends
//	hub:{3}:personal       channel: entries of all personal rooms of the partition (see Config.Personal)
//	hub:{3}:fence          a number that is written before replicas are waited for
//	hub:{3}:never          is never made; see keys.never
//	hub:{0}:config         hash: version, partitions
//	hub:{0}:groups         set: the required groups
//
// Names that are no rooms belong to a partition in the same way:
//
//	hub:{3}:members:<group>   sorted set: the members of a group, by when they were last heard of
//	hub:{3}:serve:<service>   set: who serves a service
//	hub:{3}:chan:<channel>    channel: ephemeral messages
//	hub:{3}:rpc:<server>      channel: requests to one of those who serve; the partition is the service's
//	hub:{3}:reply:<bus>       channel: replies to one bus
//	hub:{3}:probe:<bus>:...   channel: probes
//
// Every command and script is about one partition, and so about one slot of a Redis Cluster.
//
// # Why data is not in the stream
//
// A room's entries have to be found without reading those of its partition's other rooms, a deleted
// entry's content has to leave the server's memory, and a room must cost little: a server has a
// million. A stream per room allocates 4 KiB with its first entry; deleting from a stream only
// marks. A sorted set of Seqs costs 20 bytes per entry for rooms of up to 128 entries (100 for
// larger ones), a hash 80 bytes, and a whole page of a room is two commands.
//
// Per room the server keeps some 150 bytes for ever (heads): so a room that was quiet for longer
// than the log reaches is still known to have nothing new. Per entry it keeps about 250 bytes
// besides the content while the entry is in the log, and 150 more for the 2 minutes of its
// idempotence key.
//
// # Connections
//
// Two are subscribed, one to the rooms, one to everything else, so that a flood of live entries
// delays neither requests nor replies; on a cluster it is two for each partition. Reading
// partitions has connections of its own, since it blocks. The rest shares a pool for each server.
// Who the servers are is asked of the Sentinels or the cluster; see topology.
package redisbus

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/chat"
)

// Config says which server to use and how. Zero fields stand for the defaults beside them.
type Config struct {
	// URL names the server: redis://user:password@host:6379/db, or its Sentinels,
	// redis+sentinel://host1:26379,host2/master (with ?db=, sentinel_username=,
	// sentinel_password=), or nodes of a cluster, redis+cluster://host1:6379,host2. With rediss in
	// the place of redis all connections use TLS.
	URL    string
	TLS    *tls.Config // for TLS: added to what the URL says; nil: the system's certificates
	Name   string      // "hubbub": this process's name in the server's list of connections
	Prefix string      // "hub": all keys and channels begin with it
	// 16: how many parts consumers share the log by; fixed when the log is created
	Partitions int
	// Replicas is how many servers have an entry before it is acknowledged: the master and
	// Replicas-1 more (WAIT). An append that too few replicas confirm fails with
	// bus.ErrUnavailable; the master may keep it all the same. Default: 1.
	Replicas int
	// Keep is how long this process buffers an entry after its acknowledgement, in full seconds, so
	// that it can append the entry again if the log turns out to have lost it; KeepBytes bounds the
	// memory for that. Keep is well below bus.DedupeWindow, within which the server recognises a
	// repeat. 0: nothing is buffered.
	Keep      time.Duration
	KeepBytes int64         // 32 MiB
	MaxAge    time.Duration // 24 h: entries are kept for at least this long,
	MaxBytes  int64         // 1 GiB: unless the log grows beyond this many bytes
	// Default: none. Which rooms are personal (see bus.Log.Watch). It is the same in every process
	// and release, since channels depend on it.
	Personal func(room string) bool
	// required consumer groups: entries that they have not consumed are never trimmed
	Groups []string
	// default bus.DedupeWindow, and only tests shorten it: how long a repeated Append is recognised
	Dedupe time.Duration

	OpenTimeout time.Duration // 10 s: how long Open waits for the server
	TrimEvery   time.Duration // 10 s: how often the bus applies retention
	// 2 s: how often consumers renew their leases and look for more; leases last 4 times as long
	MemberEvery time.Duration
	Follow      follow.Options // options of the engine; Open sets Log and Metrics
}

func (c *Config) setDefaults() {
	c.Name = cmp.Or(c.Name, "hubbub")
	c.Prefix = cmp.Or(c.Prefix, "hub")
	c.Partitions = cmp.Or(c.Partitions, 16)
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.KeepBytes = cmp.Or(c.KeepBytes, 32<<20)
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

func (c *Config) check() error {
	if err := bus.CheckName(c.Prefix); err != nil {
		return fmt.Errorf("prefix of the keys: %w", err)
	}
	if err := bus.CheckName(c.Groups...); err != nil {
		return fmt.Errorf("required groups: %w", err)
	}
	if c.Partitions < 1 || c.Replicas < 1 {
		return errors.New("partitions and replicas have to be 1 or more")
	}
	if c.Keep < 0 || c.Keep > bus.DedupeWindow/2 {
		return fmt.Errorf("what was acknowledged is kept for 0s to %s", bus.DedupeWindow/2)
	}
	return nil
}

// Driver is a driver.Driver on Redis.
type Driver struct {
	servers
	reg      prometheus.Registerer
	id       string      // identifies this bus among all that use the server
	host     driver.Host // set by Open
	rooms    *subConns   // the live entries of followed rooms
	personal *personal
	channels *subConns // all other subscriptions
	appends  *appender
	outbox   *outbox // Publish
	replies  *outbox // of Serve, apart from Publish, which may be flooded
	calls    *calls

	wg sync.WaitGroup // background goroutines of Open
}

var _ driver.Driver = (*Driver)(nil)

// Open connects, checks the server and its settings, and starts what works in the background. It
// fails within cfg.OpenTimeout or a moment later, with a sentence that says what to do, and one of
// the kinds of ErrURL and so on, or bus.ErrUnavailable. log and reg may be nil.
func Open(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer) (*bus.Bus, error) {
	d, err := New(cfg, log, reg)
	if err != nil {
		return nil, err
	}
	return d.open(ctx)
}

// open opens the bus over the driver.
func (b *Driver) open(ctx context.Context) (*bus.Bus, error) {
	opts := b.cfg.Follow
	opts.Personal = b.cfg.Personal
	return bus.Open(ctx, b, bus.Options{
		Log: b.log, Registerer: b.reg, Metrics: b.metrics.Bus, Follow: opts, TrimEvery: b.cfg.TrimEvery, MemberEvery: b.cfg.MemberEvery,
	})
}

// New returns a driver that is not open yet, for bus.Open, or for a driver composed of several.
func New(cfg Config, log *zap.Logger, reg prometheus.Registerer) (*Driver, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	e, err := parseURL(cfg)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = zap.NewNop()
	}
	quiet()
	return &Driver{
		servers: servers{
			cfg: cfg, log: log, keys: newKeys(cfg.Prefix, e.options.DB, cfg.Partitions, cfg.Personal),
			endpoint: e, clients: newClients(e.options), metrics: newMetrics(reg),
		},
		reg: reg,
		id:  chat.NewID(),
	}, nil
}

// Open implements driver.Driver.
func (b *Driver) Open(ctx context.Context, h driver.Host) error {
	b.attach(h)
	b.locate()
	parts := 1 // each of which may move by itself
	if b.endpoint.kind == onCluster {
		parts = b.cfg.Partitions
	}
	b.rooms = newSubConns(b, "rooms", parts)
	b.channels = newSubConns(b, "channels", parts)
	b.appends = newAppender(b, max(parts, lanes))
	ctx, cancel := context.WithTimeout(ctx, b.cfg.OpenTimeout)
	defer cancel()
	return b.start(ctx)
}

// attach creates the parts of the driver that need no server.
func (b *Driver) attach(h driver.Host) {
	b.host = h
	b.retry = driver.Retry{Life: h.Life, Final: permanent, Full: isFull, Failed: b.look, Attempt: attempt}
	b.personal = newPersonal(b)
	b.outbox, b.replies = newOutbox(b), newOutbox(b)
	b.calls = newCalls(b)
}

// attempt returns the context of one try.
func attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, attemptTimeout)
}

// Retry implements driver.Driver.
func (b *Driver) Retry() *driver.Retry { return &b.retry }

// start checks the server and starts the background goroutines.
func (b *Driver) start(ctx context.Context) error {
	if err := b.connect(ctx); err != nil {
		return err
	}
	if err := b.ensureLog(ctx); err != nil {
		return err
	}
	suspect := func(reason string) {
		b.appends.verify()
		b.host.Suspect(reason)
	}
	life := b.host.Life
	b.rooms.on(suspect, func() { suspect("the connection is back") })
	b.channels.on(func(string) {}, b.calls.announce)
	if b.topology.find != nil {
		b.wg.Go(func() { b.topology.run(life, b.moved) })
	}
	b.wg.Go(func() { b.rooms.run(life) })
	b.wg.Go(func() { b.channels.run(life) })
	b.wg.Go(func() { b.outbox.run(life) })
	b.wg.Go(func() { b.replies.run(life) })
	b.wg.Go(func() { b.calls.run(life) })
	b.appends.start(life)
	err := b.subscribeProbes(ctx)
	if err == nil {
		err = b.calls.subscribe(ctx)
	}
	if err != nil {
		return b.explain(err)
	}
	return nil
}

// Close implements driver.Driver.
func (b *Driver) Close() {
	b.appends.wg.Wait()
	b.wg.Wait()
	b.clients.close()
	if b.sentinels != nil {
		b.sentinels.close()
	}
}
