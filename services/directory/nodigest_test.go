package directory

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestNoDigest: who is here, was here a moment ago, had a digest, wants none, has nothing that
// waits or is no user any more is written nothing, and is looked at again.
func TestNoDigest(t *testing.T) {
	w, sink, others, ann := openAway(t)
	now := time.Now()
	user := ann.User.ID
	waiting := mentionIn("lobby", now.UnixMilli())
	op := w.operator("Op")
	choose := func(notify string) {
		t.Helper()
		var p preferences
		w.ok("GET", "/v1/preferences", ann.Token, "", &p)
		w.ok("PUT", "/v1/preferences", ann.Token, fmt.Sprintf(`{"version":%d,"values":{"notify":%s}}`, p.Version, notify), nil)
	}
	disable := func(do bool) {
		t.Helper()
		if err := w.users.setDisabled(t.Context(), op.User.ID, user, do); err != nil {
			t.Fatal(err)
		}
	}
	noneIsSent := func(what string) {
		t.Helper()
		l := store.Letter{ID: "queued", Kind: store.LetterDigest, User: user, Holder: w.letters.mailing.holder, Until: now.Add(time.Hour).UnixMilli()}
		if err := w.store.PutLetter(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if got, err := w.digests.digestLetter(t.Context(), l); err != nil || len(got) != 0 {
			t.Errorf("%s: a letter that was queued is sent: %+v, %v", what, got, err)
		}
		if err := w.store.RemoveHeldLetter(t.Context(), l.ID, l.Holder); err != nil {
			t.Errorf("%s: the letter was taken: %v", what, err)
		}
	}
	minute := now.UTC().Hour()*60 + now.UTC().Minute()
	for _, tt := range []struct {
		name  string
		make  func()
		after func()
		sent  time.Duration // ago; 0: never
		next  time.Duration // 0: digestLook
		drop  bool          // nor is one sent that was queued before
	}{
		{name: "nothing waits", make: func() { others.waits(user) }, drop: true},
		{name: "only what mentions nobody", make: func() { others.waits(user, chat.InboxRoom{Room: "lobby", Unread: 3, Last: waiting.Last}) }},
		{name: "what is too old", make: func() { others.waits(user, mentionIn("lobby", now.Add(-digestOldest-time.Hour).UnixMilli())) }},
		{name: "one that was written an hour ago", sent: time.Hour, next: 23*time.Hour - w.cfg.DigestAfter},
		{name: "chose never", make: func() { choose(`{"mail":"never"}`) }, drop: true},
		{name: "read everything of a room", make: func() {
			choose(`{"level":"everything"}`)
			others.waits(user, chat.InboxRoom{Room: "lobby", Last: waiting.Last})
		}, drop: true},
		{name: "chose weekly", make: func() { choose(`{"mail":"weekly"}`) }, sent: 48 * time.Hour, next: 5*24*time.Hour - w.cfg.DigestAfter},
		{name: "nothing of the room", make: func() {
			choose(`{"rooms":{"lobby":"nothing"}}`)
			others.set(func() {
				others.threads[user] = []chat.InboxThread{{Room: "lobby", Author: user, ID: "m1", Unread: 1, TS: now.UnixMilli()}}
			})
		}, after: func() { others.set(func() { clear(others.threads) }) }, drop: true},
		{name: "a pause", make: func() { choose(fmt.Sprintf(`{"paused":%d}`, now.Add(time.Hour).UnixMilli())) }},
		{name: "quiet hours", make: func() {
			choose(fmt.Sprintf(`{"quiet":{"from":%d,"to":%d,"zone":"UTC"}}`, (minute+1439)%1440, (minute+10)%1440))
		}, after: func() { choose(`{}`) }},
		{name: "disabled", make: func() { disable(true) }, after: func() { disable(false) }, drop: true},
		{name: "not to be disturbed", make: func() { others.is(presenceapi.Active{DND: []string{user}}) }, after: func() { others.is(presenceapi.Active{}) }, next: digestWatch},
		{name: "history is away", make: func() { others.set(func() { others.away = true }) }, after: func() { others.set(func() { others.away = false }) }, next: digestAgain},
		{name: "was here a moment ago", make: func() {
			if err := w.store.PutSeen(t.Context(), []store.Seen{{User: user, At: now.Add(-w.cfg.DigestAfter + 5*time.Minute).UnixMilli()}}); err != nil {
				t.Fatal(err)
			}
		}, next: 5 * time.Minute},
		// From here on somebody who was seen now.
		{name: "is here", make: func() { others.is(presenceapi.Active{Active: []string{user}}) }, after: func() { others.is(presenceapi.Active{}) }, next: digestWatch},
		{name: "does not touch the device since a moment ago", next: digestWatch},
		{name: "banned", make: func() { w.ok("PUT", "/v1/bans/"+user, op.Token, `{}`, nil) }, drop: true},
	} {
		others.waits(user, waiting)
		if tt.make != nil {
			tt.make()
		}
		sent := time.UnixMilli(0)
		if tt.sent != 0 {
			sent = now.Add(-tt.sent)
		}
		w.lookAgain(user, sent)
		a := w.look(user)
		next := now.Add(digestLook)
		if tt.next != 0 {
			next = now.Add(tt.next)
		}
		if got := time.UnixMilli(a.DigestDue); got.Before(next.Add(-time.Minute)) || got.After(next.Add(time.Minute)) || a.DigestSent != sent.UnixMilli() {
			t.Errorf("%s: looked at again at %s, want %s; %+v", tt.name, got, next, a)
		}
		if tt.drop {
			noneIsSent(tt.name)
		}
		if tt.after != nil {
			tt.after()
		}
	}
	if got := testutil.ToFloat64(w.metrics.digests.WithLabelValues("failed")); got != 1 {
		t.Errorf("%v looks have failed", got)
	}
	w.noLetter(sink)
	// Whoever has no address, or no account, is not looked at again and again.
	w.ok("DELETE", "/v1/bans/"+user, op.Token, "", nil)
	w.ok("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, &ann)
	w.ok("POST", "/v1/mail/remove", ann.Token, `{"password":"correct horse"}`, nil)
	if a, err := w.store.Account(t.Context(), user); err != nil || a.DigestDue != 0 {
		t.Errorf("without an address: %+v, %v", a, err)
	}
	others.waits(user, waiting)
	noneIsSent("without an address")
}

// TestDigestThatWasMissed: an account that nobody looked at for long gets a time of its own, as
// others do then, and is written nothing at once.
func TestDigestThatWasMissed(t *testing.T) {
	w, sink, others, ann := openAway(t)
	user, now := ann.User.ID, time.Now()
	others.waits(user, mentionIn("lobby", now.UnixMilli()))
	for _, tt := range []struct {
		ago    time.Duration
		missed bool
	}{{digestMissed + time.Minute, true}, {digestMissed - time.Minute, false}} {
		a, err := w.store.Account(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		sent := now.Add(-48 * time.Hour).UnixMilli()
		if err := w.store.MoveDigest(t.Context(), user, a.DigestDue, now.Add(-tt.ago).UnixMilli(), sent); err != nil {
			t.Fatal(err)
		}
		a = w.look(user)
		if a.DigestSent == sent != tt.missed || a.DigestDue < now.UnixMilli() || a.DigestDue > time.Now().Add(digestSpread).UnixMilli() {
			t.Errorf("looked at %s late: %+v", tt.ago, a)
		}
	}
	sink.Next(t) // the second time
	w.noLetter(sink)
}

// TestNoDigestAfterDeletion: the letter that waits goes with the account, and a look that was under
// way does not bring the account back.
func TestNoDigestAfterDeletion(t *testing.T) {
	w, sink, others, ann := openAway(t)
	others.waits(ann.User.ID, mentionIn("lobby", time.Now().UnixMilli()))
	w.lookAgain(ann.User.ID, time.UnixMilli(0))
	a, err := w.store.Account(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.ok("POST", "/v1/me/delete", ann.Token, `{"password":"correct horse"}`, nil)
	if err := w.digests.look(t.Context(), a, time.Now()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a look at an account that is gone: %v", err)
	}
	if a, err := w.store.Account(t.Context(), ann.User.ID); err != nil || a.DigestDue != 0 || a.DigestSent != 0 {
		t.Errorf("the account is %+v, %v", a, err)
	}
	w.noLetter(sink)
}
