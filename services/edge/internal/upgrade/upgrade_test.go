package upgrade

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

const good = "GET /v1/ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func TestParse(t *testing.T) {
	p := NewParser([]string{"https://a.example"}, true)
	with := func(header string) string {
		return strings.Replace(good, "Host: h\r\n", "Host: h\r\n"+header+"\r\n", 1)
	}
	for _, tt := range []struct {
		name, in string
		want     Verdict
		token    string
	}{
		{"good", good, Accepted, ""},
		{"with frames", good + "\x81\x80", Accepted, ""},
		{"token", with("authorization: bearer  abc "), Accepted, "abc"},
		{"basic", with("Authorization: Basic abc"), Accepted, ""},
		{"origin", with("Origin: HTTPS://A.example"), Accepted, ""},
		{"other origin", with("Origin: https://b.example"), Rejected, ""},
		{"post", strings.Replace(good, "GET", "POST", 1), HTTP, ""},
		{"other path", strings.Replace(good, "/v1/ws", "/v1/wss", 1), HTTP, ""},
		{"no upgrade", "GET /v1/ws HTTP/1.1\r\nHost: h\r\n\r\n", HTTP, ""},
		{"empty", "", More, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := p.Parse([]byte(tt.in))
			if res.Verdict != tt.want || res.Token != tt.token {
				t.Errorf("verdict %d with token %q: %q", res.Verdict, res.Token, res.Reply)
			}
			if tt.want == Accepted && (res.Used != strings.Index(tt.in, "\r\n\r\n")+4 || !bytes.Contains(res.Reply, []byte("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))) {
				t.Errorf("used %d, reply %q", res.Used, res.Reply)
			}
		})
	}
	for cut := 1; cut < len(good)-1; cut++ {
		if res := p.Parse([]byte(good[:cut])); res.Verdict != More {
			t.Fatalf("%d bytes are %d", cut, res.Verdict)
		}
	}
}

// TestUnder has handshakes below a base path, and without it.
func TestUnder(t *testing.T) {
	p := NewParser(nil, false).Under("/my/chat")
	for path, want := range map[string]Verdict{
		"/v1/ws": Accepted, "/my/chat/v1/ws": Accepted, "/my/chat/v1/ws?x=1": Accepted,
		"/my/chat/v1/wss": HTTP, "/my/v1/ws": HTTP, "/my/chat": HTTP, "/my/chats/v1/ws": HTTP,
	} {
		in := strings.Replace(good, "/v1/ws", path, 1)
		if res := p.Parse([]byte(in)); res.Verdict != want || want == Accepted && res.Used != len(in) {
			t.Errorf("%s: verdict %d, used %d of %d", path, res.Verdict, res.Used, len(in))
		}
	}
}

// FuzzParse holds that whatever comes is answered with an HTTP response, or with nothing yet, and
// that nothing is accepted that net/http would not take for such a request.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("GET /v1/ws HTTP/1.1\r\n\r\n"))
	f.Add([]byte("GET /v1/ws HTTP/9.9\r\nupgrade: \r\n:\r\n\r\n"))
	f.Add([]byte("GET /v1/ws?" + strings.Repeat("x", MaxHeader)))
	f.Add([]byte(strings.Replace(good, "Host: h", "Host: h\r\nTransfer-Encoding: chunked", 1)))
	p := NewParser(nil, true)
	f.Fuzz(func(t *testing.T, b []byte) {
		res := p.Parse(bytes.Clone(b))
		switch res.Verdict {
		case More:
			if len(b) >= MaxHeader {
				t.Fatal("waits for more than it may hold")
			}
		case Accepted:
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
			if err != nil || req.Method != http.MethodGet || req.URL.Path != Path || req.ContentLength > 0 || len(req.TransferEncoding) > 0 || !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") {
				t.Fatalf("accepted what is %+v, %v", req, err)
			}
		case Rejected:
			r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(res.Reply)), nil)
			if err != nil {
				t.Fatalf("answered %q: %v", res.Reply, err)
			}
			_ = r.Body.Close()
		}
	})
}

// replace returns the good handshake with one header replaced, or left out if that is empty.
func replace(header, by string) string {
	if by != "" {
		by += "\r\n"
	}
	return strings.Replace(good, header+"\r\n", by, 1)
}

const (
	host    = "Host: h"
	key     = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	version = "Sec-WebSocket-Version: 13"
	connect = "Connection: keep-alive, Upgrade"
	to      = "Upgrade: WebSocket"
)

// TestReject: each handshake that is none is refused with the status that says why, in a whole
// response.
func TestReject(t *testing.T) {
	with := func(header string) string { return replace(host, host+"\r\n"+header) }
	line := func(l string) string { return strings.Replace(good, "GET /v1/ws HTTP/1.1", l, 1) }
	p := NewParser([]string{"https://a.example", "https://b.example"}, true)
	for _, tt := range []struct {
		name, in string
		status   int
		header   string // that the answer has
	}{
		{"no host", replace(host, ""), 400, ""},
		{"two hosts", with(host), 400, ""},
		{"a body that follows", with("Content-Length: 1"), 400, ""},
		{"two lengths", with("Content-Length: 0\r\nContent-Length: 0"), 400, ""},
		{"chunks", with("Transfer-Encoding: chunked"), 400, ""},
		{"an upgrade to something else", replace(to, "Upgrade: h2c"), 400, ""},
		{"nearly websocket", replace(to, "Upgrade: websockets"), 400, ""},
		{"a connection that goes on", replace(connect, "Connection: keep-alive"), 400, ""},
		{"no connection", replace(connect, ""), 400, ""},
		{"no version", replace(version, ""), 400, ""},
		{"two versions", with(version), 400, ""},
		{"an old version", replace(version, "Sec-WebSocket-Version: 8"), 426, "Sec-WebSocket-Version: 13"},
		{"no key", replace(key, ""), 400, ""},
		{"two keys", with(key), 400, ""},
		{"a key of 15 bytes", replace(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"), 400, ""},
		{"a key of 17 bytes", replace(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWQ="), 400, ""},
		{"a key that is not base64", replace(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=="), 400, ""},
		{"two authorizations", with("Authorization: Bearer a\r\nAuthorization: Bearer a"), 400, ""},
		{"two origins", with("Origin: https://a.example\r\nOrigin: https://a.example"), 400, ""},
		{"a page from elsewhere", with("Origin: https://c.example"), 403, ""},
		{"a page of a longer host", with("Origin: https://h.example"), 403, ""},
		{"a page of another port", with("Origin: https://h:8443"), 403, ""},
		{"a page of no host", with("Origin: null"), 403, ""},
		{"an empty origin", with("Origin:"), 403, ""},
		{"extensions that are none", with("Sec-WebSocket-Extensions: ;"), 400, ""},
		{"two tokens", with("Sec-WebSocket-Protocol: hubbub.v1, bearer.a, bearer.b"), 400, ""},
		{"two tokens in two headers", with("Authorization: Bearer a\r\nSec-WebSocket-Protocol: hubbub.v1, bearer.a"), 400, ""},
		{"HTTP/1.0", line("GET /v1/ws HTTP/1.0"), 505, ""},
		{"HTTP/2.0", line("GET /v1/ws HTTP/2.0"), 505, ""},
		{"HTTP/2.1", line("GET /v1/ws HTTP/2.1"), 505, ""},
		{"no version of HTTP", line("GET /v1/ws "), 400, ""},
		{"no HTTP", line("GET /v1/ws HTCP/1.1"), 400, ""},
		{"a long version", line("GET /v1/ws HTTP/1.10"), 400, ""},
		{"a version without a point", line("GET /v1/ws HTTP/1,1"), 400, ""},
		{"a version of letters", line("GET /v1/ws HTTP/x.1"), 400, ""},
		{"a version before 0", line("GET /v1/ws HTTP//.1"), 400, ""},
		{"a smaller version of letters", line("GET /v1/ws HTTP/1.x"), 400, ""},
		{"a smaller version before 0", line("GET /v1/ws HTTP/1./"), 400, ""},
		{"three parts", line("GET /v1/ws a HTTP/1.1"), 400, ""},
		{"a tab in the line", line("GET /v1/ws?\t HTTP/1.1"), 400, ""},
		{"DEL in the line", line("GET /v1/ws?\x7f HTTP/1.1"), 400, ""},
		{"an umlaut in the line", line("GET /v1/ws?ü HTTP/1.1"), 400, ""},
		{"a line that ends in LF", replace(host, host+"\nX: y"), 400, ""},
		{"LF at once", "GET /v1/ws HTTP/1.1\n\n", 400, ""},
		{"a header without colon", with("X"), 400, ""},
		{"a header without name", with(": x"), 400, ""},
		{"a folded header", with("X: y\r\n z: a"), 400, ""},
		{"a space before the colon", with("X : y"), 400, ""},
		{"a control character", with("X: a\x01b"), 400, ""},
		{"DEL", with("X: a\x7fb"), 400, ""},
		{"large headers", with("X: " + strings.Repeat("x", MaxHeader-len(good)-len("X: \r\n")+1)), 431, ""},
		{"as large as may be, without an end", replace(host, host+"\r\nX: "+strings.Repeat("x", MaxHeader))[:MaxHeader], 431, ""},
		{"large headers without an end", "GET /v1/ws HTTP/1.1\r\nX: " + strings.Repeat("x", MaxHeader), 431, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := p.Parse([]byte(tt.in))
			if res.Verdict != Rejected {
				t.Fatalf("verdict %d: %q", res.Verdict, res.Reply)
			}
			reply := bufio.NewReader(bytes.NewReader(res.Reply))
			r, err := http.ReadResponse(reply, nil)
			if err != nil {
				t.Fatalf("%v: %q", err, res.Reply)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) < 5 || body[len(body)-1] != '\n' || reply.Buffered() > 0 {
				t.Errorf("the body is %q, %v, and then come %d bytes", body, err, reply.Buffered())
			}
			if r.StatusCode != tt.status || r.Status == "" || !r.Close || http.StatusText(r.StatusCode) != r.Status[4:] || !strings.Contains(string(res.Reply), tt.header) {
				t.Errorf("answered %q, want %d", res.Reply, tt.status)
			}
		})
	}
	if res := Reject(503, "later"); !bytes.HasPrefix(res.Reply, []byte("HTTP/1.1 503 Service Unavailable\r\n")) || res.Verdict != Rejected {
		t.Errorf("%q", res.Reply)
	}
}

// TestAccept: what is taken from a good handshake, and the answer, to the byte.
func TestAccept(t *testing.T) {
	with := func(headers ...string) string { return replace(host, host+"\r\n"+strings.Join(headers, "\r\n")) }
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	const deflates = "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tt := range []struct {
		name, in string
		plain    bool // compression is not wanted
		want     Result
		reply    string // after the first headers
	}{
		{"the least", good, false, Result{}, ""},
		{"a query", strings.Replace(good, "/v1/ws", "/v1/ws?a=b&c=~", 1), false, Result{}, ""},
		{"HTTP/1.2", strings.Replace(good, "HTTP/1.1", "HTTP/1.9", 1), false, Result{}, ""},
		{"an empty body", with("Content-Length: 0"), false, Result{}, ""},
		{"names in any case, values with space around", with("x-REAL-ip: \t 192.0.2.1 \t"), false, Result{RealIP: "192.0.2.1"}, ""},
		{"values with tabs and letters of any alphabet", with("X: a\tü"), false, Result{}, ""},
		{"an empty value", with("X:"), false, Result{}, ""},
		{"upgrades in two headers", replace(to, "Upgrade: h2c\r\nUpgrade: foo, websocket"), false, Result{}, ""},
		{"connections in two headers", replace(connect, "Connection: UPGRADE\r\nConnection: close"), false, Result{}, ""},
		{"two real addresses are none", with("X-Real-IP: 192.0.2.1", "X-Real-IP: 192.0.2.2"), false, Result{}, ""},
		{"forwarded", with("X-Forwarded-For: 192.0.2.1, 192.0.2.2"), false, Result{ForwardedFor: "192.0.2.1, 192.0.2.2"}, ""},
		{"forwarded twice", with("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"), false, Result{ForwardedFor: "192.0.2.1,192.0.2.2"}, ""},
		{"a token", with("Authorization: bEARER abc"), false, Result{Token: "abc"}, ""},
		{"a token of another kind", with("Authorization: Basic abc"), false, Result{}, ""},
		{"no token", with("Authorization: Bearer"), false, Result{}, ""},
		{"the subprotocol", with("Sec-WebSocket-Protocol: hubbub.v1"), false, Result{}, "\r\nSec-WebSocket-Protocol: hubbub.v1"},
		{"among others", with("Sec-WebSocket-Protocol: a ,\thubbub.v1"), false, Result{}, "\r\nSec-WebSocket-Protocol: hubbub.v1"},
		{"another", with("Sec-WebSocket-Protocol: hubbub.v2"), false, Result{}, ""},
		{"a token beside the subprotocol", with("Sec-WebSocket-Protocol: hubbub.v1, bearer.abc"), false, Result{Token: "abc"}, "\r\nSec-WebSocket-Protocol: hubbub.v1"},
		{"in two headers", with("Sec-WebSocket-Protocol: bearer.abc", "Sec-WebSocket-Protocol: hubbub.v1"), false, Result{Token: "abc"}, "\r\nSec-WebSocket-Protocol: hubbub.v1"},
		{"a token without the subprotocol", with("Sec-WebSocket-Protocol: bearer.abc, bearer.d"), false, Result{}, ""},
		{"a basic login and a token", with("Authorization: Basic a", "Sec-WebSocket-Protocol: hubbub.v1, bearer.abc"), false, Result{Token: "abc"}, "\r\nSec-WebSocket-Protocol: hubbub.v1"},
		{"compression", with("Sec-WebSocket-Extensions: permessage-deflate"), false, Result{Deflate: true}, deflates},
		{"in the second of two headers", with("Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: permessage-deflate"), false, Result{Deflate: true}, deflates},
		{"another extension", with("Sec-WebSocket-Extensions: foo"), false, Result{}, ""},
		{"compression that is not wanted", with("Sec-WebSocket-Extensions: permessage-deflate"), true, Result{}, ""},
		{"the page", with("Origin: HTTPS://A.example"), false, Result{}, ""},
		{"the server's own page", with("Origin: https://H"), false, Result{}, ""},
		{"as large as may be", with("X: " + strings.Repeat("x", MaxHeader-len(good)-len("X: \r\n"))), false, Result{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := NewParser([]string{"https://b.example", "https://A.example"}, !tt.plain)
			for _, then := range []string{"", "\x81\x80 and\nmore\r\n\r\n"} {
				got := p.Parse([]byte(tt.in + then))
				want := tt.want
				want.Verdict, want.Used = Accepted, len(tt.in)
				reply := string(got.Reply)
				if got.Reply = nil; !reflect.DeepEqual(got, want) {
					t.Errorf("%+v, want %+v", got, want)
				}
				if reply != answer+tt.reply+"\r\n\r\n" {
					t.Errorf("answered %q", reply)
				}
			}
		})
	}
	for _, origins := range [][]string{nil, {"*"}, {"https://a.example", "*"}} {
		if res := NewParser(origins, false).Parse([]byte(with("Origin: https://any.example"))); res.Verdict != Accepted {
			t.Errorf("with %q a page is answered %q", origins, res.Reply)
		}
	}
}

// TestHTTP is what an ordinary server answers, as soon as that can be told.
func TestHTTP(t *testing.T) {
	p := NewParser(nil, false)
	for in, want := range map[string]Verdict{
		"": More, "G": More, "GET /v1/ws": More, "GET /v1/ws ": More, "GET /v1/ws?": More, good[:len(good)-1]: More,
		"P": HTTP, "GET /v1/w/": HTTP, "GET /v1/ws/": HTTP, "GET /v1/wss": HTTP, "\x16\x03\x01": HTTP,
		replace(to, ""): HTTP, strings.Replace(replace(to, ""), "HTTP/1.1", "HTTP/1.0", 1): HTTP,
	} {
		if got := p.Parse([]byte(in)); got.Verdict != want {
			t.Errorf("%q is %d, want %d", in, got.Verdict, want)
		}
	}
}
