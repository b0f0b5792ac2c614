package redisbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/redisbus"
)

const patience = time.Minute

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for this: %s", patience, what)
		}
	}
}

// put appends n entries to a room, the ids from first on, and returns their Seqs.
func put(t testing.TB, b bus.Log, room string, first, n int) []uint64 {
	t.Helper()
	var seqs []uint64
	for i := first; i < first+n; i++ {
		a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: fmt.Sprint("id", i), Data: []byte("data")})
		if err != nil {
			t.Fatalf("append: %v", err)
		}
		seqs = append(seqs, a.Seq)
	}
	return seqs
}

// follower keeps the Seqs that it is told of.
type follower struct {
	mu      sync.Mutex
	seqs    []uint64
	rewinds int
}

func (f *follower) Entry(e bus.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seqs = append(f.seqs, e.Seq)
}

func (f *follower) Rewound(string, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rewinds++
}

func (f *follower) Missed(string, uint64) {}

func (f *follower) seen() (seqs []uint64, rewinds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seqs), f.rewinds
}

func followRoom(t testing.TB, b bus.Log, room string) *follower {
	t.Helper()
	f := &follower{}
	if _, _, err := b.Follow(t.Context(), room, f); err != nil {
		t.Fatal(err)
	}
	return f
}

// never has the engine compare rooms only when it is told to.
var never = follow.Options{CompareEvery: time.Hour}

func TestMemoryIsFull(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t, "--maxmemory", "6mb")
	b := open(t, redisbus.Config{URL: s.URL(), MemberEvery: bustest.MemberEvery})
	seqs := put(t, b, "room", 0, 3)
	data := make([]byte, 100<<10)
	var full error
	for i := 0; full == nil; i++ {
		if i > 1000 {
			t.Fatal("a server with a limit took everything")
		}
		_, full = bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "bob", ID: fmt.Sprint(i), Data: data})
	}
	if !errors.Is(full, bus.ErrFull) {
		t.Fatalf("%v, want ErrFull", full)
	}
	heads, err := b.Heads(t.Context(), []string{"room"})
	if err != nil {
		t.Fatal(err)
	}
	if log := whole(t, b, "room"); log[len(log)-1].Seq != heads[0].Seq { // nothing is half done
		t.Errorf("the log ends at %d and the room's head is %d", log[len(log)-1].Seq, heads[0].Seq)
	}
	// Everything that gives memory back, or needs none, goes on.
	ctx, cancel := context.WithCancel(t.Context())
	var read atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "group", func(_ context.Context, batch []bus.Entry) error {
			read.Add(int64(len(batch)))
			return nil
		})
	}()
	eventually(t, "entries are consumed", func() bool { return read.Load() > 3 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := b.Serve(t.Context(), "service", func(_ context.Context, q []byte) ([]byte, error) { return q, nil }); err != nil {
		t.Error(err)
	}
	if _, err := b.Request(t.Context(), "service", nil); err != nil {
		t.Error(err)
	}
	rep, err := b.Replay(t.Context(), "room", bus.Position{Seq: seqs[2]}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rep.Entries[:len(rep.Entries)/2] {
		if err := b.Remove(t.Context(), "room", e.Seq); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b, "room", 100, 1)
}

func TestScriptsAreForgotten(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	f := followRoom(t, b, "room")
	var all []uint64
	for i := range 10 {
		if err := raw(t, s).ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		all = append(all, put(t, b, "room", i, 1)...)
		if err := raw(t, s).ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		rep, err := b.Replay(t.Context(), "room", bus.Position{}, 100)
		if err != nil || len(rep.Entries) != i+1 {
			t.Fatalf("%+v, %v", rep, err)
		}
	}
	eventually(t, "the follower gets everything", func() bool { got, _ := f.seen(); return slices.Equal(got, all) })
}

func TestSubscribedConnectionsAreCut(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	writer := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	var followers []*follower
	all := make([][]uint64, 50)
	for i := range all {
		followers = append(followers, followRoom(t, b, fmt.Sprint("room", i)))
	}
	got := make(chan string, 1000)
	if _, err := b.Subscribe(t.Context(), "chan", func(data []byte) { got <- string(data) }); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := raw(t, s).ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		for i := range all { // most while nobody is subscribed
			all[i] = append(all[i], put(t, writer, fmt.Sprint("room", i), n*2, 2)...)
		}
		for i, f := range followers {
			eventually(t, "what came while the connection was lost is found", func() bool {
				seqs, rewinds := f.seen()
				return slices.Equal(seqs, all[i]) && rewinds == 0
			})
		}
		want := fmt.Sprint("message ", n)
		eventually(t, "the channel works again", func() bool {
			if err := writer.Publish("chan", []byte(want)); err != nil {
				t.Fatal(err)
			}
			for len(got) > 0 {
				if <-got == want {
					return true
				}
			}
			return false
		})
	}
}

func TestServerIsSilent(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	f := followRoom(t, b, "room")
	all := put(t, b, "room", 0, 1)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Probe(ctx); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("probe: %v, want ErrUnavailable", err)
	}
	if _, err := b.Replay(ctx, "room", bus.Position{}, 1); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("replay: %v, want ErrUnavailable", err)
	}
	done := make(chan uint64, 1)
	b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "slow"}, func(a bus.Appended, err error) {
		if err != nil {
			t.Error(err)
		}
		done <- a.Seq
	})
	// Until the first try has been given up, after 2 s: the server has it in its buffer, and gets a
	// second one.
	began := time.Now()
	eventually(t, "a try has timed out", func() bool { return time.Since(began) > 3*time.Second })
	s.Resume()
	all = append(all, <-done)
	all = append(all, put(t, b, "room", 1, 1)...)
	eventually(t, "the follower gets each once", func() bool { got, _ := f.seen(); return slices.Equal(got, all) })
	if rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) != 3 {
		t.Errorf("%d entries, %v; want each once", len(rep.Entries), err)
	}
}

func TestLogIsLost(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	f := followRoom(t, b, "room")
	old := put(t, b, "room", 0, 3)
	eventually(t, "the follower gets everything", func() bool { got, _ := f.seen(); return slices.Equal(got, old) })
	// as a failover to an empty replica would
	if err := raw(t, s).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	fresh := put(t, b, "room", 0, 2) // the keys are lost too: these are new entries
	if fresh[0] <= old[2] {
		t.Errorf("Seq %d after %d was given", fresh[0], old[2])
	}
	rep, err := b.Replay(t.Context(), "room", bus.Position{Seq: old[2], ID: "id2"}, 10)
	if err != nil || !rep.Rewound || rep.Through != fresh[1] {
		t.Errorf("after a lost entry: %+v, %v", rep, err)
	}
	if err := raw(t, s).ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the follower is told", func() bool { _, n := f.seen(); return n == 1 })
	more := put(t, b, "room", 2, 2)
	eventually(t, "and gets what comes then", func() bool {
		got, n := f.seen()
		return n == 1 && slices.Equal(got[len(got)-2:], more)
	})
}

// TestReplicas: an append is acknowledged when a replica has it, and not before.
func TestReplicas(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t, "--repl-diskless-sync-delay", "0")
	b := open(t, redisbus.Config{URL: s.URL(), Partitions: 1, Replicas: 2})
	acked := make(chan error, 1)
	b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}, func(_ bus.Appended, err error) { acked <- err })
	eventually(t, "the master has it", func() bool {
		rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10)
		return err == nil && len(rep.Entries) == 1
	})
	host, port, _ := strings.Cut(s.Addr(), ":")
	if len(acked) > 0 {
		t.Fatal("acknowledged with no replica there")
	}
	replica := bustest.Redis(t, "--replicaof", host+" "+port)
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	if n, err := raw(t, replica).HLen(t.Context(), "hub:{0}:data").Result(); err != nil || n != 1 {
		t.Errorf("the replica has %d entries, %v", n, err)
	}
}

func echo(_ context.Context, q []byte) ([]byte, error) { return q, nil }
