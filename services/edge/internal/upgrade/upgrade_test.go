package upgrade

import (
	"bufio"
	"bytes"
	"net/http"
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

// FuzzParse holds that whatever comes is answered with an HTTP response, or with nothing yet, and that nothing is
// accepted that net/http would not take for such a request.
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
