package natsbus_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
)

// TestServerRestart appends, follows and consumes while the server is stopped and started several
// times: every entry that was acknowledged, and every one that was not, ends up once in the log,
// and everybody sees the same.
func TestServerRestart(t *testing.T) {
	box := newBox(t)
	b := box.open(natsbus.Config{Groups: []string{"history"}})
	r := followRoom(t, b, "room")

	var mu sync.Mutex
	var consumed []string
	seen := make(map[string]bool)
	// however long 3,000 appends take, one after the other
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	consuming := make(chan error, 1)
	go func() {
		consuming <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range batch {
				if !seen[e.ID] { // at least once
					seen[e.ID] = true
					consumed = append(consumed, e.ID)
				}
			}
			return nil
		})
	}()

	const n = 3000
	var done atomic.Int32
	appending := make(chan struct{})
	go func() {
		defer close(appending)
		for i := range n { // one sender: one in flight, and the same id until it is acknowledged
			for {
				_, err := bus.Append(ctx, b, entry("room", i))
				if err == nil || ctx.Err() != nil {
					break
				}
			}
			done.Add(1)
		}
	}()
	for k := range 3 {
		eventually(t, "appends go on", func() bool { return done.Load() > int32(n/4*k+20) })
		box.stop()
		box.start()
	}
	<-appending

	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("id%d", i))
	}
	var inLog []string
	for _, e := range readAll(t, b, "room") {
		inLog = append(inLog, e.ID)
	}
	if !slices.Equal(inLog, want) {
		t.Errorf("the log has %d entries, not the %d that were appended, in order", len(inLog), n)
	}
	eventually(t, "the follower has everything", func() bool { return len(r.ids()) >= n })
	if got := r.ids(); !slices.Equal(got, want) || r.rewound() != 0 {
		t.Errorf("followed %d entries and %d rewinds, not each once and in order", len(got), r.rewound())
	}
	eventually(t, "the consumer has everything", func() bool { mu.Lock(); defer mu.Unlock(); return len(consumed) >= n })
	if !slices.Equal(consumed, want) {
		t.Error("consumed out of order")
	}
	cancel()
	if err := <-consuming; err != nil {
		t.Error(err)
	}
}

// TestRestoredStore puts an older copy of the store in the place of the newer one: Seqs are used
// again.
func TestRestoredStore(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{})
	r := followRoom(t, b, "room")
	for i := range 10 {
		mustAppend(t, b, entry("room", i))
	}
	box.stop()
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(box.dir)); err != nil {
		t.Fatal(err)
	}
	box.start()
	for i := range 5 {
		mustAppend(t, b, entry("room", 10+i))
	}
	eventually(t, "the follower has the lost tail", func() bool { return len(r.ids()) == 15 })
	log := readAll(t, b, "room")
	lost := log[12]

	box.stop()
	box.dir = older
	box.start()
	// The same number again, so that the log ends where it ended, with other entries.
	for i := range 5 {
		mustAppend(t, b, entry("room", 20+i))
	}
	eventually(t, "the follower is told", func() bool { return r.rewound() == 1 })
	mustAppend(t, b, entry("room", 30))
	eventually(t, "and gets what follows", func() bool { return slices.Contains(r.ids(), "id30") })

	rep, err := b.Replay(within(t), "room", bus.Position{Seq: lost.Seq, ID: lost.ID}, 10)
	if err != nil || !rep.Rewound || len(rep.Entries) != 0 {
		t.Errorf("replay after a lost entry: %+v, %v", rep, err)
	}
	kept := log[9]
	rep, err = b.Replay(within(t), "room", bus.Position{Seq: kept.Seq, ID: kept.ID}, 10)
	if err != nil || rep.Rewound || len(rep.Entries) != 6 || rep.Entries[0].Prev != kept.Seq {
		t.Errorf("replay after a kept entry: %+v, %v", rep, err)
	}
}

// TestLogIsLost puts an empty disk in the place of the server's: what was said is gone, which
// followers are told; Seqs go on above the lost ones, nothing of the old log is taken for present,
// and consumers go on, all without a restart.
func TestLogIsLost(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{Groups: []string{"history"}, MemberEvery: 20 * time.Millisecond})
	r := followRoom(t, b, "room")
	read, stop := consume(t, b, "history")
	defer stop()
	for i := range 5 {
		mustAppend(t, b, entry("room", i))
	}
	eventually(t, "everything is consumed", func() bool { return read.Load() == 5 })
	old := readAll(t, b, "room")
	box.stop()
	box.dir = t.TempDir()
	box.start()
	// of the same id: the server has forgotten that, too
	fresh := mustAppend(t, b, entry("room", 0))
	if fresh.Duplicate || fresh.Seq <= old[4].Seq {
		t.Errorf("%+v after %d in the log that was lost", fresh, old[4].Seq)
	}
	for _, e := range old {
		rep, err := b.Replay(within(t), "room", bus.Position{Seq: e.Seq, ID: e.ID}, 10)
		if err != nil || !rep.Rewound {
			t.Errorf("after an entry that is lost: %+v, %v", rep, err)
		}
	}
	eventually(t, "the follower is told", func() bool { return r.rewound() > 0 })
	mustAppend(t, b, entry("room", 1))
	eventually(t, "and gets what comes then", func() bool { return slices.Contains(r.ids(), "id1") })
	eventually(t, "it is consumed", func() bool { return read.Load() >= 7 })
	late := box.open(natsbus.Config{Groups: []string{"history"}})
	mustAppend(t, late, entry("room", 2))
}

func TestCallsWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{})
	box.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for name, call := range map[string]func() error{
		"replay":  func() error { _, err := b.Replay(ctx, "room", bus.Position{}, 10); return err },
		"follow":  func() error { _, _, err := b.Follow(ctx, "room", &recorder{}); return err },
		"request": func() error { _, err := b.Request(ctx, "service", nil); return err },
		"serve":   func() error { _, err := b.Serve(ctx, "service", nil); return err },
		"probe":   func() error { return b.Probe(ctx) },
		"remove":  func() error { return b.Remove(ctx, "room", 1) },
		"advance": func() error { return b.Advance(ctx, 1<<52) },
		"letters": func() error { _, err := b.DeadLetters(ctx, "group", 1); return err },
	} {
		if err := call(); !isUnavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Publish("channel", []byte("x")); err != nil {
		t.Errorf("publish: %v", err)
	}
	box.start()
	eventually(t, "the probe is well again", func() bool {
		// the two connections come back in turn
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return b.Probe(ctx) == nil
	})
}
