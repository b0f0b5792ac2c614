package protocol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
)

// outside is a command as a request over HTTP has it.
func (r *rig) outside(kind wire.Kind, room, body string) *wire.Command {
	r.t.Helper()
	c, out := &wire.Command{}, wire.Outside{Kind: kind, Room: []byte(room), MsgID: []byte(chat.NewID())}
	if kind != wire.Send {
		out.Target, out.Author = []byte("m"), []byte("bob")
	}
	if kind == wire.React {
		out.Emoji, out.On = []byte("👍"), true
	}
	if err := c.DecodeBody([]byte(body), out); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// post sends a message over no connection, with the loops turning until nothing follows, and
// returns the code of its error. What the request was read into is used again at once.
func (r *rig) post(ctx context.Context, from session.Sender, room, body string) (sent sends.Sent, code string) {
	r.t.Helper()
	var err error
	c, done := r.outside(wire.Send, room, body), make(chan struct{})
	go func() {
		defer close(done)
		sent, err = r.hub.Post(ctx, from, c)
	}()
	synctest.Wait()
	clear(c.MsgID)
	r.settle()
	select {
	case <-done:
	default:
		return sent, "waits"
	}
	if e, ok := errors.AsType[*chat.Error](err); ok {
		code = e.Code
	} else if err != nil {
		r.t.Errorf("the error is %v", err)
	}
	return sent, code
}

// failures returns how many errors with a code were counted.
func (r *rig) failures(code string) float64 {
	r.t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.hub.metrics.Failures)
	all, err := reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == code {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

var fromAnn = session.Sender{User: "ann", Name: "Ann \"A\""}

// TestPost: a message that came over no connection is delivered as others are, and answered with
// where it stands; a repeat of it is answered as the first was, with the word that it is one.
func TestPost(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		bob := r.login("bob")
		bob.enter("lobby")
		at := time.Now().UnixMilli()
		first, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"hi","msg_id":"m1","retry":false,"reply_to":"m0","reply_author":"eve"}`)
		if code != "" || first.Seq == 0 || first.TS != at || first.Repeat {
			t.Errorf("answered with %+v, %s", first, code)
		}
		f := bob.want("msg", "m1")
		if f.User != "ann" || f.Seq != first.Seq || f.TS != at || f.Text != "hi" || !strings.Contains(f.raw, `"name":"Ann \"A\""`) || !strings.Contains(f.raw, `"reply_to":"m0"`) || !strings.Contains(f.raw, `"reply_author":"eve"`) {
			t.Errorf("the other got %s", f.raw)
		}
		time.Sleep(time.Second)
		again, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"hi","msg_id":"m1","retry":false}`)
		if code != "" || again != (sends.Sent{Seq: first.Seq, TS: at, Repeat: true}) {
			t.Errorf("a repeat is answered with %+v, %s", again, code)
		}
		serve(r, history.ServiceSent, func(q history.SentRequest) (history.Sent, error) {
			if q.ID == "m9" {
				return history.Sent{Seq: 3, TS: 30}, nil
			}
			return history.Sent{}, nil
		})
		long, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"hi","msg_id":"m9"}`)
		if code != "" || long != (sends.Sent{Seq: 3, TS: 30, Repeat: true}) {
			t.Errorf("a repeat of long ago is answered with %+v, %s", long, code)
		}
		bob.quiet()
		bob.say(`{"type":"send","id":"s","room":"lobby","msg_id":"m2","text":"x"}`)
		if f := answered(bob.all(), "s"); f.Seq <= first.Seq {
			t.Errorf("a message over a connection after those: %+v", f)
		}
	})
}

// TestPostIsRefused: a message over no connection is held to what others are held to.
func TestPostIsRefused(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Sends.Text, o.Session.GuestBytes = 10, 100 }, func(r *rig) {
		asks, slow := member, member
		asks.Send, asks.Ask, slow.Slow = false, true, 12
		r.access[[2]string{"ann", "read"}] = directory.Access{Role: directory.RoleReader, Read: true}
		r.access[[2]string{"ann", "asks"}] = asks
		r.access[[2]string{"ann", "slow"}] = slow
		serve(r, directory.ServiceAsk, func(directory.AskRequest) (directory.AskReply, error) {
			return directory.AskReply{}, chat.E(chat.CodeForbidden, "no more until they are accepted")
		})
		guest := session.Sender{User: "gus", Name: "Gus", Guest: true}
		for _, tt := range []struct {
			from       session.Sender
			room, text string
			code       string
		}{
			{fromAnn, "lobby", "1234567890", ""},
			{fromAnn, "lobby", "12345678901", chat.CodeTooLarge},
			{fromAnn, "u-ann", "x", chat.CodeForbidden},
			{fromAnn, "lobby", "/list-users", chat.CodeBadRequest},
			{fromAnn, "read", "x", chat.CodeForbidden},
			{fromAnn, "asks", "x", chat.CodeForbidden},
			{fromAnn, "slow", "x", ""},
			{fromAnn, "slow", "x", chat.CodeRateLimited},
			{guest, "lobby", "x", ""},
			{guest, "lobby", "x", chat.CodeTooMany},
		} {
			r.hub.sess.Volumes().Rest()
			failed := r.failures(tt.code)
			sent, code := r.post(r.t.Context(), tt.from, tt.room, fmt.Sprintf(`{"text":%q}`, tt.text))
			if code != tt.code || (sent.Seq > 0) != (code == "") {
				t.Errorf("%s to %s: %+v, %q, want %q", tt.text, tt.room, sent, code, tt.code)
			}
			if n := r.failures(tt.code) - failed; code != "" && n != 1 {
				t.Errorf("%s to %s is counted as %v errors", tt.text, tt.room, n)
			}
		}
		r.hub.Drain(r.t.Context(), time.Second)
		if _, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"x"}`); code != chat.CodeUnavailable {
			t.Errorf("while the edge goes down: %q", code)
		}
	})
}

// TestPostIsNotWaitedForForever: who asks no longer, or asks an edge whose loops have stopped, has
// an answer, and what comes of the message later holds nothing up.
func TestPostIsNotWaitedForForever(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		r.know("ann", "lobby")
		r.server.Hold()
		ctx, cancel := context.WithCancel(r.t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		var err error
		done := make(chan struct{})
		c := r.outside(wire.Send, "lobby", `{"text":"x"}`)
		go func() { defer close(done); _, err = r.hub.Post(ctx, fromAnn, c) }()
		<-done
		r.settle()
		r.server.Release()
		r.settle()
		e, ok := errors.AsType[*chat.Error](err)
		if !ok || e.Code != chat.CodeUnavailable || e.RetryAfter == 0 || r.failures(chat.CodeUnavailable) != 1 {
			t.Errorf("who has asked for long enough is told %v", err)
		}
		if sent, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"x"}`); code != "" || sent.Seq == 0 {
			t.Errorf("the next: %+v, %s", sent, code)
		}
	})
}

// TestPostWithoutLoops: where no loop runs any more, who asks is told so, and nobody is reported as
// present.
func TestPostWithoutLoops(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		h := New(testOptions(), Deps{Bus: r.bus, Access: directory.NewCache(r.bus, zap.NewNop()), Log: zap.NewNop()})
		h.Shard(newFakeLoop())
		h.Stopped()
		_, err := h.Post(r.t.Context(), fromAnn, r.outside(wire.Send, "lobby", `{"text":"x"}`))
		if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != chat.CodeUnavailable {
			t.Errorf("told %v", err)
		}
		for range h.sessions {
			t.Error("there is a session")
		}
	})
}

// TestPostGivesBack: a message over no connection that the log did not take costs no
// waiting.
func TestPostGivesBack(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		slow := member
		slow.Slow = 30
		r.access[[2]string{"ann", "lobby"}] = slow
		r.server.Fail(func(call, _ string) error {
			if call == "Append" {
				return bus.ErrUnavailable
			}
			return nil
		})
		if _, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"x"}`); code != chat.CodeUnavailable {
			t.Errorf("without a log: %q", code)
		}
		r.server.Fail(nil)
		if _, code := r.post(r.t.Context(), fromAnn, "lobby", `{"text":"x"}`); code != "" {
			t.Errorf("the next: %q", code)
		}
	})
}

// TestAmend: an edit, a reaction, a pin and a deletion that came over no connection are asked of
// history with all that they say, and with what their user may do.
func TestAmend(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Sends.Text, o.Session.UserBytes = 10, 4*session.PerMessage+100 }, func(r *rig) {
		r.access[[2]string{"ann", "own"}] = directory.Access{Role: directory.RoleOwner, Read: true, Send: true}
		muted := member
		muted.MutedUntil = chat.Forever
		r.access[[2]string{"ann", "muted"}] = muted
		amend := func(kind wire.Kind, room, body string) (uint64, string) {
			t.Helper()
			r.hub.sess.Volumes().Rest()
			got, err := r.hub.Amend(r.t.Context(), fromAnn, r.outside(kind, room, body))
			if e, ok := errors.AsType[*chat.Error](err); ok {
				return got.Seq, e.Code
			}
			return got.Seq, ""
		}
		for _, tt := range []struct {
			kind       wire.Kind
			room, body string
			code       string
		}{
			{wire.Edit, "own", `{"text":"a\u0062\"","msg_id":"e1"}`, ""},
			{wire.Edit, "lobby", `{"text":"1234567890"}`, ""},
			{wire.Edit, "lobby", `{"text":"12345678901"}`, chat.CodeTooLarge},
			{wire.React, "lobby", ``, ""},
			{wire.Pin, "muted", ``, chat.CodeMuted},
			{wire.Edit, "u-ann", `{"text":"x"}`, chat.CodeForbidden},
			{wire.React, "lobby", ``, chat.CodeTooMany},
			{wire.Delete, "muted", ``, ""},
		} {
			failed := r.failures(tt.code)
			if seq, code := amend(tt.kind, tt.room, tt.body); code != tt.code || (seq == 7) != (code == "") {
				t.Errorf("%s in %s: %d, %q, want %q", tt.kind, tt.room, seq, code, tt.code)
			}
			if n := r.failures(tt.code) - failed; tt.code != "" && n != 1 {
				t.Errorf("%s in %s is counted as %v errors", tt.kind, tt.room, n)
			}
		}
		if len(r.applied) != 4 {
			t.Fatalf("history was asked for %+v", r.applied)
		}
		want := chat.Event{Type: chat.TypeEdited, Room: "own", ID: "e1", User: "ann", Name: fromAnn.Name, TS: r.applied[0].Event.TS, Target: "m", Author: "bob", Text: `ab"`}
		if got := r.applied[0]; got.Event != want || !got.Moderator || !got.Pin || want.TS != time.Now().UnixMilli() {
			t.Errorf("an owner's edit: %+v", got)
		}
		if got := r.applied[2]; got.Event.Type != chat.TypeReacted || got.Event.Emoji != "👍" || !got.Event.On || got.Event.Text != "" || got.Moderator || got.Pin {
			t.Errorf("a member's reaction: %+v", got)
		}
		if got := r.applied[3].Event; got.Type != chat.TypeDeleted || got.Room != "muted" {
			t.Errorf("a deletion: %+v", got)
		}
	})
}

// TestRequestsInHand: so many requests over HTTP are in hand at most, of one user fewer, and each
// counts until it ends and against its user's rate.
func TestRequestsInHand(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Sends.Pending, o.Session.UserRate, o.Session.UserBurst = 2, 1000, 1000 }, func(r *rig) {
		code := func(err error) string {
			if e, ok := errors.AsType[*chat.Error](err); ok && e.RetryAfter > 0 {
				return e.Code
			}
			return fmt.Sprint(err)
		}
		ctx, cancel := context.WithCancel(r.t.Context())
		defer cancel()
		for range 2 {
			if err := r.hub.Admit(ctx, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		if got := code(r.hub.Admit(ctx, "ann")); got != chat.CodeRateLimited || r.failures(chat.CodeRateLimited) != 1 {
			t.Errorf("one user's third: %s", got)
		}
		for i := range maxRequests - 2 {
			if err := r.hub.Admit(ctx, fmt.Sprint("user", i)); err != nil {
				t.Fatal(err)
			}
		}
		if got := code(r.hub.Admit(ctx, "bob")); got != chat.CodeUnavailable || r.hub.requests.count() != maxRequests {
			t.Errorf("one too many: %s, with %v in hand", got, r.hub.requests.count())
		}
		cancel()
		synctest.Wait()
		if n := r.hub.requests.count(); n != 0 || len(r.hub.requests.users) != 0 {
			t.Errorf("%v are in hand of %d users", n, len(r.hub.requests.users))
		}
		if err := r.hub.Admit(r.t.Context(), "ann"); err != nil {
			t.Error(err)
		}
	})
	riggedWith(t, 1, func(o *Options) { o.Session.UserRate, o.Session.UserBurst = 1, 2 }, func(r *rig) {
		for i := range 3 {
			ctx, cancel := context.WithCancel(r.t.Context())
			if err := r.hub.Admit(ctx, "ann"); (err == nil) != (i < 2) {
				t.Errorf("request %d: %v", i, err)
			}
			cancel()
		}
		if n := r.failures(chat.CodeRateLimited); n != 1 {
			t.Errorf("%v errors are counted", n)
		}
	})
}
