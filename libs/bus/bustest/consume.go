package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var consumeTests = map[string]func(*testing.T, *suite){
	"consume: everything, each room in order":           checkConsumeAll,
	"consume: two groups each get everything":           checkConsumeTwoGroups,
	"consume: members share, and one leaves":            checkConsumeShared,
	"consume: what is acknowledged does not come again": checkConsumeResumes,
	"consume: ErrRetry never parks":                     checkConsumeRetry,
	"consume: poison is parked, the rest goes on":       checkConsumePoison,
	"consume: dead letters are put back":                checkConsumeRedriven,
	"consume: what was removed does not come":           checkConsumeRemoved,
	"consume: how it ends":                              checkConsumeEnds,
	"consume: a group catches up":                       checkConsumeCatchesUp,
}

func checkConsumeAll(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	logs := make(map[string][]bus.Entry)
	write := func() {
		for range 20 {
			room := name("room")
			logs[room] = fill(t, b, room, 10)
		}
	}
	write()
	c := consume(t, b, "group", nil) // must get the entries from before it
	write()
	for room, log := range logs {
		c.has(t, room, log)
	}
}

func checkConsumeTwoGroups(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	one, two := consume(t, b, "one", nil), consume(t, b, "two", nil)
	for range 5 {
		room := name("room")
		log := fill(t, b, room, 5)
		one.has(t, room, log)
		two.has(t, room, log)
	}
	three := consume(t, b, "three", nil)
	eventually(t, "a group that comes later gets everything", func() bool {
		three.mu.Lock()
		defer three.mu.Unlock()
		return len(three.got) >= 25
	})
}

func checkConsumeShared(t *testing.T, s *suite) {
	open := s.opener(t, Retention{})
	writer, a, b := open(t), open(t), open(t)
	h := &hands{rooms: make(map[string]*consumer)}
	ca := consume(t, a, "group", &consumer{shared: h})
	cb := consume(t, b, "group", &consumer{shared: h})
	rooms := make([]string, 30)
	for i := range rooms {
		rooms[i] = name("room")
	}
	logs := make(map[string][]bus.Entry)
	write := func() {
		for _, r := range rooms {
			logs[r] = append(logs[r], fill(t, writer, r, 1)...)
		}
	}
	count := func(c *consumer) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.got)
	}
	eventually(t, "both members get entries", func() bool {
		write()
		return count(ca) > 0 && count(cb) > 0
	})
	cb.stop()
	write()
	eventually(t, "the one that is left gets what comes then", func() bool {
		write()
		got := make(map[string]bool)
		ca.mu.Lock()
		defer ca.mu.Unlock()
		for _, e := range ca.got {
			if i := slices.IndexFunc(logs[e.Room], func(o bus.Entry) bool { return o.ID == e.ID }); i == len(logs[e.Room])-1 || i == len(logs[e.Room])-2 {
				got[e.Room] = true
			}
		}
		return len(got) == len(rooms)
	})
	for r, log := range logs {
		eventually(t, "all of room "+r, func() bool { return distinct(ca.room(r), cb.room(r)) >= len(log) })
		for _, c := range []*consumer{ca, cb} {
			if !slices.IsSortedFunc(c.room(r), bySeq) {
				t.Errorf("room %s was handed over out of order", r)
			}
		}
	}
}

func checkConsumeResumes(t *testing.T, s *suite) {
	open := s.opener(t, Retention{})
	a, b := open(t), open(t)
	room := name("room")
	log := fill(t, a, room, 10)
	c := consume(t, a, "group", nil)
	c.has(t, room, log)
	c.stop()
	more := fill(t, a, room, 5)
	d := consume(t, b, "group", nil)
	eventually(t, "the next member gets what is new", func() bool { return len(d.room(room)) >= 5 })
	want := slices.Clone(more)
	for i := range want {
		want[i].Prev = 0
	}
	if diff := cmp.Diff(want, d.room(room)); diff != "" {
		t.Errorf("new (-) and what came (+):\n%s", diff)
	}
}

func checkConsumeRetry(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	room := name("room")
	var mu sync.Mutex
	tries := 0
	c := consume(t, b, "group", &consumer{fail: func([]bus.Entry) error {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries <= 7 { // tries before an entry counts as poison
			return fmt.Errorf("the store is down: %w", bus.ErrRetry)
		}
		return nil
	}})
	log := fill(t, b, room, 3)
	c.has(t, room, log)
	letters, err := b.DeadLetters(within(t), "group", 10)
	if err != nil || len(letters) > 0 {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
}

func checkConsumePoison(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	began := time.Now()
	room := name("room")
	log := fill(t, b, room, 3)
	e := entry(room, "eve", "poison")
	seq := put(t, b, e)
	log = append(log, fill(t, b, room, 3)...)
	c := consume(t, b, "group", &consumer{fail: func(batch []bus.Entry) error {
		for _, e := range batch {
			if e.ID == "poison" {
				return errors.New("cannot read this:\r\n\x00 ä")
			}
		}
		return nil
	}})
	c.has(t, room, log)
	var letters []bus.DeadLetter
	eventually(t, "the entry is parked", func() bool {
		var err error
		if letters, err = b.DeadLetters(within(t), "group", 10); err != nil {
			t.Fatal(err)
		}
		return len(letters) > 0
	})
	want := bus.Entry{Room: room, Seq: seq, Sender: "eve", ID: "poison", Data: e.Data}
	if diff := cmp.Diff(want, letters[0].Entry); diff != "" || len(letters) != 1 {
		t.Errorf("%d dead letters; the first (+):\n%s", len(letters), diff)
	}
	if d := letters[0]; d.Reason != "cannot read this:\r\n\x00 ä" || d.At.Before(began.Add(-time.Minute)) || d.At.After(time.Now().Add(time.Minute)) {
		t.Errorf("reason %q, at %s", d.Reason, d.At)
	}
	put(t, b, entry(room, "mal", "poison"))
	eventually(t, "another entry is parked", func() bool {
		letters, err := b.DeadLetters(within(t), "group", 10)
		return err == nil && len(letters) == 2 && letters[0].Entry.Sender == "eve" && letters[1].Entry.Sender == "mal"
	})
	if letters, err := b.DeadLetters(within(t), "group", 1); err != nil || len(letters) != 1 || letters[0].Entry.Sender != "eve" {
		t.Errorf("the oldest dead letter: %+v, %v", letters, err)
	}
	if letters, err := b.DeadLetters(within(t), "other", 10); err != nil || len(letters) > 0 {
		t.Errorf("another group's dead letters: %+v, %v", letters, err)
	}
	if _, err := b.DeadLetters(within(t), "a.b", 10); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
}

// checkConsumeRedriven redrives dead letters: while nobody consumes, while somebody does, and when
// they fail again.
func checkConsumeRedriven(t *testing.T, s *suite) {
	open := s.opener(t, Retention{})
	b, operator := open(t), open(t)
	if letters, err := operator.Redrive(within(t), "group", 10); err != nil || len(letters) > 0 {
		t.Errorf("with nothing parked: %+v, %v", letters, err)
	}
	if _, err := operator.Redrive(within(t), "a.b", 10); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	var poison []bus.Entry // entries in rooms of several partitions
	for range 5 {
		room := name("room")
		fill(t, b, room, 1)
		e := entry(room, "eve", chat.NewID())
		poison = append(poison, bus.Entry{Room: room, Seq: put(t, b, e), Sender: e.Sender, ID: e.ID, Data: e.Data, Redriven: true})
		fill(t, b, room, 1)
	}
	var bad atomic.Pointer[string] // why the entries of eve fail; nil: they do not
	var again sync.Map             // the handled entries, by id
	handle := func(_ context.Context, batch []bus.Entry) error {
		for _, e := range batch {
			if why := bad.Load(); why != nil && e.Sender == "eve" {
				return errors.New(*why)
			}
		}
		for _, e := range batch {
			if e.Sender == "eve" {
				if len(batch) != 1 {
					t.Errorf("an entry that was put back comes with %d others", len(batch)-1)
				}
				again.Store(e.ID, e)
			}
		}
		return nil
	}
	start := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Consume(ctx, "group", handle) }()
		return func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("consume: %v", err)
			}
		}
	}
	parked := func(why string, n int) {
		t.Helper()
		eventually(t, fmt.Sprint(n, " entries are parked: ", why), func() bool {
			letters, err := operator.DeadLetters(within(t), "group", 10)
			return err == nil && len(letters) == n && !slices.ContainsFunc(letters, func(d bus.DeadLetter) bool { return d.Reason != why })
		})
	}
	// One call puts back all that are parked. With replicas, it may ask one that has not heard of
	// some yet; the next call puts those back.
	redrive := func(limit, want int) {
		t.Helper()
		put := map[string]bool{}
		eventually(t, fmt.Sprint(want, " entries are put back"), func() bool {
			letters, err := operator.Redrive(within(t), "group", limit-len(put))
			for _, d := range letters {
				put[d.Entry.ID] = true
			}
			if err != nil || len(put) != want && !s.Replicas {
				t.Fatalf("%+v, %v; want %d", letters, err, want)
			}
			return len(put) == want
		})
	}
	why := "first"
	bad.Store(&why)
	stop := start()
	parked(why, len(poison))
	stop()

	// With no consumer, two are put back, and are no dead letters any more.
	redrive(2, 2)
	parked(why, len(poison)-2)
	again2 := "second"
	bad.Store(&again2)
	stop = start()
	eventually(t, "the two are parked again", func() bool {
		letters, err := operator.DeadLetters(within(t), "group", 10)
		n := 0
		for _, d := range letters {
			if d.Reason == again2 {
				n++
			}
		}
		return err == nil && len(letters) == len(poison) && n == 2
	})
	redrive(10, len(poison)) // while it is consumed
	parked(again2, len(poison))
	bad.Store(nil)
	redrive(10, len(poison))
	for _, want := range poison {
		eventually(t, "it is handled", func() bool { _, ok := again.Load(want.ID); return ok })
		got, _ := again.Load(want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("put back (-) and handed over (+):\n%s", diff)
		}
	}
	parked("", 0)
	again.Clear()
	stop()
	last := fill(t, b, name("room"), 1)[0]
	c := consume(t, b, "group", nil)
	eventually(t, "what is new comes", func() bool { return len(c.room(last.Room)) == 1 })
	for _, e := range c.all() {
		if e.Redriven && !s.Replicas { // a replica that is behind may deliver one twice
			t.Errorf("what was handled comes again: %+v", e)
		}
	}
}

func checkConsumeRemoved(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	s = &suite{Env: s.Env, bus: b}
	room := name("room")
	log := fill(t, b, room, 4)
	for _, i := range []int{0, 2} {
		if err := b.Remove(within(t), room, log[i].Seq); err != nil {
			t.Fatal(err)
		}
	}
	s.isGone(t, room, log[0], log[2])
	consume(t, b, "group", nil).has(t, room, []bus.Entry{log[1], log[3]})
}

func checkConsumeEnds(t *testing.T, s *suite) {
	open := s.opener(t, Retention{})
	b, other := open(t), open(t)
	if err := b.Consume(within(t), "a.b", nil); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	room := name("room")
	fill(t, b, room, 1)
	for range 3 { // a handler in the middle of a batch
		inside := make(chan struct{}, 100)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- b.Consume(ctx, "group", func(ctx context.Context, _ []bus.Entry) error {
				inside <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		<-inside
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%v, want nil after the context has ended", err)
		}
	}
	done := make(chan error, 1)
	inside := make(chan struct{}, 100)
	go func() {
		done <- other.Consume(context.Background(), "group", func(context.Context, []bus.Entry) error {
			inside <- struct{}{}
			return nil
		})
	}()
	<-inside
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("%v, want ErrClosed after Close", err)
	}
	put(t, b, entry(room, "ann", chat.NewID()))
}
