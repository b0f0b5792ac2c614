package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"hubbub.internal/libs/api"
	historyapi "hubbub.internal/libs/api/history"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/mail/smtptest"
	"hubbub.internal/services/directory/store"
)

// absent stands for the services that say what waits for people, and who is here.
type absent struct {
	mu      sync.Mutex
	inbox   map[string][]chat.InboxRoom // by user and by room; one room in each answer
	threads map[string][]chat.InboxThread
	here    presenceapi.Active
	away    bool // history does not answer
}

func (w *world) absent() *absent {
	w.t.Helper()
	a := &absent{inbox: map[string][]chat.InboxRoom{}, threads: map[string][]chat.InboxThread{}}
	b := w.connect(w.t)
	_, err := api.Handle(w.t.Context(), b, historyapi.ServiceInbox, nil, func(_ context.Context, r historyapi.InboxRequest) (out historyapi.Inbox, _ error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.away || !r.Mentioned {
			return out, chat.Unavailable("history is away", time.Second)
		}
		if r.Next == "" {
			out.Threads = a.threads[r.User]
		}
		all := a.inbox[r.User]
		at := slices.IndexFunc(all, func(i chat.InboxRoom) bool { return i.Room > r.Next })
		if at < 0 {
			return out, nil
		}
		out.Rooms = all[at : at+1]
		if at+1 < len(all) {
			out.Next = all[at].Room
		}
		return out, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = api.Handle(w.t.Context(), b, presenceapi.ServiceActive, nil, func(context.Context, presenceapi.ActiveRequest) (presenceapi.Active, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.here, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (a *absent) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// waits changes what waits for a user.
func (a *absent) waits(user string, rooms ...chat.InboxRoom) {
	slices.SortFunc(rooms, func(a, b chat.InboxRoom) int { return strings.Compare(a.Room, b.Room) })
	a.set(func() { a.inbox[user] = rooms })
}

// is changes who is here.
func (a *absent) is(here presenceapi.Active) { a.set(func() { a.here = here }) }

// mentionIn is a room with a mention of a time (UTC milliseconds), after which more was said.
func mentionIn(room string, at int64) chat.InboxRoom {
	return chat.InboxRoom{
		Room: room, Unread: 3, Mentions: 1, FirstUnread: 4, FirstMention: 5, Mentioned: at, Through: 6,
		Last: &chat.InboxLatest{Seq: 6, Name: "Bob", TS: at + 1000, Text: "come and see"},
	}
}

// lookAgain makes it the time to look at an account, as if its last digest were of another time.
func (w *world) lookAgain(user string, sent time.Time) {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), user)
	if err == nil {
		err = w.store.MoveDigest(w.t.Context(), user, a.DigestDue, time.Now().Add(-time.Minute).UnixMilli(), sent.UnixMilli())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// look runs a round that looks at an account, and returns it as it is then.
func (w *world) look(user string) store.Account {
	w.t.Helper()
	due, err := w.store.DigestsDue(w.t.Context(), time.Now().UnixMilli(), 10)
	if err != nil || len(due) != 1 || due[0].User != user {
		w.t.Fatalf("due are %+v, %v", due, err)
	}
	if err := w.digests.sweepDigests(w.t.Context()); err != nil {
		w.t.Logf("a look fails: %v", err)
	}
	a, err := w.store.Account(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// noLetter holds that no letter has come that nobody has looked at, and none is to come.
func (w *world) noLetter(sink *smtptest.Sink) {
	w.t.Helper()
	w.eventually("all letters are done with", func() bool {
		all, err := w.store.FreeLetters(w.t.Context(), 1<<60, 10)
		return err == nil && len(all) == 0 && w.letters.mailing.queue.Waiting() == 0
	})
	// Letters are sent one after the other: one that is under way comes before this one.
	done := make(chan struct{})
	w.letters.mailing.queue.Add(mail.Job{Until: time.Now().Add(time.Hour), Over: func() { close(done) }, Write: func(context.Context) ([]mail.Letter, error) { return nil, nil }})
	<-done
	if sink.Waiting() != 0 {
		w.t.Errorf("a letter: %s", sink.Next(w.t).Text)
	}
}

// openAway starts a service that sends mail, with an account that has an address, and what stands
// for the other services.
func openAway(t *testing.T) (*world, *smtptest.Sink, *absent, credentials) {
	t.Helper()
	w, sink := openMailWorld(t)
	ann := w.register("Ann")
	w.withMail(sink, ann, "ann@example.org")
	a, err := w.store.Account(t.Context(), ann.User.ID)
	soon := time.Now().Add(w.cfg.DigestAfter).UnixMilli()
	if err != nil || a.DigestDue < soon-60_000 || a.DigestDue > soon {
		t.Fatalf("an account with a new address is looked at at %d, %v", a.DigestDue, err)
	}
	return w, sink, w.absent(), ann
}

// TestDigest writes to somebody who is away what waits, once, and again when there is more.
func TestDigest(t *testing.T) {
	w, sink, others, ann := openAway(t)
	now := time.Now()
	others.waits(ann.User.ID, mentionIn("lobby", now.UnixMilli()-1), chat.InboxRoom{Room: "other", Unread: 9, Last: &chat.InboxLatest{TS: now.UnixMilli()}})
	w.lookAgain(ann.User.ID, time.UnixMilli(0))
	a := w.look(ann.User.ID)
	if a.DigestSent < now.UnixMilli() || a.DigestSent > time.Now().UnixMilli() || a.DigestDue <= now.UnixMilli() {
		t.Errorf("after a digest: %+v", a)
	}
	m := sink.Next(t)
	text := strings.ReplaceAll(m.Text, "=\r\n", "")
	if m.To != "ann@example.org" || !strings.Contains(text, "1 mention, 3 new messages in all") || !strings.Contains(text, "https://chat.example/in/#/room/lobby/5") ||
		strings.Contains(text, "other") || strings.Contains(text, "come and see") {
		t.Errorf("the digest is %+v", m)
	}
	stop, err := w.digests.stopToken(a)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8058, section 3.1
	for _, want := range []string{"List-Unsubscribe: <https://chat.example/in/v1/digests/stop?token=" + stop + ">\r\n", "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "#/digests/" + stop} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(m.Text, "=\r\n", ""), "\r\n ", " "), want) {
			t.Errorf("%q is not in %s", want, m.Text)
		}
	}
	// What was told is not told again when it is time for another, also not if more was said there
	// that mentions nobody.
	old := mentionIn("lobby", now.Add(-49*time.Hour).UnixMilli())
	old.Last.TS = now.UnixMilli()
	others.waits(ann.User.ID, old)
	thread := chat.InboxThread{Room: "lobby", Author: ann.User.ID, ID: "m1", Unread: 1, FirstUnread: 8, TS: now.Add(-49 * time.Hour).UnixMilli()}
	others.set(func() { others.threads[ann.User.ID] = []chat.InboxThread{thread} })
	w.lookAgain(ann.User.ID, now.Add(-48*time.Hour))
	if a := w.look(ann.User.ID); a.DigestSent != now.Add(-48*time.Hour).UnixMilli() {
		t.Errorf("when nothing is new: %+v", a)
	}
	w.noLetter(sink)
	others.waits(ann.User.ID, mentionIn("lobby", now.UnixMilli()))
	w.lookAgain(ann.User.ID, now.Add(-48*time.Hour))
	w.look(ann.User.ID)
	if m := sink.Next(t); m.To != "ann@example.org" {
		t.Errorf("a digest to %s", m.To)
	}
	w.noLetter(sink)
	for outcome, want := range map[string]float64{"written": 2, "nothing": 1, "failed": 0} {
		if got := testutil.ToFloat64(w.metrics.digests.WithLabelValues(outcome)); got != want {
			t.Errorf("%s were %v, want %v", outcome, got, want)
		}
	}
}

// TestDigestNames: direct messages are named by who is in them, as are rooms and threads, the
// newest first; what is gone is left out, and of more than fit there is the number.
func TestDigestNames(t *testing.T) {
	w, sink, others, ann := openAway(t)
	now := time.Now().UnixMilli()
	bob := w.register("Bob")
	var direct roomView
	w.ok("POST", "/v1/direct", bob.Token, fmt.Sprintf(`{"user":%q}`, ann.User.ID), &direct)
	said := func(room string, at int64) chat.InboxRoom {
		return chat.InboxRoom{Room: room, Unread: 2, FirstUnread: 3, Last: &chat.InboxLatest{TS: at}}
	}
	others.set(func() {
		others.threads[ann.User.ID] = []chat.InboxThread{{Room: "lobby", Author: bob.User.ID, ID: "m1", Unread: 1, FirstUnread: 8, TS: now}}
	})
	others.waits(ann.User.ID, mentionIn("lobby", now-5000), mentionIn("gone", now), said(direct.ID, now-1000))
	w.lookAgain(ann.User.ID, time.UnixMilli(0))
	w.look(ann.User.ID)
	text := strings.ReplaceAll(sink.Next(t).Text, "=\r\n", "")
	places := []string{"\r\nBob: 2 new messages\r\n    https://chat.example/in/#/room/" + direct.ID + "/3\r\n", "\r\nLobby: 1 mention", "\r\nLobby: 1 new answer in a thread that you follow\r\n"}
	at := 0
	for _, want := range places {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q is not there in its place: %s", want, text)
		}
		at += i
	}
	if strings.Contains(text, "gone") || !strings.Contains(text, "Subject: New for you in 3 conversations at chat.example\r\n") {
		t.Errorf("the digest is %s", text)
	}
	// So many places as a letter names, and others.
	var many []chat.InboxRoom
	for i := range digestLines + 5 {
		r := w.create(bob, fmt.Sprintf(`{"name":"room %d"}`, i))
		many = append(many, mentionIn(r.ID, now+int64(i)))
	}
	others.waits(ann.User.ID, many...)
	w.lookAgain(ann.User.ID, time.UnixMilli(0))
	w.look(ann.User.ID)
	text = strings.ReplaceAll(sink.Next(t).Text, "=\r\n", "")
	if strings.Contains(text, "\r\nroom 4:") || !strings.Contains(text, "\r\nroom 5:") || !strings.Contains(text, "\r\nAnd 6 more conversations.\r\n") {
		t.Errorf("of many places the digest has %s", text)
	}
}
