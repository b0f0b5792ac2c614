package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestUserRate: one user sends more than he may over two sockets, on different loops or not.
func TestUserRate(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.UserRate, c.UserBurst = 1, 10 })
	a, b, other := w.login(e, "ann"), w.login(e, "ann"), w.login(e, "bob")
	for i, c := range []*client{a, b} {
		for j := range 5 {
			c.send(`{"type":"ping","id":"%d-%d"}`, i, j)
			c.want("ack")
		}
	}
	limited := false // a token comes back every second
	for range 3 {
		b.send(`{"type":"ping","id":"x"}`)
		if e := b.event(); e.Type == wire.EventError {
			if e.Code != "rate_limited" || e.RetryAfterMS < 1 || e.RetryAfterMS > 1000 {
				t.Errorf("error is %+v", e)
			}
			limited = true
		}
	}
	if !limited || e.count("hubbub_edge_limited_total", "user_rate") == 0 {
		t.Error("13 commands passed a burst of 10")
	}
	other.send(`{"type":"ping","id":"1"}`)
	other.want("ack")
}

// TestMaxSocketsPerIP fills the share of an address, alone and behind a proxy.
func TestMaxSocketsPerIP(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		t.Run("no proxy", func(t *testing.T) {
			e := w.edge(conf, func(c *edge.Config) { c.MaxSocketsIP = 2 })
			a := dial(t, e.Addr(), "X-Real-IP: 203.0.113.1\r\n") // which nobody believes
			dial(t, e.Addr(), "X-Real-IP: 203.0.113.2\r\n")
			dial(t, e.Addr(), "X-Real-IP: 203.0.113.3\r\n").wantClose(wire.CloseOverloaded)
			if n := e.count("hubbub_edge_refused_total", "address"); n != 1 {
				t.Errorf("%v were counted", n)
			}
			a.write(closeFrame(1000, ""))
			a.wantClose(1000)
			eventually(t, "there is room again", func() bool { return e.count("hubbub_edge_sockets") == 1 })
			w.login(e, "ann")
		})
		t.Run("behind a proxy", func(t *testing.T) {
			e := w.edge(conf, func(c *edge.Config) { c.MaxSocketsIP, c.TrustedProxies = 1, []string{"127.0.0.0/8", "::1/128"} })
			dial(t, e.Addr(), "X-Real-IP: 203.0.113.1\r\n")
			dial(t, e.Addr(), "X-Real-IP: 203.0.113.2\r\n")
			dial(t, e.Addr(), "X-Real-IP: 203.0.113.1\r\n").wantClose(wire.CloseOverloaded)
			dial(t, e.Addr(), "X-Real-IP: 2001:db8::1\r\n")
			// the same /64
			dial(t, e.Addr(), "X-Real-IP: 2001:db8::2\r\n").wantClose(wire.CloseOverloaded)
			dial(t, e.Addr(), "X-Real-IP: 2001:db8:0:1::1\r\n")
			dial(t, e.Addr()) // the proxy itself
			dial(t, e.Addr(), "X-Forwarded-For: 203.0.113.3\r\n")
			// two proxies, and what the client wrote
			dial(t, e.Addr(), "X-Forwarded-For: 203.0.113.99, 203.0.113.3\r\nX-Forwarded-For: 127.0.0.1\r\n").wantClose(wire.CloseOverloaded)
		})
	})
}

// TestMaxSocketsPerUser fills the share of a user, whatever the loop, and makes room again.
func TestMaxSocketsPerUser(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.MaxSocketsUser, c.Loops = 2, 2 })
		first := w.login(e, "ann")
		w.login(e, "ann")
		w.login(e, "bob")
		third := dial(t, e.Addr())
		third.send(`{"type":"hello","id":"h","version":1,"token":"%s"}`, w.token("ann"))
		if got := third.want("error"); got.Code != chat.CodeTooMany {
			t.Errorf("one too many is told %+v", got)
		}
		third.wantClose(wire.CloseSockets)
		if n := e.count("hubbub_edge_refused_total", "user"); n != 1 {
			t.Errorf("%v were counted", n)
		}
		first.write(closeFrame(1000, ""))
		first.wantClose(1000)
		eventually(t, "there is room again", func() bool { return e.count("hubbub_edge_sockets") == 2 })
		w.login(e, "ann")
	})
}

// TestSubprotocol names the protocol in the handshake, with the token beside it, as a browser can.
func TestSubprotocol(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf)
		ask := func(headers string) (*client, string) {
			c := dialTCP(t, e.Addr())
			c.write([]byte(request + headers + "\r\n"))
			return c, c.head()
		}
		c, head := ask("Sec-WebSocket-Protocol: hubbub.v1, bearer." + w.token("ann") + "\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "\r\nSec-WebSocket-Protocol: hubbub.v1\r\n") || strings.Contains(head, "bearer") {
			t.Errorf("answered %q", head)
		}
		c.send(`{"type":"hello","version":1}`)
		if e := c.want("welcome"); e.User != "ann" {
			t.Errorf("welcome is %+v", e)
		}
		c, head = ask("Sec-WebSocket-Protocol: bearer.x.y.z\r\nSec-WebSocket-Protocol: hubbub.v1\r\n")
		if !strings.Contains(head, "\r\nSec-WebSocket-Protocol: hubbub.v1\r\n") {
			t.Errorf("answered %q", head)
		}
		c.send(`{"type":"hello","id":"1","version":1}`)
		c.wantError("1", "unauthorized")
		c.wantClose(wire.CloseUnauthorized)
		if _, head = ask("Sec-WebSocket-Protocol: chat\r\n"); !strings.HasPrefix(head, "HTTP/1.1 101 ") || strings.Contains(head, "Protocol:") {
			t.Errorf("another protocol is answered %q", head)
		}
		for _, two := range []string{
			"Sec-WebSocket-Protocol: hubbub.v1, bearer.a, bearer.b\r\n",
			"Sec-WebSocket-Protocol: hubbub.v1, bearer.a\r\nAuthorization: Bearer b\r\n",
		} {
			if _, head = ask(two); !strings.HasPrefix(head, "HTTP/1.1 400 ") {
				t.Errorf("two tokens are answered %q", head)
			}
		}
	})
}

// TestTokensAreNotLogged looks for tokens of all three places in what an edge logs.
func TestTokensAreNotLogged(t *testing.T) {
	w := newWorld(t)
	logs := &logged{}
	w.log = logs.logger()
	e := w.edge()
	for i, token := range []string{w.token("ann"), "bad.to.ken"} {
		for _, header := range []string{"", "Authorization: Bearer " + token + "\r\n", "Sec-WebSocket-Protocol: hubbub.v1, bearer." + token + "\r\n"} {
			c := dial(t, e.Addr(), header)
			said := ""
			if header == "" {
				said = fmt.Sprintf(`,"token":%q`, token)
			}
			c.send(`{"type":"hello","version":1%s}`, said)
			if i == 0 {
				c.want("welcome")
			} else {
				c.wantClose(wire.CloseUnauthorized)
			}
		}
		e.stop()
		if logs.has(token) {
			t.Error("a token is in the log")
		}
		e = w.edge()
	}
	if !logs.has("listening") {
		t.Error("the log was not looked at")
	}
}
