package busbench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// ingestRooms is the number of rooms of a backlog: several for each partition.
	ingestRooms = 64
	// ingestQuiet is how long a consumer group may stand still before the measurement is given up.
	ingestQuiet = time.Minute
)

// ingest is how fast a consumer group consumed a backlog.
type ingest struct {
	rate  float64       // entries per second
	pause time.Duration // the longest time in which a room with entries left got none
}

// backlog appends entries, and then lets a new group consume the whole log, as history does after
// it was away.
func (c *Config) backlog(ctx context.Context, from, to bus.Interface) (ingest, error) {
	names := rooms(ingestRooms)
	if err := c.fill(ctx, from, names); err != nil {
		return ingest{}, err
	}
	t := taking{want: c.Backlog, last: make(map[string]time.Time), done: make(chan struct{})}
	for _, name := range names {
		t.last[name] = time.Time{}
	}
	consuming, cancel := context.WithCancel(ctx)
	defer cancel()
	group := "bench-" + chat.NewID()
	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		ended <- to.Consume(consuming, group, func(_ context.Context, batch []bus.Entry) error {
			t.record(batch, time.Now())
			return nil
		})
	}()
	got, err := t.wait(ctx, ended)
	took := time.Since(began)
	cancel()
	if err != nil {
		return ingest{}, err
	}
	if err := <-ended; err != nil {
		return ingest{}, err
	}
	if err := to.Retire(ctx, group); err != nil {
		return ingest{}, err
	}
	return ingest{float64(got) / took.Seconds(), t.pause}, nil
}

// fill appends the backlog.
func (c *Config) fill(ctx context.Context, b bus.Interface, names []string) error {
	var wait sync.WaitGroup
	var failed atomic.Pointer[error]
	free := make(chan struct{}, c.InFlight)
	for i := range c.Backlog {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if failed.Load() != nil {
			break
		}
		wait.Add(1)
		e := bus.NewEntry{Room: names[i%len(names)], Sender: "sender" + strconv.Itoa(i), ID: "1", Data: make([]byte, 100)}
		b.Append(e, func(_ bus.Appended, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			<-free
			wait.Done()
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("append a backlog: %w", *err)
	}
	return nil
}

// taking counts the entries that a group consumes.
type taking struct {
	mu    sync.Mutex
	want  int                  // entries in the rooms of the backlog
	taken int                  // of these, those consumed
	all   int                  // all entries consumed, with those that the log had before
	last  map[string]time.Time // by room: when it last got something
	pause time.Duration
	done  chan struct{} // closed when all of the rooms' entries are consumed
}

func (t *taking) record(batch []bus.Entry, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all += len(batch)
	for _, e := range batch {
		last, ok := t.last[e.Room]
		if !ok {
			continue
		}
		if !last.IsZero() {
			t.pause = max(t.pause, now.Sub(last))
		}
		t.last[e.Room] = now
		if t.taken++; t.taken == t.want {
			close(t.done)
		}
	}
}

func (t *taking) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

// wait waits until the group has consumed the rooms' entries, and returns how many it consumed in
// all.
func (t *taking) wait(ctx context.Context, ended <-chan error) (int, error) {
	for before := -1; ; {
		select {
		case <-t.done:
			return t.count(), nil
		case err := <-ended:
			return 0, fmt.Errorf("consuming has ended: %w", err)
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(ingestQuiet):
		}
		now := t.count()
		if now == before {
			return 0, fmt.Errorf("the group got nothing for %s though it has a backlog", ingestQuiet)
		}
		before = now
	}
}
