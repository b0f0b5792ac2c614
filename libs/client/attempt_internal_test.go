package client

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// unconnected is a client that nobody runs.
func unconnected() *Client {
	c := newClient(Config{ReplyTimeout: time.Minute})
	return c
}

// piped is a connection whose other end is the test's.
func piped(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return &Conn{net: ours}, theirs
}

// TestBackoff: each wait is at least half of what it has grown to, and at most that and the limit.
func TestBackoff(t *testing.T) {
	for _, tt := range []struct {
		n                 int
		least, most, want time.Duration // want: at most
	}{
		{0, time.Second, time.Minute, time.Second}, {1, time.Second, time.Minute, 2 * time.Second}, {5, time.Second, time.Minute, 32 * time.Second},
		{6, time.Second, time.Minute, time.Minute}, {31, time.Second, time.Minute, time.Minute}, {32, time.Second, time.Minute, time.Minute},
		{64, time.Second, time.Minute, time.Minute}, {1 << 20, time.Second, time.Minute, time.Minute}, {31, 1 << 40, time.Minute, time.Minute},
		{30, 3 << 33, time.Minute, time.Minute}, {0, time.Hour, time.Second, time.Second},
	} {
		for range 20 {
			if d := backoff(tt.n, tt.least, tt.most); d < tt.want/2 || d > tt.want {
				t.Errorf("after %d times from %s to %s: %s", tt.n, tt.least, tt.most, d)
			}
		}
	}
}

// TestAttemptOverAnother: nothing is said over a connection that is not the client's any more, and
// losing that one harms no other.
func TestAttemptOverAnother(t *testing.T) {
	c := unconnected()
	old, _ := piped(t)
	now, _ := piped(t)
	c.link.conn = now
	reply := c.link.expect("x")
	if _, err := c.link.attempt(t.Context(), old, wire.Request{Type: "ping"}); !errors.Is(err, errLost) || len(c.link.pending) != 1 {
		t.Errorf("%v; %d replies are waited for", err, len(c.link.pending))
	}
	if c.link.drop(old); c.link.conn != now {
		t.Error("the new connection was dropped with the old one")
	}
	select {
	case <-reply:
		t.Error("what waits for the new one has ended")
	default:
	}
	if c.link.drop(now); c.link.conn != nil {
		t.Error("a connection that was lost is kept")
	}
	if _, ok := <-reply; ok {
		t.Error("a reply came")
	}
	if _, err := now.net.Write([]byte("x")); err == nil {
		t.Error("a connection that was dropped is open")
	}
}

// TestDisconnected: no room is live without a connection, nobody waits for a reply, and whoever
// waits for something is woken.
func TestDisconnected(t *testing.T) {
	c := unconnected()
	conn, _ := piped(t)
	c.link.conn, c.joins.rooms["r"] = conn, &room{name: "r", live: true}
	reply, changed := c.link.expect("x"), c.link.changed
	if got := c.link.disconnect(); got != conn || c.link.conn != nil || c.joins.rooms["r"].live || len(c.link.pending) != 0 {
		t.Errorf("left is %+v", c)
	}
	if _, ok := <-reply; ok {
		t.Error("a reply came")
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was woken")
	}
}

// TestFirstErrorCounts: why a client has ended is what ended it first.
func TestFirstErrorCounts(t *testing.T) {
	c := unconnected()
	first := errors.New("first")
	c.link.end(first)
	c.link.end(ErrClosed)
	if !errors.Is(c.Err(), first) || c.link.ctx.Err() == nil {
		t.Errorf("ended with %v", c.Err())
	}
	ran := false
	c.link.start(func() { ran = true })
	if c.link.wait.Wait(); ran {
		t.Error("something was begun after the end")
	}
}

// TestMayHaveDone: after a reply that says no, nothing was done, unless it came of a fault while
// something was.
func TestMayHaveDone(t *testing.T) {
	for _, tt := range []struct {
		id   string
		err  error
		want bool
	}{
		{"", errLost, true}, {"m", errLost, true}, {"", errTimeout, true}, {"", chat.Unavailable("x", 0), false}, {"m", chat.Unavailable("x", 0), true},
		{"m", chat.E(chat.CodeInternal, "x"), true}, {"", chat.E(chat.CodeInternal, "x"), false}, {"m", chat.E(chat.CodeRateLimited, "x"), false}, {"m", chat.E(chat.CodeForbidden, "x"), false},
	} {
		if got := mayHaveDone(wire.Request{MsgID: tt.id}, tt.err); got != tt.want {
			t.Errorf("%q, %v: %t", tt.id, tt.err, got)
		}
	}
}

// TestProblems: what an answer says is told; what it does not say is made up from its status.
func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		status  int
		body    string
		code    string
		message string
		after   time.Duration
	}{
		{503, `{"title":"T","detail":"D","code":"muted","retry_after_ms":1500}`, "muted", "D", 1500 * time.Millisecond},
		{404, `{"title":"T"}`, chat.CodeNotFound, "T", 0},
		{500, ``, chat.CodeUnavailable, "the server answered with status 500 Internal Server Error", 0},
		{499, ``, chat.CodeBadRequest, "the server answered with status 499 ", 0},
		{401, ``, chat.CodeUnauthorized, "the server answered with status 401 Unauthorized", 0},
		{403, ``, chat.CodeForbidden, "the server answered with status 403 Forbidden", 0},
		{409, ``, chat.CodeConflict, "the server answered with status 409 Conflict", 0},
		{413, ``, chat.CodeTooLarge, "the server answered with status 413 Request Entity Too Large", 0},
		{429, `<html>`, chat.CodeRateLimited, "the server answered with status 429 Too Many Requests", 0},
	} {
		if e := problem(tt.status, []byte(tt.body)); e.Code != tt.code || e.Message != tt.message || e.RetryAfter != tt.after {
			t.Errorf("%d %s: %+v", tt.status, tt.body, e)
		}
	}
}

// TestDefaults: what is set stays, what is not has a default, and what cannot be is an error.
func TestDefaults(t *testing.T) {
	token := func(context.Context) (string, error) { return "", nil }
	c := Config{URL: "wss://x", Token: token, RetryFor: time.Hour}
	if err := c.withDefaults(); err != nil {
		t.Fatal(err)
	}
	if c.RetryFor != time.Hour || c.ReplyTimeout != 10*time.Second || c.Silence != time.Minute || c.MinBackoff != 250*time.Millisecond || c.MaxBackoff != 15*time.Second || c.Handle == nil || c.Log == nil {
		t.Errorf("%+v", c)
	}
	for _, bad := range []Config{{URL: "ftp://x", Token: token}, {URL: "http://x", Token: token}, {URL: "ws://x"}, {URL: "ws://x", Token: token, MinBackoff: -1}} {
		if err := bad.withDefaults(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
