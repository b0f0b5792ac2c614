package busbench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsembed"
)

// weight is what a server needs in memory, in bytes.
type weight struct {
	room float64 // for a room with one entry, besides the entry itself
	id   float64 // for the key of an entry, while the server recognizes repeats of it
}

// weighed is how many rooms, and how many keys, are weighed together.
const weighed = 20_000

// scale reads how much memory a server uses, and deletes the keys of entries.
type scale struct {
	used   func(ctx context.Context) (float64, error)
	forget func(ctx context.Context) (keys int, err error)
}

// weigh appends entries to few rooms, then as many entries to as many rooms, and at last deletes
// the keys of all of them. It opens a bus with open for each round of appends, and closes it.
func (s scale) weigh(ctx context.Context, open func() (bus.Interface, error)) (weight, error) {
	var used [4]float64
	for i, names := range [][]string{nil, rooms(16), rooms(weighed)} {
		if names != nil {
			b, err := open()
			if err != nil {
				return weight{}, err
			}
			err = fill(ctx, b, names, weighed)
			_ = b.Close()
			if err != nil {
				return weight{}, err
			}
		}
		var err error
		if used[i], err = s.used(ctx); err != nil {
			return weight{}, err
		}
	}
	keys, err := s.forget(ctx)
	if err != nil {
		return weight{}, err
	}
	if used[3], err = s.used(ctx); err != nil {
		return weight{}, err
	}
	entries, more := used[1]-used[0], used[2]-used[1]
	return weight{room: (more - entries) / weighed, id: (used[2] - used[3]) / float64(keys)}, nil
}

// fill appends n entries of 100 bytes, each with its own sender and id.
func fill(ctx context.Context, b bus.Log, names []string, n int) error {
	data := make([]byte, 100)
	var failed atomic.Pointer[error]
	var wait sync.WaitGroup
	slots := make(chan struct{}, 1000)
	appended := func(_ bus.Appended, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
		<-slots
		wait.Done()
	}
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wait.Add(1)
		b.Append(bus.NewEntry{Room: names[i%len(names)], Sender: "sender-" + strconv.Itoa(i), ID: "id-" + strconv.Itoa(i), Data: data}, appended)
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("append: %w", *err)
	}
	return nil
}

// redisScale weighs a redis-server by what its INFO reports.
func redisScale(url string) (s scale, stop func(), err error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return s, nil, err
	}
	c := redis.NewClient(o)
	s.used = func(ctx context.Context) (float64, error) {
		m, err := c.InfoMap(ctx, "memory").Result()
		if err != nil {
			return 0, err
		}
		used := 0.0
		for field, sign := range map[string]float64{"used_memory": 1, "mem_clients_normal": -1, "mem_aof_buffer": -1} {
			n, err := strconv.ParseFloat(m["Memory"][field], 64)
			if err != nil {
				return 0, fmt.Errorf("memory of the server: %w", err)
			}
			used += sign * n
		}
		return used, nil
	}
	s.forget = func(ctx context.Context) (n int, err error) {
		keys := c.Scan(ctx, 0, "hub:*:once:*", 1000).Iterator()
		pipe := c.Pipeline()
		for keys.Next(ctx) {
			pipe.Del(ctx, keys.Val())
			n++
		}
		if keys.Err() != nil {
			return 0, keys.Err()
		}
		_, err = pipe.Exec(ctx)
		return n, err
	}
	return s, func() { _ = c.Close() }, nil
}

// natsScale starts a nats-server in this process and weighs it by the heap after a garbage
// collection: a server in another process tells how much memory it has, not how much it needs.
func natsScale(settle time.Duration) (s scale, server nats.InProcessConnProvider, stop func(), err error) {
	dir, err := os.MkdirTemp("", "hubbub-bench-bus-")
	if err != nil {
		return s, nil, nil, fmt.Errorf("folder of the server: %w", err)
	}
	n, err := natsembed.Start(natsembed.Options{Dir: dir, Port: natsembed.NoListener})
	if err != nil {
		_ = os.RemoveAll(dir)
		return s, nil, nil, err
	}
	stop = func() {
		n.Shutdown()
		_ = os.RemoveAll(dir)
	}
	s.used = func(ctx context.Context) (float64, error) {
		select {
		case <-time.After(settle): // the server also keeps recent writes in memory for a while
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc), nil
	}
	s.forget = func(ctx context.Context) (int, error) {
		c, err := nats.Connect("", nats.InProcessServer(n))
		if err != nil {
			return 0, err
		}
		defer c.Close()
		js, err := jetstream.New(c)
		if err != nil {
			return 0, err
		}
		stream, err := js.Stream(ctx, "HUB")
		if err != nil {
			return 0, err
		}
		cfg := stream.CachedInfo().Config
		cfg.Duplicates = 100 * time.Millisecond
		_, err = js.UpdateStream(ctx, cfg)
		return 2 * weighed, err
	}
	return s, n, stop, nil
}

// allocations counts what a driver and its client library allocate for an append, and for each live
// delivery of one.
type allocations struct{ append, live float64 }

// arrivals counts the entries that arrive.
type arrivals struct{ n atomic.Int64 }

var _ bus.Follower = (*arrivals)(nil)

// Entry implements bus.Follower.
func (a *arrivals) Entry(bus.Entry) { a.n.Add(1) }

// Rewound implements bus.Follower.
func (a *arrivals) Rewound(string, uint64) {}

// Missed implements bus.Follower.
func (a *arrivals) Missed(string, uint64) {}

// count appends the same entries twice, the second time while another bus follows the rooms.
func (a *allocations) count(ctx context.Context, from, to bus.Interface, n int) error {
	mallocs := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Mallocs
	}
	run := func(names []string) (float64, error) {
		before := mallocs()
		err := fill(ctx, from, names, n)
		return float64(mallocs()-before) / float64(n), err
	}
	var err error
	if a.append, err = run(rooms(16)); err != nil {
		return err
	}
	names, arrived := rooms(16), &arrivals{}
	for _, name := range names {
		_, sub, err := to.Follow(ctx, name, arrived)
		if err != nil {
			return err
		}
		defer sub.Stop()
	}
	before := mallocs()
	if err := fill(ctx, from, names, n); err != nil {
		return err
	}
	for arrived.n.Load() < int64(n) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	a.live = float64(mallocs()-before)/float64(n) - a.append
	a.append -= own
	return nil
}

// own is what fill itself allocates for an append: the sender and the id.
const own = 2

// isNATS reports whether a bus is NATS, by its URL.
func isNATS(url string) bool {
	return strings.HasPrefix(url, "nats:") || strings.HasPrefix(url, "tls:")
}
