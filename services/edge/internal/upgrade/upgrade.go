// Package upgrade owns the opening handshake (RFC 6455 section 4.2) over the bytes that have arrived so far: it says
// whether they are one, and what is answered.
//
// It reads no socket. What is no handshake it leaves to an ordinary HTTP server.
package upgrade

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/gobwas/ws"
)

// Path is where the WebSocket is.
const Path = "/v1/ws"

// MaxHeader is the greatest size of a handshake's request line and headers, in bytes: room for a token of 4 KiB.
const MaxHeader = 8 << 10

// Verdict is what the bytes so far are.
type Verdict uint8

// The verdicts.
const (
	More     Verdict = iota // the beginning of a handshake: wait for the rest
	HTTP                    // an ordinary request, for an HTTP server
	Accepted                // a handshake: Reply is what accepts it
	Rejected                // no good one: send Reply and close
)

// Result is what the bytes so far are, and what follows from it.
type Result struct {
	Verdict Verdict
	Used    int    // length of the handshake; what follows are frames
	Reply   []byte // to be sent
	Token   string // of Authorization: Bearer, if any
}

// Parser reads handshakes. It may be used by one goroutine at a time.
type Parser struct {
	origins  map[string]bool // nil: any
	upgrader ws.Upgrader
	in       bytes.Reader
	out      bytes.Buffer
	token    string
	host     bool
}

// NewParser returns a parser that accepts browsers' pages of the given origins only, such as https://chat.example;
// "*", or none, stands for any.
func NewParser(origins []string) *Parser {
	p := &Parser{}
	for _, o := range origins {
		if o == "*" {
			p.origins = nil
			break
		}
		if p.origins == nil {
			p.origins = map[string]bool{}
		}
		p.origins[strings.ToLower(o)] = true
	}
	p.upgrader = ws.Upgrader{OnHeader: p.header, OnHost: p.hosted, ReadBufferSize: MaxHeader}
	return p
}

var (
	start    = []byte("GET " + Path)
	newline  = []byte("\r\n")
	blank    = []byte("\r\n\r\n")
	http11   = []byte(" HTTP/1.1")
	upgraded = []byte("\nupgrade:")
)

var (
	errOrigin = ws.RejectConnectionError(ws.RejectionStatus(403), ws.RejectionReason("this page's origin may not connect"))
	errBody   = ws.RejectConnectionError(ws.RejectionStatus(400), ws.RejectionReason("a handshake has no body"))
	errHost   = ws.RejectConnectionError(ws.RejectionStatus(400), ws.RejectionReason("two hosts are named"))
)

// Parse looks at the bytes that a connection began with.
func (p *Parser) Parse(b []byte) Result {
	if n := min(len(b), len(start)); !bytes.Equal(b[:n], start[:n]) {
		return Result{Verdict: HTTP}
	}
	if len(b) > len(start) && b[len(start)] != ' ' && b[len(start)] != '?' {
		return Result{Verdict: HTTP}
	}
	end := bytes.Index(b, blank)
	switch {
	case end < 0 && len(b) < MaxHeader:
		return Result{Verdict: More}
	case end < 0 || end+len(blank) > MaxHeader:
		return Reject(431, "the headers are larger than "+strconv.Itoa(MaxHeader)+" bytes")
	}
	head := b[:end+len(blank)]
	if !bytes.Contains(bytes.ToLower(head), upgraded) {
		return Result{Verdict: HTTP}
	}
	line, _, _ := bytes.Cut(head, newline)
	switch {
	case !bytes.HasSuffix(line, http11):
		return Reject(505, "the request is not HTTP/1.1")
	case !wellFormed(head[len(line)+len(newline) : end+len(newline)]):
		return Reject(400, "a header is malformed")
	}
	return p.upgrade(head)
}

// wellFormed reports whether every line of b, each with its CR LF, is a header as RFC 9110 section 5 has it. The library
// is more lenient, and what two parsers read differently is how requests are smuggled.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, newline)
		name, value, colon := bytes.Cut(line, []byte(":"))
		if !ok || !colon || len(name) == 0 {
			return false
		}
		for _, c := range name {
			if !tokenBytes[c] {
				return false
			}
		}
		for _, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
		b = rest
	}
	return true
}

// tokenBytes are the characters of a token (RFC 9110 section 5.6.2).
var tokenBytes = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()

func (p *Parser) upgrade(head []byte) Result {
	p.token, p.host = "", false
	p.in.Reset(head)
	p.out.Reset()
	_, err := p.upgrader.Upgrade(struct {
		io.Reader
		io.Writer
	}{&p.in, &p.out})
	res := Result{Verdict: Accepted, Used: len(head), Reply: bytes.Clone(p.out.Bytes()), Token: p.token}
	if err != nil {
		res.Verdict, res.Token = Rejected, ""
		if len(res.Reply) == 0 { // the parser gave up before it knew what to answer
			return Reject(400, "not an HTTP request")
		}
		// The status of a rejection that the library made itself may be a 500 for what is the client's fault.
		if bytes.HasPrefix(res.Reply, []byte("HTTP/1.1 5")) {
			var r *ws.ConnectionRejectedError
			if !errors.As(err, &r) {
				return Reject(400, "not a WebSocket handshake")
			}
		}
	}
	return res
}

// header looks at the headers that are not the WebSocket's own. Keys come in their canonical form.
func (p *Parser) header(key, value []byte) error {
	switch string(key) {
	case "Origin":
		if p.origins != nil && !p.origins[strings.ToLower(string(value))] {
			return errOrigin
		}
	case "Authorization":
		if scheme, token, ok := bytes.Cut(value, []byte(" ")); ok && bytes.EqualFold(scheme, []byte("Bearer")) {
			p.token = string(bytes.TrimSpace(token))
		}
	case "Transfer-Encoding":
		return errBody
	case "Content-Length":
		if string(value) != "0" {
			return errBody
		}
	}
	return nil
}

func (p *Parser) hosted([]byte) error {
	if p.host {
		return errHost
	}
	p.host = true
	return nil
}

// Reject returns a result whose reply is an HTTP error.
func Reject(status int, why string) Result {
	return Result{Verdict: Rejected, Reply: []byte("HTTP/1.1 " + strconv.Itoa(status) + " " + statusText[status] +
		"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + strconv.Itoa(len(why)+1) +
		"\r\nConnection: close\r\n\r\n" + why + "\n")}
}

var statusText = map[int]string{
	400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
	505: "HTTP Version Not Supported",
}
