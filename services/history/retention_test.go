package history

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/services/history/store"
)

// at lets the world's clock go on from a time that is so many days ago.
func (w *world) at(days int) {
	w.clock.Store(time.Now().Add(-time.Duration(days) * 24 * time.Hour).UnixMilli())
}

// keep gives a room a rule, and has history keep to it.
func (w *world) keep(room string, rule retention.Effect) {
	w.t.Helper()
	w.rules.Store(room, rule)
	if err := w.api.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// auditedIn returns what the audit log was told of a room, once it was.
func (w *world) auditedIn(room string) (r directoryapi.RemovedRequest) {
	w.t.Helper()
	w.eventually("the audit log knows what was removed in "+room, func() bool {
		got, ok := w.removed.Load(room)
		if ok {
			r = got.(directoryapi.RemovedRequest)
		}
		return ok
	})
	return r
}

// TestRetention removes what rooms do not keep, from pages, the log, the search and what is new,
// and nothing else.
func TestRetention(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1", "r2", "r3")}})
		w.access.Store("bob r2", true)
		w.at(40)
		w.say("r1", "ann", "m1", "ancient words")
		w.say("r2", "ann", "m1", "ancient too")
		w.say("r3", "ann", "m1", "one")
		w.at(10)
		between := w.say("r1", "ann", "m2", "of last week")
		w.say("r3", "ann", "m2", "two")
		w.say("r3", "ann", "m3", "three")
		if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m1", Text: "ancient and edited"}); code != "" {
			t.Fatal(code)
		}
		w.at(0)
		last := w.say("r1", "bob", "m3", "today")
		w.stored("r1", last)
		w.stored("r2", 1)
		w.stored("r3", 1)
		before := w.missed(historyapi.SinceRequest{Room: "r1", Limit: 1}).Entries[0]

		w.keep("r1", retention.Effect{Days: 30})
		if got := w.auditedIn("r1"); got.Messages != 1 || got.Rule != "30 days" || got.Through != before.Seq {
			t.Errorf("the audit log knows %+v", got)
		}
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); strings.Join(strings.Fields(got), " ") != "of last week today" {
			t.Errorf("the page has %q", got)
		}
		if log := w.log("r1"); strings.Contains(log, "ancient words") || !strings.Contains(log, "of last week") {
			t.Errorf("the log has %s", log)
		}
		for _, e := range w.missed(historyapi.SinceRequest{Room: "r1", Limit: 10}).Entries {
			if strings.Contains(string(e.Data), "ancient") {
				t.Errorf("an edit of what is gone is left: %s", e.Data)
			}
		}
		if got := w.page(historyapi.PageRequest{Room: "r1", Around: 1, All: true}).Removed; got == nil || got.Messages != 1 || got.Through != before.Seq {
			t.Errorf("a copy is told that %+v is gone", got)
		}
		// Who comes back to what is gone is told what came since, and of no rewind.
		got := w.missed(historyapi.SinceRequest{Room: "r1", After: before.Seq, ID: before.ID, Limit: 10})
		if got.Rewound || len(got.Entries) != 2 || got.Entries[0].Seq != between || got.Entries[0].Prev != before.Seq {
			t.Errorf("since what is gone: %+v", got)
		}
		if found, err := w.api.Search(t.Context(), historyapi.SearchRequest{User: "bob", Query: "ancient"}); err != nil || len(found.Results) != 1 || found.Results[0].Room != "r2" {
			t.Errorf("the search finds %+v, %v", found.Results, err)
		}
		if got := texts(w.page(historyapi.PageRequest{Room: "r2"})); !strings.Contains(got, "ancient too") {
			t.Errorf("a room without a rule has %q", got)
		}

		// A number, but nothing of the last two weeks.
		w.keep("r3", retention.Effect{Count: 1, Least: 14})
		if got := w.auditedIn("r3"); got.Messages != 1 || got.Rule != "1 message, but 14 days at least" {
			t.Errorf("the audit log knows %+v", got)
		}
		// It is told of what is removed later, and of that alone.
		for _, text := range []string{"three", "four"} {
			if text == "four" {
				w.stored("r3", w.say("r3", "ann", "m4", text))
			}
			w.removed.Delete("r3")
			w.keep("r3", retention.Effect{Count: 1})
			if got := w.auditedIn("r3"); got.Messages != 1 {
				t.Errorf("the audit log knows %+v", got)
			}
			if got := texts(w.page(historyapi.PageRequest{Room: "r3"})); strings.TrimSpace(got) != text {
				t.Errorf("the page has %q", got)
			}
		}

		// All of it.
		w.keep("r2", retention.Effect{Days: 30})
		w.auditedIn("r2")
		if got := w.page(historyapi.PageRequest{Room: "r2"}); len(got.Messages) != 0 || got.More {
			t.Errorf("the page of an empty room has %+v", got)
		}
		if in := w.inboxNow("bob")["r2"]; in.Unread != 0 || in.Through == 0 {
			t.Errorf("what is new in an empty room: %+v", in)
		}
		w.stored("r2", w.say("r2", "ann", "m9", "anew"))
		if got := texts(w.page(historyapi.PageRequest{Room: "r2"})); strings.TrimSpace(got) != "anew" {
			t.Errorf("after a new message the page has %q", got)
		}
	})
}

// TestRemovedIsToldLater empties a room while the audit log cannot be told: it is told by the next
// round, although that does not come to a room without entries.
func TestRemovedIsToldLater(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.at(40)
		w.stored("r1", w.say("r1", "ann", "m1", "old"))
		w.at(0)
		w.stored("r2", w.say("r2", "ann", "m1", "new"))
		w.deaf.Store(1)
		w.keep("r1", retention.Effect{Days: 30})
		time.Sleep(2 * sweepRetry)
		if got := w.auditedIn("r1"); got.Messages != 1 || got.Rule != "30 days" {
			t.Errorf("the audit log knows %+v", got)
		}
		if w.deaf.Load() >= 0 {
			t.Error("it was told at once")
		}
		// Once is enough.
		w.removed.Delete("r1")
		w.keep("r2", retention.Effect{Days: 1})
		time.Sleep(2 * sweepEvery)
		if got, ok := w.removed.Load("r1"); ok {
			t.Errorf("it is told again: %+v", got)
		}
	})
}

// TestExpired: of the first entries of a room those go that are older than a rule keeps, or are not
// among its last messages, up to the first that stays.
func TestExpired(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	const day = 24 * 60 * 60 * 1000
	entries := func(ages ...int64) (all []store.Entry) {
		for i, age := range ages {
			e, err := entryOf(logEntry(t, uint64(i+1), chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: chat.NewID(), TS: now.UnixMilli() - age, Text: "x"}))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
	for _, tt := range []struct {
		rule retention.Effect
		nth  uint64
		ages []int64
		want int
	}{
		{retention.Effect{Days: 1}, 0, []int64{3 * day, day + 1, day, 0}, 2},
		{retention.Effect{Days: 1}, 0, []int64{day, 3 * day}, 0}, // which waits for the one before
		{retention.Effect{Days: 1}, 0, []int64{2 * day, 2 * day}, 2},
		{retention.Effect{Count: 2}, 3, []int64{4, 3, 2, 1}, 2},
		{retention.Effect{Count: 2, Least: 1}, 3, []int64{day + 1, day, 2, 1}, 1},
		{retention.Effect{Count: 2, Days: 1}, 2, []int64{2 * day, 2 * day, day + 1, 1}, 3},
		{retention.Effect{Days: 1}, 0, nil, 0},
	} {
		if through, n := expired(entries(tt.ages...), tt.rule, tt.nth, now); n != tt.want || through != uint64(tt.want) {
			t.Errorf("%+v removes %d of %v, through %d; want %d", tt.rule, n, tt.ages, through, tt.want)
		}
	}
}

// slowly is a store in which a removal takes most of the time that a round has at once.
type slowly struct{ store.Store }

func (s slowly) RemoveThrough(ctx context.Context, room string, through uint64, limit int) (int, error) {
	time.Sleep(sweepLease/3 + time.Second)
	return s.Store.RemoveThrough(ctx, room, through, limit)
}

// TestRoundStaysAtARoom: a round does not pass a room of which it has removed a part, since more of
// it may have to go.
func TestRoundStaysAtARoom(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.at(40)
		for _, room := range []string{"r1", "r2"} {
			w.say(room, "ann", "m1", "old")
		}
		w.at(0)
		for _, room := range []string{"r1", "r2"} {
			w.stored(room, w.say(room, "ann", "m2", "new"))
		}
		w.end()
		for _, room := range []string{"r1", "r2"} {
			w.rules.Store(room, retention.Effect{Days: 30})
		}
		w.Service = over(w, w.bus, slowly{w.store})
		var round store.Sweep
		var rooms []string
		for round.Due == 0 && len(rooms) < 9 {
			if err := w.sweeper.sweepRooms(t.Context(), &round, time.Now()); err != nil {
				t.Fatal(err)
			}
			rooms = append(rooms, round.Room)
		}
		if got := strings.Join(rooms, ","); got != ",r1,r2," {
			t.Errorf("the round was behind %q", got)
		}
	})
}

// failing is a store whose removals fail after some have worked.
type failing struct {
	store.Store
	left atomic.Int64
}

func (f *failing) RemoveThrough(ctx context.Context, room string, through uint64, limit int) (int, error) {
	if f.left.Add(-1) < 0 {
		return 0, errDown
	}
	return f.Store.RemoveThrough(ctx, room, through, limit)
}

// TestRetentionGoesOn kills a process in the middle of a room: another goes on, and together they
// remove what one would have.
func TestRetentionGoesOn(t *testing.T) {
	server := membus.NewServer(membus.Options{})
	s := openStore(t, t.TempDir()+"/history.db")
	f := &failing{Store: s.Store}
	s.Store = f
	w, stop := start(t, connect(t, server), s)
	w.at(40)
	for range 3 * sweepBatch {
		w.say("r1", "ann", chat.NewID(), "old")
	}
	w.at(0)
	last := w.say("r1", "ann", "last", "new")
	w.stored("r1", last)
	f.left.Store(1)
	w.keep("r1", retention.Effect{Days: 30})
	w.eventually("the second batch fails", func() bool { return f.left.Load() < 0 })
	stop()
	if r, err := s.Removed(t.Context(), "r1"); err != nil || r.Messages != sweepBatch {
		t.Fatalf("removed before the end: %+v, %v", r, err)
	}
	f.left.Store(1 << 40)
	w, _ = start(t, connect(t, server), s)
	w.keep("r1", retention.Effect{Days: 30})
	if got := w.auditedIn("r1"); got.Messages != 3*sweepBatch {
		t.Errorf("the audit log knows %+v", got)
	}
	if got := w.page(historyapi.PageRequest{Room: "r1"}); len(got.Messages) != 1 || got.More {
		t.Errorf("the page has %+v", got)
	}
	if highest, err := s.Highest(t.Context()); err != nil || highest != last {
		t.Errorf("the highest seq is %d, %v", highest, err)
	}
}
