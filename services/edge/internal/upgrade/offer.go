package upgrade

import (
	"errors"
	"strings"
)

// errOffers says that a Sec-WebSocket-Extensions header breaks its grammar (RFC 6455 section 9.1).
// A handshake with it is to be refused.
var errOffers = errors.New("the extensions are malformed")

// extension is what this package answers.
const extension = "permessage-deflate"

// answer takes an offer. Whatever the client has asked for, neither side keeps a window from
// message to message.
const answer = extension + "; server_no_context_takeover; client_no_context_takeover"

// answerOffers returns what the handshake's Sec-WebSocket-Extensions header (several are joined by
// commas) is answered with: the first offer of permessage-deflate that can be met, or "" for none.
func answerOffers(header string) (string, error) {
	l := lexer{rest: header}
	reply := ""
	for {
		l.space()
		if l.accept(',') { // an empty element (RFC 9110 section 5.6.1)
			continue
		}
		if l.rest == "" {
			return reply, nil
		}
		name := l.token()
		if name == "" {
			return "", errOffers
		}
		params, err := l.params()
		if err != nil {
			return "", err
		}
		if reply == "" && strings.EqualFold(name, extension) {
			reply = meet(params)
		}
		if !l.accept(',') && l.rest != "" {
			return "", errOffers
		}
	}
}

// param is a parameter of an offer.
type param struct {
	name, value string
	valued      bool
}

// meet returns the answer to an offer, or "" for one that cannot be met (RFC 7692 section 7.1):
// with a parameter that is unknown, has a value that it must not have, or is there twice, or with a
// window that is smaller than ours.
func meet(params []param) string {
	reply := answer
	for i, p := range params {
		for _, q := range params[:i] {
			if strings.EqualFold(p.name, q.name) {
				return ""
			}
		}
		switch strings.ToLower(p.name) {
		case "server_no_context_takeover", "client_no_context_takeover":
			if p.valued {
				return ""
			}
		case "server_max_window_bits":
			if p.value != "15" {
				return ""
			}
			reply += "; server_max_window_bits=15"
		case "client_max_window_bits": // a hint, that any window of the client's can be read
			if p.valued && !windowBits[p.value] {
				return ""
			}
		default:
			return ""
		}
	}
	return reply
}

var windowBits = map[string]bool{"8": true, "9": true, "10": true, "11": true, "12": true, "13": true, "14": true, "15": true}

// lexer takes a header apart.
type lexer struct{ rest string }

func (l *lexer) space() { l.rest = strings.TrimLeft(l.rest, " \t") }

// take takes a separator, with the space around it.
func (l *lexer) accept(c byte) bool {
	l.space()
	if l.rest == "" || l.rest[0] != c {
		return false
	}
	l.rest = l.rest[1:]
	l.space()
	return true
}

// token takes a token (RFC 9110 section 5.6.2); "": there is none.
func (l *lexer) token() string {
	n := 0
	for n < len(l.rest) && isToken(l.rest[n]) {
		n++
	}
	t := l.rest[:n]
	l.rest = l.rest[n:]
	return t
}

func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// params takes the parameters of an offer.
func (l *lexer) params() (params []param, err error) {
	for l.accept(';') {
		p := param{name: l.token()}
		if p.name == "" {
			return nil, errOffers
		}
		if p.valued = l.accept('='); p.valued {
			if p.value = l.value(); p.value == "" {
				return nil, errOffers
			}
		}
		params = append(params, p)
	}
	return params, nil
}

// value takes a token, or a quoted string that is one when unquoted (RFC 6455 section 9.1); "":
// there is neither.
func (l *lexer) value() string {
	if l.rest == "" || l.rest[0] != '"' {
		return l.token()
	}
	var v []byte
	for i := 1; i < len(l.rest); i++ {
		c := l.rest[i]
		switch {
		case c == '"':
			l.rest = l.rest[i+1:]
			return string(v)
		case c == '\\' && i+1 < len(l.rest):
			i++
			c = l.rest[i]
		}
		if !isToken(c) {
			return ""
		}
		v = append(v, c)
	}
	return ""
}
