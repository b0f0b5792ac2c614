package busbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/services/hubbub/check"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// Crash holds the flags of `hubbub crash-bus`.
type Crash struct {
	Bus     string `help:"Bus whose server is killed: redis or nats, with the settings that we ship." default:"redis" enum:"redis,nats"`
	Count   int    `help:"Entries to append." default:"1000000"`
	Kills   int    `help:"Times that the server is killed with -9, at random moments." default:"20"`
	Senders int    `help:"Senders that append at the same time, each one entry at a time." default:"1000"`
	Rooms   int    `help:"Rooms that they append to." default:"100"`
	Seed    uint64 `help:"Seed of all random choices." default:"1"`
	Bin     string `help:"Folder of nats-server; empty: build it first, with Go." placeholder:"DIR"`
}

// Validate returns what is wrong with the configuration, a line for each flag.
func (c *Crash) Validate() error {
	var f check.Flags
	check.Within(&f, "count", c.Count, 1, 1_000_000_000)
	check.Within(&f, "kills", c.Kills, 0, max(0, c.Count))
	check.Within(&f, "senders", c.Senders, 1, 1_000_000)
	check.Within(&f, "rooms", c.Rooms, 1, 1_000_000)
	if c.Bus == cluster.NATS {
		f.Add(cluster.CheckBin(c.Bin, "nats-server"))
	}
	return f.Err()
}

// ErrCrash says that the log is not what was acknowledged.
var ErrCrash = errors.New("the log is not what was acknowledged")

// sender appends entries, one at a time, each until it is acknowledged.
type sender struct {
	room, name string
	acked      []uint64 // seqs, indexed by the entry's id
}

// Execute implements daemon.Tool.
func (c *Crash) Execute(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "hubbub-crash-bus-")
	if err != nil {
		return fmt.Errorf("folder of the server: %w", err)
	}
	defer os.RemoveAll(dir)
	var bin string
	if c.Bus == cluster.NATS {
		if bin, err = cluster.Bin(ctx, c.Bin, "nats-server"); err != nil {
			return err
		}
	}
	server, url, err := cluster.StartBus(ctx, c.Bus, bin, dir)
	if err != nil {
		return err
	}
	defer server.Kill()
	b, err := busurl.Open(ctx, busurl.Config{
		Bus: url, BusMaxAge: 24 * time.Hour, BusMaxBytes: 8 << 30, BusPartitions: 16, BusReplicas: 1, BusTimeout: 10 * time.Second,
	}, zap.NewNop(), nil, nil)
	if err != nil {
		return err
	}
	defer b.Close()

	senders := make([]*sender, c.Senders)
	names := rooms(c.Rooms)
	for i := range senders {
		senders[i] = &sender{room: names[i%len(names)], name: fmt.Sprint("sender", i)}
	}
	began := time.Now()
	if err := c.append(ctx, b, server, senders, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d entries appended on %s in %s, %d kills; reading the log …\n", c.Count, c.Bus, time.Since(began).Round(time.Second), c.Kills)
	return judge(ctx, b, senders, names, out)
}

// append lets the senders append c.Count entries, and kills the server now and then.
func (c *Crash) append(ctx context.Context, b bus.Interface, server *cluster.Process, senders []*sender, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken, acked, repeated atomic.Int64
	var wait sync.WaitGroup
	for _, s := range senders {
		wait.Go(func() {
			for taken.Add(1) <= int64(c.Count) {
				seq, err := s.append(ctx, b, &repeated)
				if err != nil {
					cancel(err)
					return
				}
				s.acked = append(s.acked, seq)
				acked.Add(1)
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()

	rng := rand.New(rand.NewPCG(c.Seed, 4))
	var at []int64
	for range c.Kills {
		at = append(at, rng.Int64N(int64(c.Count)))
	}
	slices.Sort(at)
	for i, n := range at {
		for acked.Load() < n && ctx.Err() == nil && !over(done) {
			time.Sleep(time.Millisecond)
		}
		server.Kill()
		if err := server.Start(ctx); err != nil {
			cancel(err)
			break
		}
		fmt.Fprintf(out, "kill %d of %d after %d acknowledged entries; %d repeats so far\n", i+1, c.Kills, acked.Load(), repeated.Load())
	}
	<-done
	return context.Cause(ctx)
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// append appends the sender's next entry, and retries while its outcome is unknown.
func (s *sender) append(ctx context.Context, b bus.Log, repeated *atomic.Int64) (uint64, error) {
	e := bus.NewEntry{Room: s.room, Sender: s.name, ID: fmt.Sprint(len(s.acked)), Data: make([]byte, 100)}
	for {
		a, err := bus.Append(ctx, b, e)
		if err == nil {
			return a.Seq, nil
		}
		if !errors.Is(err, bus.ErrUnavailable) || ctx.Err() != nil {
			return 0, fmt.Errorf("append: %w", err)
		}
		repeated.Add(1)
	}
}

// judge compares the log with what was acknowledged.
func judge(ctx context.Context, b bus.Log, senders []*sender, names []string, out io.Writer) error {
	of := make(map[string]*sender, len(senders))
	for _, s := range senders {
		of[s.name] = s
	}
	// how many of a sender's entries the log has had so far
	seen := make(map[string]int, len(senders))
	lost, doubled, misordered, total := 0, 0, 0, 0
	for _, room := range names {
		for at := (bus.Position{}); ; {
			got, err := b.Replay(ctx, room, at, 1000)
			if err != nil {
				return fmt.Errorf("read room %s: %w", room, err)
			}
			for _, e := range got.Entries {
				total++
				s, n := of[e.Sender], seen[e.Sender]
				id, err := strconv.Atoi(e.ID)
				switch {
				case s == nil || err != nil:
					return fmt.Errorf("room %s has an entry of an unknown sender: %s %s", room, e.Sender, e.ID)
				case id < n:
					doubled++
				case id == n && n < len(s.acked) && e.Seq == s.acked[n]:
					seen[e.Sender]++
				default:
					misordered++
				}
			}
			if !got.More {
				break
			}
			last := got.Entries[len(got.Entries)-1]
			at = bus.Position{Seq: last.Seq, ID: last.ID}
		}
	}
	for _, s := range senders {
		lost += len(s.acked) - seen[s.name]
	}
	fmt.Fprintf(out, "%d entries in the log: %d lost, %d doubled, %d out of order\n", total, lost, doubled, misordered)
	if lost+doubled+misordered > 0 {
		return ErrCrash
	}
	return nil
}
