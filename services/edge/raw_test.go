package edge_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestFirstCommand goes through what may come instead of a good hello.
func TestFirstCommand(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	expired := w.token("ann", expiredClaims)
	for _, tt := range []struct {
		name, send, id, errorCode string
		code                      wire.CloseCode
	}{
		{"another command", `{"type":"join","id":"1","room":"lobby"}`, "1", "hello_required", wire.CloseProtocol},
		{"no command", `{"type":"dance","id":"1"}`, "1", "hello_required", wire.CloseProtocol},
		{"not JSON", `hello`, "", "hello_required", wire.CloseProtocol},
		{"no token", `{"type":"hello","id":"1","version":1}`, "1", "unauthorized", wire.CloseUnauthorized},
		{"a token that is none", `{"type":"hello","id":"1","version":1,"token":"x.y.z"}`, "1", "unauthorized", wire.CloseUnauthorized},
		{"expired", `{"type":"hello","id":"1","version":1,"token":"` + expired + `"}`, "1", "token_expired", wire.CloseTokenExpired},
		{"another version", `{"type":"hello","id":"1","version":2,"token":"x"}`, "1", "bad_request", wire.CloseVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, e.Addr())
			c.send("%s", tt.send)
			c.wantError(tt.id, tt.errorCode)
			c.wantClose(tt.code)
		})
	}
	t.Run("two at once", func(t *testing.T) {
		c := dial(t, e.Addr())
		hello := text(`{"type":"hello","id":"1","version":1,"token":"` + w.token("ann") + `"}`)
		c.write(append(hello, hello...))
		c.wantError("1", "hello_twice")
		c.want("welcome")
	})
	t.Run("token in the request", func(t *testing.T) {
		c := dial(t, e.Addr(), "Authorization: Bearer "+w.token("ann")+"\r\n")
		c.send(`{"type":"hello","id":"1","version":1}`)
		c.want("welcome")
	})
	// The tests of package auth hold how much.
	t.Run("another clock", func(t *testing.T) {
		for _, off := range []time.Duration{-11 * time.Second, 11 * time.Second, 10 * 365 * 24 * time.Hour} {
			c := dial(t, e.Addr())
			c.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("ann", func(c *auth.Claims) {
				c.Issued = time.Now().Add(off)
				if off < 0 {
					c.Expires = c.Issued
				}
			}))
			c.want("welcome")
		}
	})
	t.Run("a bad hello may be mended", func(t *testing.T) {
		c := dial(t, e.Addr())
		c.send(`{"type":"hello","id":"1","version":"1"}`)
		c.wantError("1", "bad_request")
		c.send(`{"type":"hello","id":"2","version":1,"token":"%s"}`, w.token("ann"))
		c.want("welcome")
	})
}

// TestSilence lets every time limit pass.
func TestSilence(t *testing.T) {
	alsoTLS(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) {
			// long enough for a client on a machine that does much else
			c.Handshake, c.Hello, c.Ping, c.Idle = time.Second, 2*time.Second, 300*time.Millisecond, 3*time.Second
		})
		t.Run("handshake", func(t *testing.T) {
			t.Parallel()
			c := dialTCP(t, e.Addr())
			c.write([]byte(request))
			if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 408 ") {
				t.Errorf("answered %q", head)
			}
			c.wantEnd()
		})
		t.Run("hello", func(t *testing.T) {
			t.Parallel()
			dial(t, e.Addr()).wantClose(wire.CloseHelloTimeout)
		})
		t.Run("idle", func(t *testing.T) {
			t.Parallel()
			c := w.login(e, "ann")
			if op, _, err := c.frame(); op != ws.OpPing || err != nil {
				t.Errorf("got %x, %v, want a ping", op, err)
			}
			c.wantClose(wire.CloseIdle)
		})
		t.Run("half a frame", func(t *testing.T) {
			t.Parallel()
			c := w.login(e, "ann")
			c.write(text(`{"type":"ping"}`)[:9])
			c.wantClose(wire.CloseIdle)
		})
		t.Run("answering pings", func(t *testing.T) {
			t.Parallel()
			c := w.login(e, "ann")
			for range 5 {
				op, payload, err := c.frame()
				if op != ws.OpPing || err != nil {
					t.Fatalf("got %x, %v, want a ping", op, err)
				}
				c.write(masked(0x8a, payload))
			}
		})
	})
}

// TestHTTP shows that ordinary requests on the same port reach the handler whole, also several on
// one connection.
func TestHTTP(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf)
		h := &http.Client{Transport: &http.Transport{}}
		defer h.CloseIdleConnections()
		for i := range 5 {
			body := strings.Repeat("body ", i*20_000)
			r, err := h.Post(fmt.Sprintf("http://%s/v1/things/%d", e.Addr(), i), "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if want := fmt.Sprintf("POST /v1/things/%d %s", i, body); err != nil || string(got) != want {
				t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
			}
		}
	})
}
