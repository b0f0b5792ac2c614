package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	notifyapi "hubbub.internal/libs/api/notify"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/listeners"
	"hubbub.internal/services/notify/push"
	"hubbub.internal/services/notify/queue"
)

// waiting returns the queued events, ordered by message and kind.
func (w *world) waiting() (all []queue.Event) {
	w.t.Helper()
	if err := w.bus.CatchUp(w.t.Context(), group); err != nil {
		w.t.Fatal(err)
	}
	for _, b := range w.queue.Due(time.Now().Add(24 * time.Hour)) {
		for _, e := range b.Events {
			e.Taken = time.Time{}
			e.Users = slices.Sorted(slices.Values(e.Users))
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b queue.Event) int { return 10*(int(a.Seq)-int(b.Seq)) + int(a.Kind) - int(b.Kind) })
	return all
}

func late() Config {
	cfg := quick()
	cfg.Delay = 10 * time.Minute
	return cfg
}

// TestEventsOfEntries: the events that each log entry adds to the queue.
func TestEventsOfEntries(t *testing.T) {
	w := open(t, late(), map[string]attention.Choices{
		"ann": {Words: []string{"tea"}}, "bob": {Rooms: map[string]attention.Level{"lobby": attention.Everything}}, "cyd": {Words: []string{"tea"}},
	})
	is := func(what string, want ...queue.Event) {
		t.Helper()
		if diff := cmp.Diff(want, w.waiting()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	msg := func(e chat.Event) uint64 {
		e.Type, e.Name = chat.TypeMsg, e.User
		return w.append(e)
	}
	seq := msg(chat.Event{Room: "lobby", User: "ann", ID: "1", Text: "tea"})
	is("their own word", queue.Event{Room: "lobby", ID: "1", Seq: seq, Sender: "ann", Name: "ann", Text: "tea", Kind: queue.Everything, Users: []string{"bob"}},
		queue.Event{Room: "lobby", ID: "1", Seq: seq, Sender: "ann", Name: "ann", Text: "tea", Kind: queue.Word, Users: []string{"cyd"}})
	seq = msg(chat.Event{Room: "lobby", User: "bob", ID: "2", Text: "tea", Thread: chat.Thread{Author: "ann", ID: "1"}})
	want := queue.Event{Room: "lobby", ID: "2", Seq: seq, Sender: "bob", Name: "bob", Text: "tea", Kind: queue.Word, Users: []string{"ann", "cyd"}, Thread: true}
	is("an answer by somebody who wants everything", want)
	seq = msg(chat.Event{Room: "lobby", User: "zed", ID: "3", Text: "tea", Thread: chat.Thread{Author: "ann", ID: "1"}, Broadcast: true})
	is("an answer that the room gets, too", queue.Event{Room: "lobby", ID: "3", Seq: seq, Sender: "zed", Name: "zed", Text: "tea", Kind: queue.Everything, Users: []string{"bob"}},
		queue.Event{Room: "lobby", ID: "3", Seq: seq, Sender: "zed", Name: "zed", Text: "tea", Kind: queue.Word, Users: []string{"ann", "cyd"}})
	seq = msg(chat.Event{Room: "d-1", User: "zed", ID: "4", Text: "tea"})
	is("direct", queue.Event{Room: "d-1", ID: "4", Seq: seq, Sender: "zed", Name: "zed", Text: "tea", Kind: queue.Direct, All: true})
	msg(chat.Event{Room: "_own", User: "zed", ID: "5", Text: "tea"})
	is("a reserved room")
	w.mentioned("eve", "lobby", "zed", 7, true)
	is("a mention of somebody who cannot be reached")
	w.mentioned("ann", "d-1", "zed", 7, true)
	w.mentioned("ann", "no room", "zed", 7, true)
	is("mentions in a direct room, and in none")
	w.append(chat.Event{Type: chat.TypeMentioned, Room: chat.UserRoom("ann"), Target: "lobby", User: "zed", Name: "Zed", At: 7, On: true, Thread: chat.Thread{Author: "ann", ID: "1"}})
	is("a mention", queue.Event{Room: "lobby", Seq: 7, Sender: "zed", Name: "Zed", Kind: queue.Mention, Users: []string{"ann"}, Thread: true})
}

// TestCancelledEvents: an edit, a deletion and a removed mention concern one message, one author
// and one person.
func TestCancelledEvents(t *testing.T) {
	w := open(t, late(), nil)
	for _, user := range []string{"bob", "cyd"} {
		w.append(chat.Event{Type: chat.TypeMsg, Room: "d-1", User: user, ID: "m1", Text: "of " + user})
		w.append(chat.Event{Type: chat.TypeMsg, Room: "d-1", User: user, ID: "m2", Text: "of " + user})
	}
	w.append(chat.Event{Type: chat.TypeDeleted, Room: "d-1", User: "moderator", Target: "m1", Author: "bob"})
	w.append(chat.Event{Type: chat.TypeEdited, Room: "d-1", User: "moderator", Target: "m2", Author: "cyd", Text: strings.Repeat("x", 2*textRunes)})
	w.mentionedAll("lobby", 7)
	w.mentioned("ann", "lobby", "zed", 7, true)
	w.mentioned("ann", "lobby", "zed", 8, true)
	w.mentioned("cyd", "lobby", "zed", 7, true)
	w.mentioned("ann", "lobby", "zed", 7, false)
	var got []string
	for _, e := range w.waiting() {
		got = append(got, fmt.Sprintf("%s%s %s", e.Sender, e.ID, strings.ReplaceAll(e.Text, strings.Repeat("x", textRunes), "xs")))
		if e.Kind == queue.Mention {
			got[len(got)-1] = fmt.Sprint(e.Seq, e.Users, e.All)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"7 [] true", "7 [cyd] false", "8 [ann] false", "bobm2 of bob", "cydm1 of cyd", "cydm2 xs…"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestOldAndTooMany: messages that are too old or too many are counted, and changes of membership
// are never too old.
func TestOldAndTooMany(t *testing.T) {
	cfg := late()
	cfg.Pending = 2
	w := open(t, cfg, map[string]attention.Choices{"cyd": {Level: attention.Everything}})
	old := time.Now().Add(-time.Hour).UnixMilli()
	w.append(chat.Event{Type: chat.TypeMsg, Room: "d-1", User: "bob", Text: "old", TS: old})
	w.append(chat.Event{Type: chat.TypeMember, Room: "new", User: "zed", Member: "cyd", Role: "member", TS: old})
	w.append(chat.Event{Type: chat.TypeMember, Room: "lobby", User: "zed", Member: "cyd", TS: old})
	for range 5 {
		w.says("d-1", "bob", "1")
	}
	if n := len(w.waiting()); n != 2 || testutil.ToFloat64(w.metrics.old) != 1 || testutil.ToFloat64(w.metrics.dropped) != 3 {
		t.Errorf("%d wait, %v were too old, %v too many", n, testutil.ToFloat64(w.metrics.old), testutil.ToFloat64(w.metrics.dropped))
	}
	if of := w.listeners.Of("new"); !slices.Equal(of, []string{"cyd"}) || len(w.listeners.Of("lobby")) != 0 {
		t.Errorf("in a room that cyd has joined, everything goes to %v", of)
	}
	w.notifyBatch(t.Context(), queue.Batch{Room: "d-1", Events: []queue.Event{{Room: "d-1", Seq: 1, Kind: queue.Direct, All: true, Taken: time.Now().Add(-time.Hour)}}})
	if testutil.ToFloat64(w.metrics.old) != 2 || w.asked[directoryapi.ServiceReach] != 0 {
		t.Error("an event that has waited for too long causes a request")
	}
	w.putBack([]queue.Event{{Room: "r1"}, {Room: "r2"}, {Room: "r3"}}, nil, time.Now())
	if testutil.ToFloat64(w.metrics.dropped) != 4 {
		t.Error("events that do not fit when they are put back are not counted")
	}
}

// TestChosen: the events of a batch that a person wants, each message once and by seq.
func TestChosen(t *testing.T) {
	ann := []string{"ann", "bob"}
	for name, tt := range map[string]struct {
		choices attention.Choices
		events  []queue.Event
		want    string
	}{
		"own":                  {events: []queue.Event{{Seq: 1, Sender: "ann", All: true, Kind: queue.Mention}}},
		"hidden":               {events: []queue.Event{{Seq: 1, Sender: "eve", All: true, Kind: queue.Mention}}},
		"others'":              {events: []queue.Event{{Seq: 1, Users: []string{"bob"}, Kind: queue.Mention}, {Seq: 2, Users: ann, Kind: queue.Mention}}, want: "2 3"},
		"nothing":              {attention.Choices{Level: attention.Nothing}, []queue.Event{{Seq: 1, Users: ann, Kind: queue.Mention}}, ""},
		"not everything":       {events: []queue.Event{{Seq: 1, Users: ann, Kind: queue.Everything}, {Seq: 2, Users: ann, Kind: queue.Word}}, want: "2 2"},
		"everything":           {attention.Choices{Level: attention.Everything}, []queue.Event{{Seq: 1, Users: ann, Kind: queue.Everything}}, "1 1"},
		"in order":             {events: []queue.Event{{Seq: 5, All: true, Kind: queue.Direct}, {Seq: 4, All: true, Kind: queue.Direct}}, want: "4 4, 5 4"},
		"the stronger kind":    {events: []queue.Event{{Seq: 1, Users: ann, Kind: queue.Word, Text: "a"}, {Seq: 1, Users: ann, Kind: queue.Mention}}, want: "1 3 a"},
		"the weaker kind":      {events: []queue.Event{{Seq: 1, Users: ann, Kind: queue.Mention}, {Seq: 1, Users: ann, Kind: queue.Word, Text: "a"}}, want: "1 3 a"},
		"the text of the kind": {events: []queue.Event{{Seq: 1, Users: ann, Kind: queue.Mention, Text: "a"}, {Seq: 1, Users: ann, Kind: queue.Word, Text: "b"}}, want: "1 3 a"},
	} {
		var got []string
		for _, e := range chosen(tt.events, directoryapi.Person{User: "ann", Hidden: []string{"eve"}, Choices: tt.choices}) {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d %d %s", e.Seq, e.Kind, e.Text)))
		}
		if all := strings.Join(got, ", "); all != tt.want {
			t.Errorf("%s: %q, want %q", name, all, tt.want)
		}
	}
}

func TestDone(t *testing.T) {
	room := func(read, through uint64, unread, mentions int) chat.InboxRoom {
		return chat.InboxRoom{Read: read, Through: through, Unread: unread, Mentions: mentions}
	}
	for _, tt := range []struct {
		e    queue.Event
		room chat.InboxRoom
		want bool
	}{
		{queue.Event{Seq: 5}, room(5, 9, 1, 0), true}, {queue.Event{Seq: 5}, room(4, 9, 1, 0), false}, {queue.Event{Seq: 5}, room(4, 9, 0, 0), true},
		{queue.Event{Seq: 5}, room(0, 5, 0, 0), true}, {queue.Event{Seq: 6}, room(6, 5, 0, 0), false}, {queue.Event{Seq: 5, Thread: true}, room(6, 9, 0, 0), false},
		{queue.Event{Seq: 5, Kind: queue.Mention}, room(4, 9, 1, 0), true}, {queue.Event{Seq: 5, Kind: queue.Mention}, room(4, 9, 1, 1), false},
	} {
		if got := done(tt.e, tt.room); got != tt.want {
			t.Errorf("%+v in %+v: %v", tt.e, tt.room, got)
		}
	}
}

func TestNotice(t *testing.T) {
	short, err := encode(notice{Kind: kindDirect, Room: "r", Text: "hello"})
	if err != nil || !strings.Contains(string(short), "hello") {
		t.Errorf("%s, %v", short, err)
	}
	long, err := encode(notice{Kind: kindDirect, Room: "r", Text: strings.Repeat("\x01", 600)})
	if err != nil || len(long) > push.MaxPayload || !strings.Contains(string(long), `"room":"r"`) {
		t.Errorf("%d bytes, %v", len(long), err)
	}
	// at most 32 characters (RFC 8030, section 5.4)
	if a, b := topicOf("a"), topicOf("b"); a == b || len(a) != 32 {
		t.Errorf("the topics are %s and %s", a, b)
	}
	var b queue.Batch
	for i := range 3 * maxSenders {
		b.Events = append(b.Events, queue.Event{Sender: fmt.Sprint(i / 2)})
	}
	if all := senders(b); len(all) != maxSenders || all[1] != "1" {
		t.Errorf("the senders are %v", all)
	}
	if exact := strings.Repeat("ä", textRunes); cut(exact) != exact || cut(exact+"b") != exact+"…" {
		t.Errorf("a text of %d characters is cut to %q", textRunes, cut(exact))
	}
}

// accessOf is an Access by user.
type accessOf func(user string) (bool, error)

func (f accessOf) Access(_ context.Context, user, _ string) (directoryapi.Access, error) {
	read, err := f(user)
	return directoryapi.Access{Read: read}, err
}

// TestWhoMay: whoMay returns each person once, without those who may not read the room. If access
// is unknown, it leaves nobody out.
func TestWhoMay(t *testing.T) {
	s := &Service{listeners: listeners.New(nil, nil, zap.NewNop()), access: accessOf(func(user string) (bool, error) {
		if user == "lost" {
			return false, errors.New("away")
		}
		return user != "out", nil
	})}
	users, direct := s.whoMay(t.Context(), queue.Batch{Events: []queue.Event{{Users: []string{"ann", "out", "lost"}}, {Users: []string{"bob", "ann"}}}})
	if direct || !slices.Equal(users, []string{"ann", "lost", "bob"}) {
		t.Errorf("%v, %v", users, direct)
	}
	if users, direct = s.whoMay(t.Context(), queue.Batch{Events: []queue.Event{{Users: []string{"ann"}}, {All: true, Kind: queue.Direct}}}); !direct || users != nil {
		t.Errorf("for a direct room %v, %v", users, direct)
	}
	if users, direct = s.whoMay(t.Context(), queue.Batch{Events: []queue.Event{{All: true, Kind: queue.Mention}}}); direct || len(users) != 0 {
		t.Errorf("for a room %v, %v", users, direct)
	}
}

// TestManyPeople: one request to the directory names a bounded number of people.
func TestManyPeople(t *testing.T) {
	w := open(t, late(), nil)
	e := queue.Event{Room: "lobby", Seq: 1, Kind: queue.Word, Taken: time.Now()}
	for i := range directoryapi.MaxReach + 1 {
		e.Users = append(e.Users, fmt.Sprint("u", i))
	}
	w.notifyBatch(t.Context(), queue.Batch{Room: "lobby", Events: []queue.Event{e}})
	if w.asked[directoryapi.ServiceReach] != 2 {
		t.Errorf("the directory was asked %d times for %d people", w.asked[directoryapi.ServiceReach], len(e.Users))
	}
}

// TestPutBack: events that are put back are for those who got no notice.
func TestPutBack(t *testing.T) {
	w := open(t, late(), nil)
	events := []queue.Event{
		{Room: "lobby", Seq: 1, Kind: queue.Mention, All: true}, {Room: "lobby", Seq: 2, Kind: queue.Mention, Users: []string{"bob"}},
		{Room: "lobby", Seq: 3, Kind: queue.Mention, Users: []string{"ann", "cyd"}},
	}
	of := func(seq uint64, users ...string) queue.Event {
		return queue.Event{Room: "lobby", Seq: seq, Kind: queue.Mention, Users: users}
	}
	is := func(what string, want ...queue.Event) {
		t.Helper()
		if diff := cmp.Diff(want, w.waiting()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	users := []string{"ann", "zed"}
	w.putBack(slices.Clone(events), users, time.Now())
	is("for some", of(1, "ann", "zed"), of(3, "ann"))
	w.putBack(slices.Clone(events), nil, time.Now())
	is("for all", events...)
	w.change(func() { w.away[directoryapi.ServiceReach] = true })
	w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: slices.Clone(events)}, users)
	is("the directory is away", of(1, "ann", "zed"), of(3, "ann"))
	w.change(func() { w.away[directoryapi.ServiceReach], w.away[historyapi.ServiceInbox] = false, true })
	w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: slices.Clone(events)}, users)
	is("history is away", of(1, "ann"), of(3, "ann"))
	w.change(func() { w.away[historyapi.ServiceInbox] = false })
	w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: []queue.Event{of(1, "ann"), of(2, "ann")}}, []string{"ann"})
	if _, n := w.gets(); n.Count != 2 || n.Seq != 1 {
		t.Errorf("the notice is %+v", n)
	}
	w.change(func() { w.inbox["ann"] = chat.InboxRoom{Read: 3, Through: 9, Unread: 1, Mentions: 1} })
	w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: []queue.Event{of(3, "ann"), of(4, "ann")}}, []string{"ann"})
	is("after a notice a moment ago, with one message read", of(4, "ann"))
}

// TestSkipped: the metrics count the reasons why somebody got no notice.
func TestSkipped(t *testing.T) {
	w := open(t, late(), map[string]attention.Choices{"cyd": {Paused: chat.Forever}})
	notify := func(user string) {
		w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: []queue.Event{{Room: "lobby", Seq: 1, Kind: queue.Mention, Users: []string{user}}}}, []string{user})
	}
	w.change(func() { w.active, w.dnd = []string{"ann"}, []string{"bob"} })
	for _, user := range []string{"ann", "bob", "cyd"} {
		notify(user)
	}
	w.change(func() { w.active, w.inbox["ann"] = nil, chat.InboxRoom{Read: 9, Through: 9} })
	notify("ann")
	w.notifyUsers(t.Context(), queue.Batch{Room: "lobby", Events: []queue.Event{{Room: "lobby", Seq: 1, Users: []string{"bob"}}}}, []string{"ann"})
	w.change(func() { w.left["ann"] = true })
	notify("ann")
	for reason, want := range map[string]float64{skipSilent: 2, skipActive: 1, skipRead: 1} {
		if got := testutil.ToFloat64(w.metrics.skipped.WithLabelValues(reason)); got != want {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
	if asked := w.asked[presenceapi.ServiceActive]; asked != 4 {
		t.Errorf("presence was asked %d times", asked)
	}
}

// TestPush: a push has the topic of its room, and is urgent unless its kind is everything.
func TestPush(t *testing.T) {
	cfg := late()
	cfg.Text = true
	w := open(t, cfg, map[string]attention.Choices{"ann": {Level: attention.Everything}})
	w.change(func() {
		for seq, text := range map[uint64]string{1: "the first", 3: strings.Repeat("x", 2*textRunes)} {
			w.pages[seq] = chat.Message{Event: chat.Event{Seq: seq, Text: text}}
		}
		w.pages[4] = chat.Message{Event: chat.Event{Seq: 3, Text: "the one before"}}
	})
	for room, tt := range map[string]struct {
		kind    queue.Kind
		last    uint64
		urgency string
		want    notice
	}{
		"lobby": {queue.Everything, 3, "normal", notice{Kind: kindMessage, Text: strings.Repeat("x", textRunes) + "…"}},
		"word":  {queue.Word, 4, "high", notice{Kind: kindMention}},
		"other": {queue.Mention, 5, "high", notice{Kind: kindMention}},
		"d-9":   {queue.Direct, 1, "high", notice{Kind: kindDirect, Text: "the first"}},
	} {
		w.notifyUsers(t.Context(), queue.Batch{Room: room, Events: []queue.Event{
			{Room: room, Seq: tt.last, Sender: "bob", Name: "Bob", Kind: tt.kind, Users: []string{"ann"}},
		}}, []string{"ann"})
		got := w.push.Next()
		var n notice
		if err := json.Unmarshal([]byte(got.Payload), &n); err != nil {
			t.Fatal(err)
		}
		tt.want.Room, tt.want.Name, tt.want.Seq, tt.want.Author, tt.want.Count = room, n.Name, tt.last, "Bob", 1
		if n != tt.want || got.Topic != topicOf(room) || got.Urgency != tt.urgency {
			t.Errorf("%s: %+v with %+v", room, got, n)
		}
	}
}

// TestKeyOfPushes: the service asks for the key until it has an answer, and then no more. It tells
// the directory only of devices that are gone.
func TestKeyOfPushes(t *testing.T) {
	w := open(t, quick(), nil)
	client := notifyapi.NewClient(w.bus)
	try := func() error {
		return client.Try(t.Context(), notifyapi.TryRequest{User: "ann", Session: "ann-1"})
	}
	w.change(func() { w.away[directoryapi.ServicePushKey] = true })
	if err := try(); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("without a key: %v", err)
	}
	w.change(func() { w.away[directoryapi.ServicePushKey] = false })
	for range 2 {
		if err := try(); err != nil {
			t.Error(err)
		}
	}
	if n := w.asked[directoryapi.ServicePushKey]; n != 2 {
		t.Errorf("the key was asked for %d times", n)
	}
	for _, out := range []push.Outcome{push.Failed, push.Refused, push.Dropped, push.Lapsed} {
		w.pushed(push.Push{User: "ann", Device: w.push.Device("ann-1")}, out)
		if got := testutil.ToFloat64(w.metrics.pushes.WithLabelValues(string(out))); got < 1 {
			t.Errorf("%s is counted %v times", out, got)
		}
	}
	if len(w.lapsed) != 1 || w.lapsed[0].Session != "ann-1" {
		t.Errorf("the directory learned of %+v", w.lapsed)
	}
}
