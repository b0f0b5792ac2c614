package edge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge"
)

// TestPostLimits: posts count against the user's rate and bytes, and the room's slow mode, together
// with what the user sends on sockets.
func TestPostLimits(t *testing.T) {
	w := newWorld(t)
	w.alone = true
	w.access[[2]string{"ann", "slow"}] = directory.Access{Role: directory.RoleMember, Read: true, Send: true, Slow: 600}
	e := w.edge(func(c *edge.Config) {
		c.UserRate, c.UserBurst = 1, 5
		c.UserBytes, c.GuestBytes = 1<<20, 16*1000
	})
	ann := w.login(e, "ann")
	ann.join("slow")
	ann.say("slow", "s1", "on the socket") // the first of five; joins are free
	limited := func(got response, code string) {
		t.Helper()
		want := map[string]int{chat.CodeRateLimited: http.StatusTooManyRequests}[code]
		if got.status != want || got.Code != code || got.header.Get("Retry-After") == "" {
			t.Errorf("answered %+v", got)
		}
	}
	post := func(token, room, text string) response {
		t.Helper()
		return w.asks(e, token, http.MethodPost, "/v1/rooms/"+room+"/messages", `{"text":"`+text+`"}`)
	}
	if got := post(w.token("ann"), "slow", "x"); got.Code != chat.CodeRateLimited || got.Retry < 500_000 {
		t.Errorf("in slow mode: %+v", got)
	}
	guest := func(c *auth.Claims) { c.Guest = true }
	if got := post(w.token("gus", guest), "lobby", strings.Repeat("x", 900)); got.status != http.StatusCreated {
		t.Errorf("a guest: %+v", got)
	}
	limited(post(w.token("gus", guest), "lobby", strings.Repeat("x", 900)), chat.CodeRateLimited)
	last := response{}
	for range 5 {
		last = post(w.token("ann"), "lobby", "x")
	}
	limited(last, chat.CodeRateLimited)
	if n := e.count("hubbub_edge_limited_total", "user_rate"); n == 0 {
		t.Error("the limit is not counted")
	}
	if n := e.count("hubbub_edge_commands_total", "send"); n < 4 {
		t.Errorf("%v sends are counted", n)
	}
}

// TestPostsAtOnce: a user's requests wait for their bodies: further ones of the user are
// refused, others go on, and when those have ended the user may post again.
func TestPostsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.alone = true
	e := w.edge(func(c *edge.Config) { c.MaxPending = 2 })
	path := "/v1/rooms/lobby/messages"
	var slow []*client
	for range 2 {
		c := dialTCP(t, e.Addr())
		c.write([]byte("POST " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + w.token("ann") + "\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"))
		slow = append(slow, c)
	}
	post := func(user string) response {
		t.Helper()
		return w.asks(e, w.token(user), http.MethodPost, path, `{"text":"x"}`)
	}
	inHand := func(n float64) {
		t.Helper()
		eventually(t, fmt.Sprint(n, " requests are in hand"), func() bool { return e.count("hubbub_edge_requests") == n })
	}
	inHand(2)
	if got := post("ann"); got.status != http.StatusTooManyRequests || got.Code != chat.CodeRateLimited || got.header.Get("Retry-After") != "1" {
		t.Errorf("a third: %+v", got)
	}
	if got := post("bob"); got.status != http.StatusCreated {
		t.Errorf("another's: %+v", got)
	}
	for _, c := range slow {
		c.write([]byte(`"text":"0123456789"}`))
		if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 201 ") {
			t.Errorf("a slow one is answered %q", head)
		}
	}
	inHand(0)
	if got := post("ann"); got.status != http.StatusCreated {
		t.Errorf("ann posts again: %+v", got)
	}
	if n := e.count("hubbub_edge_limited_total", "requests"); n != 1 {
		t.Errorf("%v are counted as refused", n)
	}
}

// TestPostWhileGoingDown: an edge that goes down refuses what comes then, and answers what it has
// in hand.
func TestPostWhileGoingDown(t *testing.T) {
	w := newWorld(t)
	w.alone = true
	b := &picky{Interface: w.bus, slow: "slow", release: make(chan struct{})}
	w.bus = b
	e := w.edge(func(c *edge.Config) { c.Drain = 0 })
	got := make(chan response, 1)
	go func() { got <- w.asks(e, w.token("ann"), http.MethodPost, "/v1/rooms/slow/messages", `{"text":"x"}`) }()
	eventually(t, "the message is on its way", func() bool { return e.count("hubbub_edge_commands_total", "send") == 1 })
	e.stop()
	a := <-got
	if a.status != http.StatusServiceUnavailable || a.Code != chat.CodeUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("answered %+v", a)
	}
	close(b.release)
}
