package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
)

func TestAdvance(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{})
	before := mustAppend(t, b, entry("room", 0)).Seq
	if err := b.Advance(within(t), before-5); err != nil {
		t.Fatal(err)
	}
	if got := mustAppend(t, b, entry("room", 1)).Seq; got != before+1 {
		t.Errorf("an advance to the past moved the Seq from %d to %d", before, got)
	}
	r := followRoom(t, b, "room")
	past := before + 1_000_000
	if err := b.Advance(within(t), past); err != nil {
		t.Fatal(err)
	}
	if got := mustAppend(t, b, entry("room", 2)).Seq; got <= past {
		t.Errorf("Seq %d is not above %d", got, past)
	}
	// The log cannot tell a follower any more that nothing is missing.
	eventually(t, "a follower is told", func() bool { return r.rewound() == 1 })
	mustAppend(t, b, entry("room", 3))
	eventually(t, "a follower goes on", func() bool { return slices.Contains(r.ids(), "id3") })
	if err := b.Advance(within(t), past+10_000_000); err != nil {
		t.Errorf("a second advance: %v", err)
	}
	if got := mustAppend(t, b, entry("room", 4)).Seq; got <= past+10_000_000 {
		t.Errorf("Seq %d is not above a second advance", got)
	}
	if err := b.Advance(within(t), bus.MaxSeq); err == nil {
		t.Error("advanced beyond the greatest Seq")
	}
}

// TestAdvanceBrokenOffAtItsEnd goes on with an advance that has put everything back and opened the
// stream, and was broken off before it had removed the copies.
func TestAdvanceBrokenOffAtItsEnd(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{})
	last := mustAppend(t, b, entry("room", 0)).Seq
	nc, err := nats.Connect("", nats.InProcessServer(box))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "HUB_MOVED", Subjects: []string{"hub.moved.>"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(within(t), "hub.moved.0.room", []byte("copy"), jetstream.WithMsgID("room.sender.id0")); err != nil {
		t.Fatal(err)
	}
	state, err := js.KeyValue(within(t), "HUB_STATE")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.Create(within(t), "advance", fmt.Appendf(nil, `{"past":%d,"phase":"restore"}`, last-1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Advance(within(t), last-1); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(within(t), "HUB_MOVED"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the copies: %v", err)
	}
	if got := readAll(t, b, "room"); len(got) != 1 {
		t.Errorf("%d entries, want 1", len(got))
	}
}

// TestAdvanceKeepsWhatIsUnread advances a log that a required group has read in part, while others
// append to it, and breaks it off again and again.
func TestAdvanceKeepsWhatIsUnread(t *testing.T) {
	box := newBox(t)
	cfg := natsbus.Config{Groups: []string{"history"}, MemberEvery: 20 * time.Millisecond}
	b := box.open(cfg)
	const early, unread = 50, 400
	for i := range early {
		mustAppend(t, b, entry(fmt.Sprint("room", i%3), i))
	}
	read, stop := consume(t, b, "history")
	eventually(t, "the first are consumed", func() bool { return read.Load() == early })
	stop()
	var last uint64
	for i := range unread {
		last = mustAppend(t, b, entry(fmt.Sprint("room", i%3), early+i)).Seq
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	meanwhile := 0
	wg.Go(func() { // its appends wait while the stream is closed
		for i := 0; ctx.Err() == nil; i++ {
			_, err := bus.Append(context.Background(), b, entry("room9", early+unread+i))
			for isUnavailable(err) { // closed for longer than an append waits
				_, err = bus.Append(context.Background(), b, entry("room9", early+unread+i))
			}
			if err != nil {
				t.Error(err)
				return
			}
			meanwhile++
			time.Sleep(time.Millisecond)
		}
	})
	past := last + 1_000_000
	for d := time.Millisecond; ; d *= 2 {
		other, err := natsbus.Open(t.Context(), natsbus.Config{InProcess: box, Groups: cfg.Groups}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		short, stop := context.WithTimeout(within(t), d)
		err = other.Advance(short, past)
		stop()
		_ = other.Close()
		if err == nil {
			break
		}
		if !isUnavailable(err) {
			t.Fatal(err)
		}
	}
	if got := mustAppend(t, b, bus.NewEntry{Room: "room", Sender: "s", ID: "after"}).Seq; got <= past {
		t.Errorf("Seq %d is not above %d", got, past)
	}
	cancel()
	wg.Wait()

	var mu sync.Mutex
	got := make(map[string][]string) // ids by room
	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range batch {
				if e.Sender == "sender" {
					got[e.Room] = append(got[e.Room], e.ID)
				}
			}
			return nil
		})
	}()
	count := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, ids := range got {
			n += len(ids)
		}
		return n
	}
	eventually(t, "everything unread is consumed", func() bool { return count() >= unread+meanwhile })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := make(map[string][]string)
	for i := range unread {
		room := fmt.Sprint("room", i%3)
		want[room] = append(want[room], fmt.Sprint("id", early+i))
	}
	for i := range meanwhile {
		want["room9"] = append(want["room9"], fmt.Sprint("id", early+unread+i))
	}
	for room, ids := range want {
		if !slices.Equal(got[room], ids) {
			t.Errorf("%s: consumed %d entries, want %d, each once and in order", room, len(got[room]), len(ids))
		}
	}
}
