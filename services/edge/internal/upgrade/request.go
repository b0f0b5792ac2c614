package upgrade

import "bytes"

// The headers that a handshake is judged by.
const (
	hOther = iota
	hHost
	hUpgrade
	hConnection
	hVersion
	hKey
	hExtensions
	hOrigin
	hAuthorization
	hProtocol
	hForwardedFor
	hRealIP
	hTransferEncoding
	hContentLength
	headers
)

var names = [headers][]byte{
	hHost: []byte("Host"), hUpgrade: []byte("Upgrade"), hConnection: []byte("Connection"), hVersion: []byte("Sec-WebSocket-Version"),
	hKey: []byte("Sec-WebSocket-Key"), hExtensions: []byte("Sec-WebSocket-Extensions"), hOrigin: []byte("Origin"),
	hAuthorization: []byte("Authorization"),
	hProtocol:      []byte("Sec-WebSocket-Protocol"), hForwardedFor: []byte("X-Forwarded-For"), hRealIP: []byte("X-Real-IP"), hTransferEncoding: []byte("Transfer-Encoding"), hContentLength: []byte("Content-Length"),
}

// request is what a handshake's headers say. Its slices are views into them.
type request struct {
	count        [headers]int
	websocket    bool // Upgrade has it
	upgrade      bool // Connection has it
	extensions   string
	forwardedFor string
	speaks       bool     // Sec-WebSocket-Protocol has Subprotocol
	bearers      [][]byte // and these tokens

	version, key, host, origin, authorization, length, realIP []byte
}

// read parses headers, each a line with its CR LF. It refuses whatever deviates from RFC 9110
// section 5, and returns why: two parsers that read one request differently let requests be
// smuggled.
func (r *request) read(b []byte) (why string) {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, newline)
		name, value, colon := bytes.Cut(line, []byte(":"))
		if !colon || len(name) == 0 {
			return "a header is malformed"
		}
		for _, c := range name {
			if !tokenBytes[c] {
				return "a header's name is malformed"
			}
		}
		for _, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				return "a header's value is malformed"
			}
		}
		r.set(known(name), bytes.Trim(value, " \t"))
	}
	return ""
}

func known(name []byte) int {
	for h := hHost; h < headers; h++ {
		if len(name) == len(names[h]) && bytes.EqualFold(name, names[h]) {
			return h
		}
	}
	return hOther
}

func (r *request) set(h int, value []byte) {
	r.count[h]++
	switch h {
	case hUpgrade:
		r.websocket = r.websocket || lists(value, "websocket")
	case hConnection:
		r.upgrade = r.upgrade || lists(value, "upgrade")
	case hExtensions:
		if r.extensions != "" {
			r.extensions += ","
		}
		r.extensions += string(value)
	case hVersion:
		r.version = value
	case hKey:
		r.key = value
	case hHost:
		r.host = value
	case hOrigin:
		r.origin = value
	case hAuthorization:
		r.authorization = value
	case hProtocol:
		r.addProtocols(value)
	case hForwardedFor:
		if r.forwardedFor != "" {
			r.forwardedFor += ","
		}
		r.forwardedFor += string(value)
	case hRealIP:
		r.realIP = value
	case hContentLength:
		r.length = value
	}
}

// own reports whether the request is of a page of the host that it was sent to.
func (r *request) own() bool {
	_, host, ok := bytes.Cut(r.origin, []byte("://"))
	return ok && len(host) > 0 && bytes.EqualFold(host, r.host)
}

// addProtocols takes in a list of subprotocols. Browsers can name these but no header, so a token
// may be among them.
func (r *request) addProtocols(value []byte) {
	for part := range bytes.SplitSeq(value, []byte(",")) {
		part = bytes.Trim(part, " \t")
		if token, ok := bytes.CutPrefix(part, bearerPrefix); ok {
			r.bearers = append(r.bearers, token)
		} else if string(part) == Subprotocol {
			r.speaks = true
		}
	}
}

// lists reports whether a comma-separated list has a token, in any case.
func lists(value []byte, token string) bool {
	for part := range bytes.SplitSeq(value, []byte(",")) {
		if part = bytes.Trim(part, " \t"); len(part) == len(token) && bytes.EqualFold(part, []byte(token)) {
			return true
		}
	}
	return false
}

// tokenBytes are the characters of a token (RFC 9110 section 5.6.2).
var tokenBytes = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()
