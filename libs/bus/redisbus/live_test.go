package redisbus

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/chat"
)

// nobody follows a room without looking.
type nobody struct{}

func (nobody) Entry(bus.Entry)        {}
func (nobody) Rewound(string, uint64) {}
func (nobody) Missed(string, uint64)  {}
func (nobody) Hint(string, uint64)    {}
func (nobody) Suspect()               {}

// TestPersonalRoomsShareAChannel: the server has one subscription for all personal rooms of a
// partition, from the first of them to the last, and none of an ordinary room that was left.
func TestPersonalRoomsShareAChannel(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := openBoth(t, Config{URL: s.URL(), Partitions: 2, Personal: chat.IsUserRoom}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	subscribed := func(what string, want int) {
		t.Helper()
		for {
			f := b.Driver.rooms.all[0]
			f.mu.Lock()
			n := len(f.channels)
			f.mu.Unlock()
			if n == want+1 { // the probe's
				return
			}
			if await.Sleep(ctx, time.Millisecond) != nil {
				t.Fatalf("%s: %d channels, want %d", what, n-1, want)
			}
		}
	}
	kept := func() (n int) {
		b.Driver.personal.mu.Lock()
		defer b.Driver.personal.mu.Unlock()
		for _, rooms := range b.Driver.personal.rooms {
			n += len(rooms)
		}
		return n
	}
	const n = 300
	for range 3 {
		var subs []bus.Subscription
		for i := range n {
			for range 2 {
				_, sub, err := b.Follow(ctx, "u-"+strconv.Itoa(i), nobody{})
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, sub)
			}
		}
		_, ordinary, err := b.Follow(ctx, "room", nobody{})
		if err != nil {
			t.Fatal(err)
		}
		subscribed("all are followed", 3)
		for _, sub := range subs[:2*(n-1)] {
			sub.Stop()
		}
		ordinary.Stop()
		subscribed("one personal room is followed", 1)
		for _, sub := range subs {
			sub.Stop()
		}
		subscribed("none is followed", 0)
		if kept() != 0 {
			t.Errorf("%d rooms are remembered", kept())
		}
	}
	w, err := b.Watch(ctx, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	_, sub, err := b.Follow(ctx, "u-1", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	sub.Stop()
	w.Stop()
	subscribed("they are watched, which has no end", 2)
	if kept() != 0 {
		t.Errorf("%d rooms are remembered while all are watched", kept())
	}
}

// liveMessage is what the script publishes of an entry.
func liveMessage(e bus.Entry) string {
	m := make([]byte, 0, 64+len(e.Data))
	for _, n := range []uint64{e.Seq, e.Prev} {
		for shift := 56; shift >= 0; shift -= 8 {
			m = append(m, byte(n>>shift))
		}
	}
	m = append(m, byte(len(e.Room)))
	m = append(m, e.Room...)
	return string(append(m, encodeRecord(bus.NewEntry{Sender: e.Sender, ID: e.ID, Data: e.Data})...))
}

// TestLiveDeliveryAllocatesNothing: beyond what the client library does.
func TestLiveDeliveryAllocatesNothing(t *testing.T) {
	s := bustest.Redis(t)
	b := openBoth(t, Config{URL: s.URL(), Partitions: 1, Personal: chat.IsUserRoom}, nil)
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Follow(t.Context(), "room", nobody{}); err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"room", "u-stranger"} {
		const runs = 100
		var messages []string
		for i := range uint64(runs + 1) {
			messages = append(messages, liveMessage(bus.Entry{
				Room: room, Seq: a.Seq + i + 1, Prev: a.Seq + i, Sender: "ann", ID: fmt.Sprint("id", i), Data: make([]byte, 100),
			}))
		}
		next := 0
		if n := testing.AllocsPerRun(runs, func() { b.Driver.deliver("channel", messages[next]); next++ }); n != 0 {
			t.Errorf("%s: %v allocations for a live message", room, n)
		}
	}
}

// heard is a follower that hands on what comes.
type heard chan bus.Entry

func (h heard) Entry(e bus.Entry)    { h <- e }
func (heard) Rewound(string, uint64) {}
func (heard) Missed(string, uint64)  {}

// TestLiveEntriesNameTheOneBefore: who follows a room need not read its log for what comes live in
// order.
func TestLiveEntriesNameTheOneBefore(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	b := openBoth(t, Config{URL: bustest.Redis(t).URL()}, reg)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	say := func(id int) uint64 {
		t.Helper()
		a, err := bus.Append(ctx, b, bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprint("id", id)})
		if err != nil {
			t.Fatal(err)
		}
		return a.Seq
	}
	const n = 20
	before := say(0)
	got := make(heard, n)
	if _, _, err := b.Follow(ctx, "room", got); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		seq := say(i + 1)
		select {
		case e := <-got:
			if e.Seq != seq || e.Prev != before {
				t.Fatalf("after %d came %d, which names %d; want %d", before, e.Seq, e.Prev, seq)
			}
		case <-ctx.Done():
			t.Fatal("an entry does not come")
		}
		before = seq
	}
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		// Some may follow on a suspicion, such as about a connection under load.
		if gaps := f.GetMetric()[0].GetCounter().GetValue(); f.GetName() == "hubbub_bus_follow_gaps_total" && gaps > n/2 {
			t.Errorf("%v of %d entries do not say which one is before them", gaps, n)
		}
	}
}
