// Package upgrade owns the opening handshake (RFC 6455 section 4.2) over the bytes that have
// arrived so far: it says whether they are one, and what is answered.
//
// It reads no socket. What is no handshake it leaves to an ordinary HTTP server.
package upgrade

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
)

// Path is where the WebSocket is.
const Path = "/v1/ws"

// Subprotocol is the name of the client protocol in Sec-WebSocket-Protocol; clients may omit it.
const Subprotocol = "hubbub.v1"

// bearerPrefix is what a token begins with that is offered beside it, as if it were another
// subprotocol.
var bearerPrefix = []byte("bearer.")

// MaxHeader is the greatest size of a handshake's request line and headers, in bytes: room for a
// token of 4 KiB.
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
	Reply   []byte // to be sent; valid until the next Parse
	Token   string // of Authorization: Bearer or beside Subprotocol, if any
	// X-Forwarded-For, several joined by commas; empty: none. See clientaddr.Proxies
	ForwardedFor string
	RealIP       string // X-Real-IP; empty: none, or several
	Deflate      bool   // permessage-deflate was agreed on, without context takeover
}

// Parser reads handshakes. It may be used by one goroutine at a time.
type Parser struct {
	origins map[string]bool // nil: any
	// how a request begins for the WebSocket under a base path; nil: there is none
	under   []byte
	deflate bool
	reply   []byte
}

// NewParser returns a parser that accepts browsers' pages of the server's own origin and of those
// given only, such as https://chat.example; "*", or none, stands for any. compress says whether
// permessage-deflate is agreed on where it is offered.
func NewParser(origins []string, compress bool) *Parser {
	p := &Parser{deflate: compress}
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
	return p
}

// Under makes the parser accept handshakes also below a base path, such as /chat, and returns it.
// "" is none.
func (p *Parser) Under(base string) *Parser {
	if base != "" {
		p.under = []byte("GET " + base + Path)
	}
	return p
}

var (
	start   = []byte("GET " + Path)
	newline = []byte("\r\n")
	blank   = []byte("\r\n\r\n")
)

// Parse looks at the bytes that a connection began with.
func (p *Parser) Parse(b []byte) Result {
	if !begins(b, start) && (p.under == nil || !begins(b, p.under)) {
		return Result{Verdict: HTTP}
	}
	end := bytes.Index(b, blank)
	head := b
	if end >= 0 {
		head = b[:end+len(blank)]
	}
	switch {
	case bareLine(head):
		return Reject(400, "a line ends without CR")
	case end < 0 && len(b) < MaxHeader:
		return Result{Verdict: More}
	case end < 0 || len(head) > MaxHeader:
		return Reject(431, "the headers are larger than "+strconv.Itoa(MaxHeader)+" bytes")
	}
	line, rest, _ := bytes.Cut(head, newline)
	var r request
	if why := r.read(rest[:len(rest)-len(newline)]); why != "" {
		return Reject(400, why)
	}
	if r.count[hUpgrade] == 0 {
		return Result{Verdict: HTTP}
	}
	if status, why := requestLine(line); status != 0 {
		return Reject(status, why)
	}
	res := p.accept(&r)
	res.Used = len(head)
	return res
}

// begins reports whether b is, or may become, a request that begins with start.
func begins(b, start []byte) bool {
	n := min(len(b), len(start))
	return bytes.Equal(b[:n], start[:n]) && (len(b) <= n || b[n] == ' ' || b[n] == '?')
}

// bareLine reports whether a line of b ends in LF alone. Some parsers take that for the end of a
// line and others do not, which is how requests are smuggled.
func bareLine(b []byte) bool {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return false
		}
		if at += n; at == 0 || b[at-1] != '\r' {
			return true
		}
		at++
	}
}

// requestLine checks the first line, of which the beginning is known. It returns 0 for a good one.
func requestLine(line []byte) (status int, why string) {
	target, version, ok := bytes.Cut(line[len("GET "):], []byte(" "))
	if !ok {
		return 400, "the request line is malformed"
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f {
			return 400, "the request line is malformed"
		}
	}
	switch {
	case len(version) != len("HTTP/1.1") || !bytes.HasPrefix(version, []byte("HTTP/")) || version[6] != '.' || version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9':
		return 400, "the request line is malformed"
	case version[5] != '1' || version[7] == '0':
		return 505, "the request is not HTTP/1.1"
	}
	return 0, ""
}

// accept decides on a request whose headers are well formed.
func (p *Parser) accept(r *request) Result {
	switch {
	case r.count[hHost] != 1:
		return Reject(400, "one Host is to be named")
	case r.count[hTransferEncoding] > 0, r.count[hContentLength] > 1, r.count[hContentLength] == 1 && string(r.length) != "0":
		return Reject(400, "a handshake has no body")
	case !r.websocket:
		return Reject(400, "the Upgrade is to be websocket")
	case !r.upgrade:
		return Reject(400, "the Connection is to be Upgrade")
	case r.count[hVersion] != 1:
		return Reject(400, "one Sec-WebSocket-Version is to be named")
	case string(r.version) != "13":
		return reject(426, "the version of the protocol is 13", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
	case r.count[hKey] != 1 || !goodKey(r.key):
		return Reject(400, "one Sec-WebSocket-Key of 16 bytes is needed")
	case r.count[hAuthorization] > 1, r.count[hOrigin] > 1:
		return Reject(400, "a header is there twice")
	case p.origins != nil && r.count[hOrigin] == 1 && !r.own() && !p.origins[strings.ToLower(string(r.origin))]:
		return Reject(403, "this page's origin may not connect")
	}
	extensions, err := answerOffers(r.extensions)
	if err != nil {
		return Reject(400, err.Error())
	}
	res := Result{Verdict: Accepted, ForwardedFor: r.forwardedFor}
	if r.count[hRealIP] == 1 {
		res.RealIP = string(r.realIP)
	}
	if scheme, token, ok := bytes.Cut(r.authorization, []byte(" ")); ok && bytes.EqualFold(scheme, []byte("Bearer")) {
		res.Token = string(bytes.TrimSpace(token))
	}
	if r.speaks && len(r.bearers) > 0 {
		if len(r.bearers) > 1 || res.Token != "" {
			return Reject(400, "more than one token is there")
		}
		res.Token = string(r.bearers[0])
	}
	p.reply = append(p.reply[:0], "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	p.reply = appendAccept(p.reply, r.key)
	if r.speaks {
		p.reply = append(p.reply, "\r\nSec-WebSocket-Protocol: "+Subprotocol...)
	}
	if p.deflate && extensions != "" {
		res.Deflate = true
		p.reply = append(append(p.reply, "\r\nSec-WebSocket-Extensions: "...), extensions...)
	}
	p.reply = append(p.reply, blank...)
	res.Reply = p.reply
	return res
}

// goodKey reports whether a key is 16 bytes in base64.
func goodKey(key []byte) bool {
	var b [18]byte // what the decoder may write for 24 characters
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], key)
	return err == nil && n == 16
}

// appendAccept appends the answer to a key (RFC 6455 section 4.2.2).
func appendAccept(dst, key []byte) []byte {
	var b [24 + 36]byte
	sum := sha1.Sum(append(append(b[:0], key...), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// Reject returns a result whose reply is an HTTP error.
func Reject(status int, why string) Result { return reject(status, why, "") }

func reject(status int, why, headers string) Result {
	return Result{Verdict: Rejected, Reply: []byte("HTTP/1.1 " + strconv.Itoa(status) + " " + statusText[status] +
		"\r\n" + headers + "Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + strconv.Itoa(len(why)+1) +
		"\r\nConnection: close\r\n\r\n" + why + "\n")}
}

var statusText = map[int]string{
	400: "Bad Request", 403: "Forbidden", 408: "Request Timeout", 426: "Upgrade Required", 431: "Request Header Fields Too Large",
	503: "Service Unavailable", 505: "HTTP Version Not Supported",
}
