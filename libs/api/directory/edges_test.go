package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestMute: who is muted is told until when and why, and for how long there is no use in trying.
func TestMute(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		until int64
		why   string
		want  string // "": not muted
		after time.Duration
	}{
		{0, "x", "", 0}, {now.UnixMilli() - 1, "x", "", 0}, {now.UnixMilli(), "x", "", 0},
		{now.UnixMilli() + 1, "", "you are muted until 2023-11-14 22:13:20 UTC", time.Millisecond},
		{now.Add(time.Hour).UnixMilli(), "spam", "you are muted until 2023-11-14 23:13:20 UTC: spam", time.Hour},
		{chat.Forever, "", "you are muted until that is lifted", 0}, {chat.Forever, "spam", "you are muted until that is lifted: spam", 0},
	} {
		a := Access{MutedUntil: tt.until, MutedWhy: tt.why}
		err := a.Mute(now)
		if (err == nil) != (tt.want == "") || a.Muted(now) != (tt.want != "") {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if e, ok := errors.AsType[*chat.Error](err); ok && (e.Code != chat.CodeMuted || e.Message != tt.want || e.RetryAfter != tt.after) {
			t.Errorf("%+v: %+v", tt, e)
		}
	}
}

// TestEveryBitIsPacked: each thing that an answer may say comes back, alone and beside the others,
// and what does not fit is not kept.
func TestEveryBitIsPacked(t *testing.T) {
	all := []Access{
		{}, {Read: true}, {Send: true}, {Direct: true}, {Small: true}, {React: true}, {Archived: true}, {Ask: true}, {Slow: 1}, {Slow: maxSlow}, {Role: RoleReader}, {Role: RoleOwner},
		{Role: RoleModerator, Read: true, Send: true, Direct: true, Small: true, React: true, Archived: true, Ask: true, Slow: maxSlow},
	}
	for _, a := range all {
		p, ok := pack(a, 7)
		if !ok || p.access() != a || !p.current(7) || p.current(8) {
			t.Errorf("%+v comes back as %+v", a, p.access())
		}
	}
	for _, a := range []Access{{Slow: -1}, {Slow: maxSlow + 1}, {Role: "emperor"}} {
		if _, ok := pack(a, 7); ok {
			t.Errorf("%+v is kept", a)
		}
	}
}

// TestDepartures: who has gone is known for good; of who has not, what was found out counts until
// something has changed since it was asked for, or there was no contact.
func TestDepartures(t *testing.T) {
	var d departures
	d.init()
	d.limit = 2
	look := func(current bool, names ...string) (gone, unknown string) {
		users := map[string]bool{}
		for _, n := range names {
			users[n] = false
		}
		all, _ := d.look(users, current)
		slices.Sort(all)
		for _, n := range names {
			if users[n] {
				gone += n
			}
		}
		return gone, strings.Join(all, "")
	}
	check := func(what string, current bool, names, wantGone, wantUnknown string) {
		t.Helper()
		if gone, unknown := look(current, strings.Split(names, "")...); gone != wantGone || unknown != wantUnknown {
			t.Errorf("%s: gone are %q, unknown %q; want %q and %q", what, gone, unknown, wantGone, wantUnknown)
		}
	}
	_, at := d.look(nil, true)
	check("at first", true, "ab", "", "ab")
	d.keep([]string{"a", "b"}, map[string]bool{"a": true}, at)
	check("asked", true, "abc", "a", "c")
	check("without contact", false, "ab", "a", "b")
	d.keep([]string{"c"}, nil, at)
	if len(d.old) != 2 || len(d.young) != 1 {
		t.Errorf("%d are old and %d young", len(d.old), len(d.young))
	}
	check("of the generation before", true, "abc", "a", "")
	d.drop("b")
	check("after a change of one", true, "abc", "a", "b")
	// of a question from before the change
	d.keep([]string{"b", "d"}, map[string]bool{"d": true}, at)
	check("a late answer", true, "bd", "d", "b")
	_, at = d.look(nil, true)
	d.forget()
	check("forgotten", true, "acd", "", "acd")
	d.keep([]string{"a"}, nil, at)
	check("a late answer after that", true, "a", "", "a")

	now := time.Now()
	d.failed(now)
	if d.mayAsk(now.Add(departedPause-1)) || !d.mayAsk(now.Add(departedPause)) {
		t.Error("not asked again after the pause")
	}
}

// TestMemberIsUnnamed: also of those about whom an entry is the names are looked up, and of one
// sender once.
func TestMemberIsUnnamed(t *testing.T) {
	var asked []string
	rpc := &asking{answer: func(users []string) []string { asked = append(asked, users...); return []string{"gone"} }}
	c := NewCache(rpc, zap.NewNop())
	events := []chat.Event{
		{Type: chat.TypeModerated, User: "ann", Name: "Ann", Act: chat.ActMute, Member: "gone", MemberName: "Gone"},
		{Type: chat.TypeMsg, User: "ann", Name: "Ann"}, {Type: chat.TypeTopic, Name: "Room"}, {Type: chat.TypeMsg, User: "ann", Name: "Ann"},
	}
	changed := map[int]string{}
	c.Unnamed(t.Context(), len(events), func(i int) (string, []byte) {
		data, err := chat.AppendEntry(nil, events[i])
		if err != nil {
			t.Fatal(err)
		}
		return events[i].User, data
	}, func(i int, data []byte) { changed[i] = string(data) })
	slices.Sort(asked)
	if !slices.Equal(asked, []string{"ann", "gone"}) || len(changed) != 1 || !strings.Contains(changed[0], `"member_name":"`+chat.DeletedName+`"`) || !strings.Contains(changed[0], "Ann") {
		t.Errorf("asked about %q, changed %v", asked, changed)
	}
}

// asking is a bus that only answers who has gone.
type asking struct {
	bus.Interface
	answer func(users []string) []string
}

func (a *asking) Request(_ context.Context, _ string, data []byte) ([]byte, error) {
	var users []string
	for _, part := range strings.Split(string(data), `"`) {
		if chat.ValidID(part) && part != "users" {
			users = append(users, part)
		}
	}
	return []byte(`{"departed":["` + strings.Join(a.answer(users), `","`) + `"]}`), nil
}

// pastLog is a control log of which the entries from before the start are the test's.
type pastLog struct {
	bus.Interface
	entries []bus.Entry
	more    bool
	err     error
	calls   int
}

func (l *pastLog) Replay(_ context.Context, _ string, after bus.Position, _ int) (bus.Replayed, error) {
	if l.calls++; l.err != nil {
		return bus.Replayed{}, l.err
	}
	out := bus.Replayed{}
	for _, e := range l.entries {
		if e.Seq > after.Seq {
			out.Entries = append(out.Entries, e)
			if l.more {
				out.More = true
				break
			}
		}
	}
	return out, nil
}

// TestPast: of the control log from before the start only the ends of sessions count, page after
// page; a log that ends before it did then is read to its end, and one that is away is asked again
// later.
func TestPast(t *testing.T) {
	now := time.Now()
	var entries []bus.Entry
	for i, c := range []Change{
		{Kind: ChangeAccess, User: "ann", Room: "r", At: now.UnixMilli()}, {Kind: ChangePerson, User: "ann", At: now.UnixMilli()},
		{Kind: ChangeUser, User: "bob", At: now.UnixMilli()}, {Kind: ChangeUser, User: "cat", Session: "s-cat", At: now.UnixMilli()},
	} {
		data, err := EncodeChange(c)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, bus.Entry{Seq: uint64(i + 1), ID: "e", Data: data})
	}
	for _, more := range []bool{false, true} {
		l := &pastLog{entries: entries, more: more}
		c := NewCache(l, zap.NewNop())
		p := past{head: 9} // entries were lost since
		l.err = errors.New("away")
		if c.recall(t.Context(), &p) || l.calls != 1 || c.Ready(t.Context()) == nil {
			t.Errorf("asked %d times while the log is away", l.calls)
		}
		l.err = nil
		if !c.recall(t.Context(), &p) || c.Ready(t.Context()) != nil || l.calls > 6 {
			t.Errorf("not known after %d calls", l.calls)
		}
		if !c.recall(t.Context(), &p) || c.Known(t.Context()) != nil {
			t.Error("not known any more")
		}
		for _, tt := range []struct {
			user, session string
			want          bool
		}{{"ann", "s-ann", false}, {"bob", "s-bob", true}, {"cat", "s-cat", true}, {"cat", "s-other", false}} {
			if got := c.Revoked(auth.Claims{User: tt.user, Session: tt.session, Issued: now.Add(-time.Minute)}); got != tt.want {
				t.Errorf("%s in %s is shut out: %t", tt.user, tt.session, got)
			}
		}
	}
}

// TestAskedForAnother: who waits for another's question, whose time is over first, asks itself; and
// nothing is left of questions, whatever becomes of the memory of their ids.
func TestAskedForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s asks
		s.init(nil)
		user := []byte("ann")
		k := func() key { return key{strings.Clone(unsafe.String(&user[0], len(user))), "r"} }
		ask := func(ctx context.Context, _ key) (Access, error) {
			select {
			case <-time.After(2 * time.Second):
				return Access{Read: true}, nil
			case <-ctx.Done():
				return Access{}, ctx.Err()
			}
		}
		var wg sync.WaitGroup
		for _, limit := range []time.Duration{time.Second, time.Minute} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			wg.Go(func() {
				a, err := s.once(ctx, k(), ask)
				if (err == nil) != (limit == time.Minute) || a.Read != (err == nil) {
					t.Errorf("within %s: %+v, %v", limit, a, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if len(s.open) != 0 {
			t.Errorf("%d questions are open", len(s.open))
		}
	})
}

// TestIDsOfTheCaller: the caller may use the memory of the ids for something else while others wait
// for the answer.
func TestIDsOfTheCaller(t *testing.T) {
	b := openBus(t)
	c, s := start(t, b, nil)
	user := []byte("ann")
	s.set("ann", "r", Access{Read: true})
	s.during = func() { copy(user, "xxx") }
	a, err := c.Access(t.Context(), unsafe.String(&user[0], len(user)), "r")
	if err != nil || !a.Read || len(c.asks.open) != 0 {
		t.Errorf("%+v, %v; %d questions are open", a, err, len(c.asks.open))
	}
}

// TestContact: as long as the bus answers, or changes come, what is known is trusted; without
// either it is not, and the memory of it is let go.
func TestContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &contactBus{}
		c := NewCache(s, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = c.Run(ctx) }()
		synctest.Wait()
		k := key{"ann", "r"}
		keep := func() {
			t.Helper()
			if !c.answers.holds(k, c.answers.now(k), Access{Read: true}, true) {
				t.Fatal("not kept")
			}
		}
		known := func() bool { _, ok := c.Cached(k.user, k.room); return ok }
		keep()
		if time.Sleep(5 * maxAge); !known() {
			t.Error("not trusted although the bus answers")
		}
		s.set(errors.New("away"))
		change, err := EncodeChange(Change{Kind: ChangeNetworks})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(maxAge / 2)
			(*follower)(c).Entry(bus.Entry{Data: change})
		}
		if !known() {
			t.Error("not trusted although changes come")
		}
		time.Sleep(2 * maxAge)
		if synctest.Wait(); known() || len(c.answers.young) != 0 {
			t.Errorf("trusted without contact; %d answers are remembered", len(c.answers.young))
		}
		cancel()
		<-done
		if !s.stopped {
			t.Error("the control log is still followed")
		}
	})
}

// contactBus is a bus that is there or not.
type contactBus struct {
	bus.Interface
	mu      sync.Mutex
	err     error
	stopped bool
}

func (b *contactBus) set(err error) { b.mu.Lock(); defer b.mu.Unlock(); b.err = err }
func (b *contactBus) Follow(context.Context, string, bus.Follower) (uint64, bus.Subscription, error) {
	return 0, b, nil
}

func (b *contactBus) Probe(context.Context) error { b.mu.Lock(); defer b.mu.Unlock(); return b.err }
func (b *contactBus) Stop()                       { b.stopped = true }
