package wire

import "strconv"

// CloseCode is the status code of a WebSocket close frame.
type CloseCode uint16

// The close codes that an edge sends. From 4000 to 4499 the client should come back; from 4500 on
// it should not.
const (
	CloseDrain CloseCode = 4000 // the edge shuts down for a deploy; other edges run
	// the socket fell behind in its rooms; nothing is lost: resume
	CloseResume       CloseCode = 4001
	CloseIdle         CloseCode = 4002 // no frame came from the client for 60 s
	CloseTokenExpired CloseCode = 4003 // fetch a new token, then come back
	CloseOverloaded   CloseCode = 4004 // the edge has reached its limit of sockets
	// the edge was cut off from the log for longer than it can bridge
	CloseLost CloseCode = 4005

	CloseProtocol     CloseCode = 4500 // not the Hubbub protocol: the first command was not hello
	CloseUnauthorized CloseCode = 4501 // the token is not valid
	CloseHelloTimeout CloseCode = 4502 // no hello arrived in time
	CloseRevoked      CloseCode = 4503 // the session or the user was revoked
	CloseVersion      CloseCode = 4504 // the edge does not speak this protocol version
	CloseAbuse        CloseCode = 4505 // the client broke the limits again and again
	CloseSockets      CloseCode = 4506 // the user has reached the limit of sockets per user
)

// The close codes of RFC 6455 section 7.4.1 and of the IANA registry that clients and edges meet.
const (
	CloseNormal     CloseCode = 1000 // the client has finished
	CloseGoingAway  CloseCode = 1001 // the other side shuts down
	CloseFrame      CloseCode = 1002 // a frame breaks RFC 6455
	CloseBinary     CloseCode = 1003 // a binary frame: the protocol is text
	CloseNoStatus   CloseCode = 1005 // never sent: the close frame has no code
	CloseAbnormal   CloseCode = 1006 // never sent: the connection ended without a close frame
	CloseNotUTF8    CloseCode = 1007 // a text frame is not UTF-8
	CloseTooBig     CloseCode = 1009 // a frame or message is longer than limits.frame
	CloseInternal   CloseCode = 1011 // a fault of the server's
	CloseRestarting CloseCode = 1012 // the server restarts
	CloseTryLater   CloseCode = 1013 // a server or proxy is overloaded
	CloseBadGateway CloseCode = 1014 // a proxy cannot reach the server
)

// CloseCodes returns the codes that an edge sends of its own accord, in the order of PROTOCOL.md.
func CloseCodes() []CloseCode {
	return []CloseCode{
		CloseDrain, CloseResume, CloseIdle, CloseTokenExpired, CloseOverloaded, CloseLost,
		CloseProtocol, CloseUnauthorized, CloseHelloTimeout, CloseRevoked, CloseVersion, CloseAbuse, CloseSockets,
		CloseFrame, CloseBinary, CloseNotUTF8, CloseTooBig,
	}
}

// String returns the code's name, or its number where it has none.
func (c CloseCode) String() string {
	switch c {
	case CloseDrain:
		return "drain"
	case CloseResume:
		return "resume"
	case CloseIdle:
		return "idle"
	case CloseTokenExpired:
		return "token_expired"
	case CloseOverloaded:
		return "overloaded"
	case CloseLost:
		return "lost"
	case CloseProtocol:
		return "protocol"
	case CloseUnauthorized:
		return "unauthorized"
	case CloseHelloTimeout:
		return "hello_timeout"
	case CloseRevoked:
		return "revoked"
	case CloseVersion:
		return "version"
	case CloseAbuse:
		return "abuse"
	case CloseSockets:
		return "sockets"
	case CloseFrame:
		return "bad_frame"
	case CloseBinary:
		return "binary"
	case CloseNotUTF8:
		return "not_utf8"
	case CloseTooBig:
		return "too_big"
	}
	return strconv.Itoa(int(c))
}

// ComesBack reports whether a client should reconnect by itself after the code. CloseAbnormal
// stands for an end without a close frame.
func ComesBack(c CloseCode) bool {
	switch c {
	case CloseGoingAway, CloseAbnormal, CloseInternal, CloseRestarting, CloseTryLater, CloseBadGateway:
		return true
	}
	return 4000 <= c && c <= 4499
}
