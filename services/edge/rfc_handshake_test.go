package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/services/edge"
)

// TestHandshakes goes through requests that become a WebSocket, and others: RFC 6455 section 4.2.1,
// and what RFC 9112 has against two parsers reading one request differently. A refusal ends the
// connection.
func TestHandshakes(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.Origins = []string{"https://chat.example"} })
		get := func(changes ...string) string { return strings.NewReplacer(changes...).Replace(request) + "\r\n" }
		with := func(header string) string { return request + header + "\r\n" }
		for _, tt := range []struct{ name, send, want string }{
			{"good", get(), "101"},
			{"origin", with("Origin: https://chat.example\r\n"), "101"},
			{"origin in capitals", with("ORIGIN: HTTPS://CHAT.EXAMPLE\r\n"), "101"},
			{"query", get("/v1/ws", "/v1/ws?x=1"), "101"},
			{"upgrade in capitals", get("Upgrade: websocket", "Upgrade: WebSocket"), "101"},
			{"upgrade in a list", get("Upgrade: websocket", "Upgrade: h2c , websocket"), "101"},
			{"connection in a list", get("Connection: Upgrade", "Connection: keep-alive,upgrade"), "101"},
			{"connection in two lines", with("Connection: keep-alive\r\n"), "101"},
			{"no space behind the colon", get(": ", ":"), "101"},
			{"HTTP/1.2", get("HTTP/1.1", "HTTP/1.2"), "101"},
			{"empty body", with("Content-Length: 0\r\n"), "101"},

			{"other origin", with("Origin: https://evil.example\r\n"), "403"},
			{"two origins", with("Origin: https://chat.example\r\nOrigin: https://evil.example\r\n"), "400"},
			{"version 12", get("Version: 13", "Version: 12"), "426"},
			{"version 8", get("Version: 13", "Version: 8"), "426"},
			{"versions in a list", get("Version: 13", "Version: 13, 8"), "426"},
			{"no version", get("Sec-WebSocket-Version: 13\r\n", ""), "400"},
			{"two versions", with("Sec-WebSocket-Version: 13\r\n"), "400"},
			{"HTTP/1.0", get("HTTP/1.1", "HTTP/1.0"), "505"},
			{"HTTP/2.0", get("HTTP/1.1", "HTTP/2.0"), "505"},
			{"HTTP/1.11", get("HTTP/1.1", "HTTP/1.11"), "400"},
			{"http/1.1", get("HTTP/1.1", "http/1.1"), "400"},
			{"no HTTP version", get(" HTTP/1.1", ""), "400"},
			{"two spaces in the request line", get("/v1/ws ", "/v1/ws  "), "400"},
			{"a space in the target", get("/v1/ws", "/v1/ws?a b"), "400"},
			{"no host", get("Host: h\r\n", ""), "400"},
			{"two hosts", with("Host: i\r\n"), "400"},
			{"no key", get("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"},
			{"two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "400"},
			{"short key", get("dGhlIHNhbXBsZSBub25jZQ==", "abc"), "400"},
			{"long key", get("dGhlIHNhbXBsZSBub25jZQ==", strings.Repeat("dGhlIHNhbXBsZSBub25jZQ==", 5)), "400"},
			{"key of 18 bytes", get("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQaa"), "400"},
			{"key that is no base64", get("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!=="), "400"},
			{"no connection", get("Connection: Upgrade\r\n", ""), "400"},
			{"other connection", get("Connection: Upgrade", "Connection: upgraded"), "400"},
			{"other protocol", get("Upgrade: websocket", "Upgrade: h2c"), "400"},
			{"two tokens", with("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), "400"},

			{"with a body", with("Content-Length: 5\r\n"), "400"},
			{"two lengths", with("Content-Length: 0\r\nContent-Length: 0\r\n"), "400"},
			{"chunked", with("Transfer-Encoding: chunked\r\n"), "400"},
			{"chunked and a length", with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), "400"},
			{"folded header", with("X: a\r\n b\r\n"), "400"},
			{"folded by a tab", with("X: a\r\n\tb\r\n"), "400"},
			{"folded first header", get("Host: h\r\n", " X: a\r\nHost: h\r\n"), "400"},
			{"space before the colon", with("X : a\r\n"), "400"},
			{"empty name", with(": a\r\n"), "400"},
			{"no colon", with("garbage\r\n"), "400"},
			{"bare LF behind a header", with("X: a\nY: b\r\n"), "400"},
			{"bare LF behind the request line", get("HTTP/1.1\r\n", "HTTP/1.1\n"), "400"},
			{"bare LF everywhere", strings.ReplaceAll(get(), "\r\n", "\n"), "400"},
			{"bare CR", with("X: a\rY: b\r\n"), "400"},
			{"NUL in a value", with("X: a\x00b\r\n"), "400"},
			{"NUL in a name", with("X\x00: a\r\n"), "400"},
			{"NUL in the target", get("/v1/ws", "/v1/ws?\x00"), "400"},
			{"large headers", with("X: " + strings.Repeat("x", 9000) + "\r\n"), "431"},
			{"endless headers", "GET /v1/ws HTTP/1.1\r\nX: " + strings.Repeat("x", 9000), "431"},

			{"no upgrade", "GET /v1/ws HTTP/1.1\r\nHost: h\r\n\r\n", "426"},
			{"post", "POST /v1/ws HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "426"},
			{"upgrade of a post", get("GET", "POST"), "426"},
			{"other path", "GET /v1/wsx HTTP/1.1\r\nHost: h\r\n\r\n", "200"},
			{"upgrade of another path", get("/v1/ws", "/v1/wsx"), "200"},
			{"no HTTP", "hello\r\n\r\n", "400"},
			{"NUL on another path", "GET /x HTTP/1.1\r\nHost: h\r\nX: a\x00\r\n\r\n", "400"},
			{"no host on another path", "GET /x HTTP/1.1\r\n\r\n", "400"},
			{"two lengths on another path", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
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
					head := c.head()
					if !strings.HasPrefix(head, "HTTP/1.1 "+tt.want+" ") {
						t.Fatalf("answered %q, want %s", head, tt.want)
					}
					if tt.want == "426" && strings.HasPrefix(tt.name, "version") && !strings.Contains(head, "Sec-WebSocket-Version: 13\r\n") {
						t.Errorf("answered %q, which names no version", head)
					}
					if tt.want[0] == '4' && tt.want != "426" {
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
