package history

import (
	"context"
	"fmt"
	"io"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// steps counts what a request asks of the store and of the bus, and has one of them fail.
type steps struct {
	n    int
	fail int // the number of the one that fails; 0: none
	last string
	all  []string
}

func (s *steps) next(name string) error {
	s.all = append(s.all, name)
	if s.n++; s.n == s.fail {
		s.last = name
		return io.ErrUnexpectedEOF
	}
	return nil
}

// stepStore is a store of which one call fails.
type stepStore struct {
	store.Store
	*steps
}

func (s stepStore) Last(ctx context.Context, room string) (bus.Position, error) {
	if err := s.next("Last"); err != nil {
		return bus.Position{}, err
	}
	return s.Store.Last(ctx, room)
}

func (s stepStore) At(ctx context.Context, room string, seq uint64) ([]store.Entry, error) {
	if err := s.next("At"); err != nil {
		return nil, err
	}
	return s.Store.At(ctx, room, seq)
}

func (s stepStore) Since(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	if err := s.next("Since"); err != nil {
		return nil, err
	}
	return s.Store.Since(ctx, room, after, limit)
}

func (s stepStore) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	if err := s.next("Latest"); err != nil {
		return bus.Position{}, nil, err
	}
	return s.Store.Latest(ctx, room, limit)
}

func (s stepStore) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	if err := s.next("Newest"); err != nil {
		return nil, err
	}
	return s.Store.Newest(ctx, room, before, limit)
}

func (s stepStore) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	if err := s.next("Oldest"); err != nil {
		return nil, err
	}
	return s.Store.Oldest(ctx, room, after, limit)
}

func (s stepStore) Find(ctx context.Context, room, sender, id string) (store.Entry, bool, error) {
	if err := s.next("Find"); err != nil {
		return store.Entry{}, false, err
	}
	return s.Store.Find(ctx, room, sender, id)
}

func (s stepStore) Messages(ctx context.Context, room string, names []store.Name) ([]store.Entry, error) {
	if err := s.next("Messages"); err != nil {
		return nil, err
	}
	return s.Store.Messages(ctx, room, names)
}

func (s stepStore) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	if err := s.next("About"); err != nil {
		return nil, err
	}
	return s.Store.About(ctx, room, names, limit, types...)
}

func (s stepStore) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	if err := s.next("Namesakes"); err != nil {
		return nil, err
	}
	return s.Store.Namesakes(ctx, room, id, limit)
}

func (s stepStore) Changes(ctx context.Context, room string, name store.Name, limit int) (all, edits int, err error) {
	if err := s.next("Changes"); err != nil {
		return 0, 0, err
	}
	return s.Store.Changes(ctx, room, name, limit)
}

func (s stepStore) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	if err := s.next("PutRead"); err != nil {
		return 0, err
	}
	return s.Store.PutRead(ctx, room, user, seq)
}

// stepBus is a bus of which one call fails, and on which somebody else may be a moment faster.
type stepBus struct {
	bus.Interface
	*steps
	faster func()
}

func (b stepBus) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	if err := b.next("Replay"); err != nil {
		return bus.Replayed{}, err
	}
	return b.Interface.Replay(ctx, room, after, limit)
}

func (b stepBus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	if err := b.next("Append"); err != nil {
		go done(bus.Appended{}, bus.ErrUnavailable)
		return
	}
	if b.faster != nil {
		b.faster()
	}
	b.Interface.Append(e, done)
}

// stepped returns a world whose service is not running, with what it has stored, and a tail that it
// has not.
func stepped(t *testing.T) (w *world, s *steps) {
	t.Helper()
	w = open(t)
	w.say("r1", "ann", "m1", "1")
	w.stored("r1", w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m1", Text: "one"}))
	w.stop()
	w.say("r1", "ann", "m2", "2")
	w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e2", Target: "m2", Text: "two"})
	s = &steps{}
	w.Service = over(w, stepBus{Interface: w.bus, steps: s}, stepStore{w.store, s})
	return w, s
}

// TestEachStepFails has each thing that an answer is made of fail once: the answer is then that
// history does not answer, and never one that lacks something.
func TestEachStepFails(t *testing.T) {
	w, s := stepped(t)
	first := w.entries("r1")[0].Seq
	page := func(req historyapi.PageRequest) func() (any, error) {
		req.Room = "r1"
		return func() (any, error) {
			p, err := w.pageNow(req)
			return texts(p), err
		}
	}
	tries := 0
	for _, tt := range []struct {
		name string
		do   func() (any, error)
		want string
	}{
		{"the newest", page(historyapi.PageRequest{}), `one two`},
		{"before", page(historyapi.PageRequest{Before: bus.MaxSeq}), `one two`},
		{"after", page(historyapi.PageRequest{After: 1}), `one two`},
		{"around", page(historyapi.PageRequest{Around: first}), `one two`},
		{"since", func() (any, error) {
			out, err := w.pages.since(t.Context(), historyapi.SinceRequest{Room: "r1", After: first, ID: "m1", Limit: 10})
			return len(out.Entries), err
		}, "3"},
		{"sent, which is stored", func() (any, error) {
			return w.Service.changes.sent(t.Context(), historyapi.SentRequest{Room: "r1", User: "ann", ID: "m1"})
		}, fmt.Sprint(historyapi.Sent{Seq: first, TS: 1})},
		{"sent, which is in the log", func() (any, error) {
			return w.Service.changes.sent(t.Context(), historyapi.SentRequest{Room: "r1", User: "ann", ID: "m2"})
		}, fmt.Sprint(historyapi.Sent{Seq: w.entries("r1")[2].Seq, TS: 3})},
		{"sent, which is not there", func() (any, error) {
			return w.Service.changes.sent(t.Context(), historyapi.SentRequest{Room: "r1", User: "ann", ID: "m3"})
		}, fmt.Sprint(historyapi.Sent{})},
		{"how far somebody has read", func() (any, error) {
			return w.positions.read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: 7})
		}, fmt.Sprint(historyapi.ReadReply{Seq: 7})},
		{"a reaction, which is appended", func() (any, error) {
			tries++
			_, err := w.Service.changes.apply(t.Context(), historyapi.ApplyRequest{Event: chat.Event{
				Type: chat.TypeReacted, Room: "r1", User: "bob", ID: fmt.Sprint("x", tries), Target: "m1", Emoji: "👍", On: true,
			}})
			return nil, err
		}, fmt.Sprint(nil)},
	} {
		for fail := 1; ; fail++ {
			*s = steps{fail: fail}
			got, err := tt.do()
			if s.n < fail {
				if err != nil || fmt.Sprint(got) != tt.want {
					t.Errorf("%s: %v, %v, want %s", tt.name, got, err, tt.want)
				}
				if fail == 1 {
					t.Errorf("%s: nothing was asked", tt.name)
				}
				break
			}
			if chat.CodeOf(w.code(err)) != chat.CodeUnavailable {
				t.Errorf("%s when %s, its step %d, fails: %v, %v", tt.name, s.last, fail, got, err)
			}
		}
	}
}

// unsaid is a store that does not say with messages what was done to them, as that in MongoDB.
type unsaid struct{ store.Store }

func without(entries []store.Entry) []store.Entry {
	for i := range entries {
		entries[i].Done = nil
	}
	return entries
}

func (u unsaid) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	end, all, err := u.Store.Latest(ctx, room, limit)
	return end, without(all), err
}

func (u unsaid) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	all, err := u.Store.Newest(ctx, room, before, limit)
	return without(all), err
}

func (u unsaid) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	all, err := u.Store.Oldest(ctx, room, after, limit)
	return without(all), err
}

// TestStepsOfAPage counts what a page of stored messages asks of the store and of the bus, however
// many messages it has, and however often they were changed.
func TestStepsOfAPage(t *testing.T) {
	w := open(t)
	var last uint64
	for i := range 150 {
		id := fmt.Sprint("m", i)
		w.say("r1", "ann", id, "hello")
		w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: "b" + id, Target: id, Author: "ann", Emoji: "👍", On: true})
		last = w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e" + id, Target: id, Author: "ann", Text: "hallo"})
	}
	w.stored("r1", last)
	w.stop()
	s := &steps{}
	for _, tt := range []struct {
		store store.Store
		req   historyapi.PageRequest
		want  string
	}{
		{w.store, historyapi.PageRequest{}, "[Latest Replay]"},
		{w.store, historyapi.PageRequest{Before: last}, "[Last Replay Newest]"},
		{w.store, historyapi.PageRequest{After: 1}, "[Last Replay Oldest]"},
		{w.store, historyapi.PageRequest{Around: last / 2}, "[Last Replay Newest Oldest]"},
		{unsaid{w.store}, historyapi.PageRequest{}, "[Latest Replay About]"},
		{unsaid{w.store}, historyapi.PageRequest{Before: last}, "[Last Replay Newest About]"},
		{unsaid{w.store}, historyapi.PageRequest{After: 1}, "[Last Replay Oldest About]"},
		{unsaid{w.store}, historyapi.PageRequest{Around: last / 2}, "[Last Replay Newest Oldest About]"},
	} {
		w.Service = over(w, stepBus{Interface: w.bus, steps: s}, stepStore{tt.store, s})
		*s = steps{}
		tt.req.Room, tt.req.Limit = "r1", 100
		if p, err := w.pageNow(tt.req); err != nil || len(p.Messages) < 50 || p.Messages[0].Text != "hallo" || len(p.Messages[0].Reactions) != 1 {
			t.Errorf("%+v: %d messages, %v", tt.req, len(p.Messages), err)
		}
		if got := fmt.Sprint(s.all); got != tt.want {
			t.Errorf("%+v takes %s, want %s", tt.req, got, tt.want)
		}
	}
}

// TestApplyAMomentLater has somebody else append a command with the same msg_id between what a
// command has looked up and its own entry: the same is acknowledged with the first's seq, and
// another is refused.
func TestApplyAMomentLater(t *testing.T) {
	w, s := stepped(t)
	for target, want := range map[string]string{"m1": "", "m2": chat.CodeConflict} {
		var seq uint64
		b := w.bus
		id := "x-" + target
		w.Service = over(w, stepBus{Interface: b, steps: s, faster: func() {
			seq = w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: id, Target: "m1", Emoji: "👍", On: true})
		}}, stepStore{w.store, s})
		got, err := w.Service.changes.apply(t.Context(), historyapi.ApplyRequest{Event: chat.Event{
			Type: chat.TypeReacted, Room: "r1", User: "bob", ID: id, Target: target, Emoji: "👍", On: true,
		}})
		if chat.CodeOf(err) != want || want == "" && got.Seq != seq {
			t.Errorf("the same for %s: %+v, %v, want %d", target, got, err, seq)
		}
	}
}
