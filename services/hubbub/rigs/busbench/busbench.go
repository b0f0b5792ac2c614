// Package busbench measures a bus: how many entries it appends, how soon they are live, and how
// fast they can be read again.
//
// It uses the drivers of the services; it knows no chat message.
package busbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/check"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// Config holds the flags of `hubbub bench-bus`.
type Config struct {
	URL      []string      `help:"Buses to measure, by URL, separated by commas. They should be empty: the appended entries stay in the log. Without a URL, the command starts a Redis and a NATS server, with the settings that we ship." placeholder:"URL"`
	Duration time.Duration `help:"How long each measurement takes." default:"3s"`
	InFlight int           `help:"Senders that append at the same time, each one entry at a time." default:"1000"`
	Rate     int           `help:"Entries per second for the measurement of the time until they are live." default:"1000"`
	Backlog  int           `help:"Entries that a consumer group finds at its start, as history does after it was away." default:"500000"`
	Bin      string        `help:"Folder of nats-server; empty: build it first, with Go." placeholder:"DIR"`
}

// Validate returns what is wrong with the configuration, a line for each flag.
func (c *Config) Validate() error {
	var f check.Flags
	for _, url := range c.URL {
		bus := options(url)
		if err := bus.Validate(); err != nil {
			f.Add(errors.New(strings.ReplaceAll(err.Error(), "--bus ", "--url ")))
		}
	}
	check.Within(&f, "duration", c.Duration, 10*time.Millisecond, time.Hour)
	check.Within(&f, "in-flight", c.InFlight, 1, 1_000_000)
	check.Within(&f, "rate", c.Rate, 1, 10_000_000)
	check.Within(&f, "backlog", c.Backlog, 1, 1_000_000_000)
	if len(c.URL) == 0 {
		f.Add(cluster.CheckBin(c.Bin, "nats-server"))
	}
	return f.Err()
}

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	urls, stop, err := c.servers(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var all []result
	for _, url := range urls {
		fmt.Fprintf(out, "measuring %s …\n", hostOf(url))
		r, err := c.measure(ctx, url)
		if err != nil {
			return err // which names the bus
		}
		all = append(all, r)
	}
	printTable(out, all)
	return nil
}

// servers returns the URLs to measure. Without configured ones it starts servers, which run until
// stop.
func (c *Config) servers(ctx context.Context) (urls []string, stop func(), err error) {
	if len(c.URL) > 0 {
		return c.URL, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "hubbub-bench-bus-")
	if err != nil {
		return nil, nil, fmt.Errorf("folder of the servers: %w", err)
	}
	var running []*cluster.Process
	end := func() {
		for _, p := range running {
			p.Kill()
		}
		_ = os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	bin, err := cluster.Bin(ctx, c.Bin, "nats-server")
	if err != nil {
		return nil, nil, err
	}
	for _, kind := range []string{cluster.Redis, cluster.NATS} {
		p, url, err := cluster.StartBus(ctx, kind, bin, dir)
		if err != nil {
			return nil, nil, err
		}
		running = append(running, p)
		urls = append(urls, url)
	}
	return urls, end, nil
}

// shape is the number of rooms that entries go to, and their size.
type shape struct{ rooms, bytes int }

var shapes = []shape{{1, 100}, {16, 100}, {1000, 100}, {1, 4096}, {16, 4096}, {1000, 4096}}

// result holds the measurements of a bus.
type result struct {
	url     string
	appends map[shape]float64 // per second
	steady  latencies         // from append to live, at the rate that was asked for
	full    latencies         // the same while all senders append
	replay  float64           // entries per second
	ingest  ingest            // of a backlog
	allocs  allocations
	weight  *weight // nil: unknown, since only the server itself could tell
}

type latencies struct{ p50, p99, p999 time.Duration }

func (c *Config) measure(ctx context.Context, url string) (result, error) {
	r := result{url: url, appends: make(map[shape]float64)}
	open := func() (bus.Interface, error) { return busurl.Open(ctx, options(url), zap.NewNop(), nil, nil) }
	from, err := open() // first, since its error says best why a bus cannot be used
	if err != nil {
		return r, err
	}
	defer from.Close()
	// before anything is appended, because weigh deletes the keys of entries
	if r.weight, err = c.weigh(ctx, url); err != nil {
		return r, err
	}
	to, err := open()
	if err != nil {
		return r, err
	}
	defer to.Close()
	// Before there is data that the server would write to the disk meanwhile.
	if r.steady, err = c.live(ctx, from, to, c.steady); err != nil {
		return r, err
	}
	if err := r.allocs.count(ctx, from, to, min(weighed, int(c.Duration/time.Microsecond))); err != nil {
		return r, err
	}
	if r.ingest, err = c.backlog(ctx, from, to); err != nil { // before the log is long
		return r, err
	}
	for _, s := range shapes {
		if r.appends[s], err = c.flood(ctx, from, rooms(s.rooms), s.bytes, nil); err != nil {
			return r, err
		}
	}
	saturate := func(ctx context.Context, b bus.Interface, names []string, stamp func([]byte)) error {
		_, err := c.flood(ctx, b, names, 100, stamp)
		return err
	}
	if r.full, err = c.live(ctx, from, to, saturate); err != nil {
		return r, err
	}
	r.replay, err = c.replay(ctx, from)
	return r, err
}

// options returns the configuration of a measured bus.
func options(url string) busurl.Config {
	return busurl.Config{
		Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 8 << 30, BusPartitions: 16, BusReplicas: 1, BusTimeout: 10 * time.Second,
	}
}

// weigh measures the memory that a server needs: the one at the URL if it is Redis, or an embedded
// one for NATS.
func (c *Config) weigh(ctx context.Context, url string) (*weight, error) {
	var s scale
	var stop func()
	var err error
	open := func() (bus.Interface, error) { return busurl.Open(ctx, options(url), zap.NewNop(), nil, nil) }
	switch {
	case isNATS(url):
		var server nats.InProcessConnProvider
		s, server, stop, err = natsScale(4 * c.Duration)
		cfg := options("embedded:bench")
		cfg.Embed = func(string, *zap.Logger) (nats.InProcessConnProvider, func(), error) { return server, func() {}, nil }
		open = func() (bus.Interface, error) { return busurl.Open(ctx, cfg, zap.NewNop(), nil, nil) }
	case strings.HasPrefix(url, "redis://"), strings.HasPrefix(url, "rediss://"):
		s, stop, err = redisScale(url)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer stop()
	w, err := s.weigh(ctx, open)
	return &w, err
}

func rooms(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "bench-" + chat.NewID()
	}
	return names
}

// flood lets all senders append, each one entry at a time, and returns the appends per second.
func (c *Config) flood(ctx context.Context, b bus.Interface, names []string, bytes int, stamp func([]byte)) (float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Duration, errEnough)
	defer cancel()
	var appended atomic.Int64
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	began := time.Now()
	for i := range c.InFlight {
		wait.Add(1)
		data := make([]byte, bytes)
		e := bus.NewEntry{Room: names[i%len(names)], Sender: fmt.Sprint("sender", i), Data: data}
		var next func()
		next = func() {
			e.ID = chat.NewID()
			if stamp != nil {
				stamp(e.Data)
			}
			b.Append(e, func(_ bus.Appended, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				} else {
					appended.Add(1)
				}
				if err != nil || ctx.Err() != nil {
					wait.Done()
					return
				}
				next()
			})
		}
		next()
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("append: %w", *err)
	}
	if !errors.Is(context.Cause(ctx), errEnough) {
		return 0, ctx.Err()
	}
	return float64(appended.Load()) / time.Since(began).Seconds(), nil
}

// errEnough is the cause with which a measurement ends.
var errEnough = errors.New("measured for long enough")

// steady appends at a fixed rate.
func (c *Config) steady(ctx context.Context, b bus.Interface, names []string, stamp func([]byte)) error {
	var wait sync.WaitGroup
	var failed atomic.Pointer[error]
	began := time.Now()
	for i := range int(c.Duration.Seconds() * float64(c.Rate)) {
		// Wait until the entry is due; a late one does not delay the others.
		if d := time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(c.Rate))); d > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
			}
		}
		data := make([]byte, 100)
		stamp(data)
		wait.Add(1)
		b.Append(bus.NewEntry{Room: names[i%len(names)], Sender: fmt.Sprint("sender", i), ID: chat.NewID(), Data: data}, func(_ bus.Appended, err error) {
			defer wait.Done()
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("append: %w", *err)
	}
	return nil
}

// arrivalTimeout is how long acknowledged entries may take to arrive.
const arrivalTimeout = time.Minute

// listener measures how late entries are.
type listener struct {
	mu    sync.Mutex
	times *hdrhistogram.Histogram // µs
}

var _ bus.Follower = (*listener)(nil)

// Entry implements bus.Follower.
func (l *listener) Entry(e bus.Entry) {
	at, ok := stampOf(e.Data)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.times.RecordValue(max(1, time.Since(at).Microseconds()))
}

func (l *listener) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times.TotalCount()
}

// Rewound implements bus.Follower.
func (l *listener) Rewound(string, uint64) {}

// Missed implements bus.Follower.
func (l *listener) Missed(string, uint64) {}

// live measures the time from an append on one bus to the delivery on another, in 100 rooms.
func (c *Config) live(ctx context.Context, from, to bus.Interface, load func(context.Context, bus.Interface, []string, func([]byte)) error) (latencies, error) {
	l := &listener{times: hdrhistogram.New(1, 60_000_000, 3)}
	names := rooms(100)
	for _, name := range names {
		_, sub, err := to.Follow(ctx, name, l)
		if err != nil {
			return latencies{}, err
		}
		defer sub.Stop()
	}
	var sent atomic.Int64
	err := load(ctx, from, names, func(data []byte) {
		sent.Add(1)
		putStamp(data)
	})
	if err != nil {
		return latencies{}, err
	}
	// The entries that arrive last took longest: without them the percentiles would be too good.
	for end := time.Now().Add(arrivalTimeout); l.count() < sent.Load(); {
		select {
		case <-ctx.Done():
			return latencies{}, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(end) {
			return latencies{}, fmt.Errorf("%d of %d entries did not arrive live within %s", sent.Load()-l.count(), sent.Load(), arrivalTimeout)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(p float64) time.Duration { return time.Duration(l.times.ValueAtPercentile(p)) * time.Microsecond }
	return latencies{at(50), at(99), at(99.9)}, nil
}

// replay reads a room of 1,000 entries again and again.
func (c *Config) replay(ctx context.Context, b bus.Interface) (float64, error) {
	name := rooms(1)[0]
	var wait sync.WaitGroup
	var failed atomic.Pointer[error]
	for i := range 1000 {
		wait.Add(1)
		b.Append(bus.NewEntry{Room: name, Sender: fmt.Sprint("sender", i), ID: "1", Data: make([]byte, 100)}, func(_ bus.Appended, err error) {
			defer wait.Done()
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("append: %w", *err)
	}
	n, began := 0, time.Now()
	for time.Since(began) < c.Duration {
		got, err := b.Replay(ctx, name, bus.Position{}, 1000)
		if err != nil {
			return 0, err
		}
		if len(got.Entries) != 1000 {
			return 0, fmt.Errorf("replay returned %d of 1,000 entries", len(got.Entries))
		}
		n += len(got.Entries)
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
