package edge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

func closeFrame(code uint16, reason string) []byte {
	return masked(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// frames holds what a client may send after hello, and how that ends.
var frames = []struct {
	name string
	send []byte
	want string         // an event type, pong or nothing
	code wire.CloseCode // of the close that it is answered with
}{
	{name: "text", send: text(`{"type":"ping","id":"1"}`), want: "ack"},
	{name: "empty frames before", send: bytes.Join([][]byte{masked(0x8a, nil), masked(0x89, nil), text(`{"type":"ping","id":"1"}`)}, nil), want: "pong ack"},
	{name: "fragments", send: bytes.Join([][]byte{masked(0x01, []byte(`{"type":"pi`)), masked(0x00, nil), masked(0x80, []byte(`ng","id":"1"}`))}, nil), want: "ack"},
	{name: "ping between fragments", send: bytes.Join([][]byte{masked(0x01, []byte(`{"type":"pi`)), masked(0x89, []byte("x")), masked(0x80, []byte(`ng","id":"1"}`))}, nil), want: "pong ack"},
	{name: "character over fragments", send: bytes.Join([][]byte{masked(0x01, []byte("{\"type\":\"ping\",\"id\":\"1\",\"x\":\"\xe2\x82")), masked(0x80, []byte("\xac\"}"))}, nil), want: "ack"},
	{name: "16-bit length", send: text(`{"type":"ping","id":"1","x":"` + strings.Repeat("x", 200) + `"}`), want: "ack"},
	{name: "largest", send: text(`{"type":"ping","id":"1","x":"` + strings.Repeat("x", 64<<10-31) + `"}`), want: "ack"},
	{name: "ping of 125", send: masked(0x89, bytes.Repeat([]byte("p"), 125)), want: "pong"},
	{name: "unasked pong", send: append(masked(0x8a, []byte("x")), text(`{"type":"ping","id":"1"}`)...), want: "ack"},
	{name: "not JSON", send: text(`{`), want: "error bad_json"},
	{name: "a list", send: text(`[]`), want: "error bad_json"},
	{name: "empty text", send: text(``), want: "error bad_json"},
	{name: "deep", send: text(strings.Repeat(`{"a":`, 5000)), want: "error bad_json"},
	{name: "unknown command", send: text(`{"type":"dance","id":"1"}`), want: "error unknown_command"},
	{name: "bad field", send: text(`{"type":"join","id":"1","room":"a b"}`), want: "error bad_request"},
	{name: "reserved room", send: text(`{"type":"join","id":"1","room":"_control"}`), want: "error forbidden"},
	{name: "two hellos", send: text(`{"type":"hello","id":"1","version":1,"token":"x"}`), want: "error hello_twice"},
	{name: "not joined", send: text(`{"type":"send","id":"1","room":"r","msg_id":"m","text":"x"}`), want: "error not_joined"},

	{name: "close", send: closeFrame(1000, "bye"), code: 1000},
	{name: "close without code", send: masked(0x88, nil), code: wire.CloseNoStatus},
	{name: "close with own code", send: closeFrame(4321, ""), code: 4321},
	{name: "close of one byte", send: masked(0x88, []byte{3}), code: wire.CloseFrame},
	{name: "close with 1005", send: closeFrame(1005, ""), code: wire.CloseFrame},
	{name: "close with 999", send: closeFrame(999, ""), code: wire.CloseFrame},
	{name: "close with 2000", send: closeFrame(2000, ""), code: wire.CloseFrame},
	{name: "close reason not UTF-8", send: closeFrame(1000, "\xff"), code: wire.CloseNotUTF8},
	{name: "binary", send: masked(0x82, []byte("{}")), code: wire.CloseBinary},
	{name: "unmasked", send: []byte{0x81, 0x02, '{', '}'}, code: wire.CloseFrame},
	{name: "reserved bit", send: masked(0xc1, []byte("{}")), code: wire.CloseFrame},
	{name: "reserved data opcode", send: masked(0x83, nil), code: wire.CloseFrame},
	{name: "reserved control opcode", send: masked(0x8b, nil), code: wire.CloseFrame},
	{name: "ping in fragments", send: masked(0x09, nil), code: wire.CloseFrame},
	{name: "ping of 126", send: masked(0x89, make([]byte, 126)), code: wire.CloseFrame},
	{name: "continuation of nothing", send: masked(0x80, []byte("{}")), code: wire.CloseFrame},
	{name: "text within fragments", send: append(masked(0x01, []byte("{")), text("}")...), code: wire.CloseFrame},
	{name: "length of 16 bits for 5", send: []byte{0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5}, code: wire.CloseFrame},
	{name: "length of 64 bits for 5", send: []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5}, code: wire.CloseFrame},
	{name: "negative length", send: []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, code: wire.CloseFrame},
	{name: "not UTF-8", send: text("{\"type\":\"ping\",\"x\":\"\xff\"}"), code: wire.CloseNotUTF8},
	{name: "not UTF-8 over fragments", send: append(masked(0x01, []byte("{\"type\":\"ping\",\"x\":\"\xe2")), masked(0x80, []byte("\"}"))...), code: wire.CloseNotUTF8},
	{name: "1 MB", send: text(strings.Repeat("x", 1<<20)), code: wire.CloseTooBig},
	{name: "announced exabyte", send: []byte{0x81, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, code: wire.CloseTooBig},
	{name: "too big in fragments", send: append(masked(0x01, make([]byte, 60<<10)), masked(0x80, make([]byte, 60<<10))...), code: wire.CloseTooBig},
}

// TestFrames sends each of them in one write and byte by byte, while somebody else goes on chatting.
func TestFrames(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf)
		other := w.login(e, "other")
		other.join("lobby")
		for i, tt := range frames {
			for _, chunk := range []int{len(tt.send), 1} {
				if chunk == 1 && len(tt.send) > 10_000 {
					continue
				}
				t.Run(fmt.Sprintf("%s by %d", tt.name, chunk), func(t *testing.T) {
					c := w.login(e, "ann")
					c.t = t
					for at := 0; at < len(tt.send); at += chunk {
						if _, err := c.conn.Write(tt.send[at:min(at+chunk, len(tt.send))]); err != nil {
							break // the edge need not read what it has refused already
						}
					}
					if tt.code != 0 {
						c.wantClose(tt.code)
						return
					}
					for want := range strings.FieldsSeq(strings.ReplaceAll(tt.want, "error ", "error:")) {
						op, payload, err := c.frame()
						if err != nil {
							t.Fatal(err)
						}
						got := "pong"
						if op == ws.OpText {
							ev, err := wire.DecodeEvent(payload)
							if err != nil {
								t.Fatal(err)
							}
							if got = ev.Type; got == "error" {
								got += ":" + string(ev.Code)
							}
						}
						if got != want {
							t.Fatalf("got %s %q, want %s", got, payload, want)
						}
					}
				})
			}
			other.t = t
			other.say("lobby", fmt.Sprintf("m%d", i), "still here")
		}
	})
}

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
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) {
			c.Handshake, c.Hello, c.Ping, c.Idle = 300*time.Millisecond, 500*time.Millisecond, 300*time.Millisecond, 900*time.Millisecond
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

// TestHandshakes goes through requests that do not become a WebSocket.
func TestHandshakes(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.Origins = []string{"https://chat.example"} })
		get := func(changes ...string) string { return strings.NewReplacer(changes...).Replace(request) + "\r\n" }
		for _, tt := range []struct{ name, send, want string }{
			{"origin", get("Host: h\r\n", "Host: h\r\nOrigin: https://chat.example\r\n"), "101"},
			{"query", get("/v1/ws", "/v1/ws?x=1"), "101"},
			{"other origin", get("Host: h\r\n", "Host: h\r\nOrigin: https://evil.example\r\n"), "403"},
			{"version 12", get("Version: 13", "Version: 12"), "426"},
			{"HTTP/1.0", get("HTTP/1.1", "HTTP/1.0"), "505"},
			{"no host", get("Host: h\r\n", ""), "400"},
			{"two hosts", get("Host: h\r\n", "Host: h\r\nHost: i\r\n"), "400"},
			{"no key", get("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"},
			{"short key", get("dGhlIHNhbXBsZSBub25jZQ==", "abc"), "400"},
			{"no connection", get("Connection: Upgrade\r\n", ""), "400"},
			{"other protocol", get("Upgrade: websocket", "Upgrade: h2c"), "400"},
			{"with a body", get("Host: h\r\n", "Host: h\r\nContent-Length: 5\r\n"), "400"},
			{"chunked", get("Host: h\r\n", "Host: h\r\nTransfer-Encoding: chunked\r\n"), "400"},
			{"garbage header", get("Host: h\r\n", "Host: h\r\ngarbage\r\n"), "400"},
			{"large headers", get("Host: h\r\n", "Host: h\r\nX: "+strings.Repeat("x", 9000)+"\r\n"), "431"},
			{"endless headers", "GET /v1/ws HTTP/1.1\r\nX: " + strings.Repeat("x", 9000), "431"},
			{"no upgrade", "GET /v1/ws HTTP/1.1\r\nHost: h\r\n\r\n", "426"},
			{"other path", "GET /v1/wsx HTTP/1.1\r\nHost: h\r\n\r\n", "200"},
			{"post", "POST /v1/ws HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "426"},
			{"no HTTP", "hello\r\n\r\n", "400"},
		} {
			for _, chunk := range []int{len(tt.send), 1} {
				if chunk == 1 && len(tt.send) > 5000 {
					continue
				}
				t.Run(fmt.Sprintf("%s by %d", tt.name, chunk), func(t *testing.T) {
					c := dialTCP(t, e.Addr())
					for at := 0; at < len(tt.send); at += chunk {
						if _, err := c.conn.Write([]byte(tt.send[at:min(at+chunk, len(tt.send))])); err != nil {
							break
						}
					}
					if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 "+tt.want+" ") {
						t.Fatalf("answered %q, want %s", head, tt.want)
					}
					if tt.want != "101" && tt.want != "200" && tt.want != "426" {
						c.wantEnd()
					}
				})
			}
		}
		t.Run("frames with the request", func(t *testing.T) {
			c := dialTCP(t, e.Addr())
			c.write(append([]byte(request+"\r\n"), text(`{"type":"hello","id":"1","version":1,"token":"`+w.token("ann")+`"}`)...))
			c.head()
			c.want("welcome")
		})
	})
}

// TestHTTP shows that ordinary requests on the same port reach the handler whole, also several on one connection.
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
