package fleet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/swarm"
)

// end is why a connection ended.
type end struct {
	code  string // in a word
	why   string
	final bool          // no client comes back by itself after it
	after time.Duration // no client comes back before
}

func (e *end) Error() string { return e.why }

var errCut = &end{code: "cut", why: "the server ended the connection without a word"}

// reason returns what an error, which ended a connection, comes to.
func reason(err error) *end {
	if e := new(end); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, swarm.ErrEnded) {
		return errCut
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return &end{code: unix.ErrnoName(errno)}
	}
	return &end{code: chat.CodeOf(err)}
}

// upgraded returns what the answer to the upgrade comes to.
func upgraded(head []byte) error {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	fields := bytes.SplitN(line, []byte(" "), 3)
	if len(fields) < 2 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return &end{code: "no_hubbub", final: true, why: fmt.Sprintf("what answers at /v1/ws speaks no HTTP: %.80q", line)}
	}
	status, _ := strconv.Atoi(string(fields[1]))
	switch {
	case status == 101:
		return nil
	case status >= 500 || status == 429 || status == 408:
		return &end{code: fmt.Sprint("http_", status), why: fmt.Sprintf("the upgrade was answered with status %d", status)}
	}
	return &end{code: fmt.Sprint("http_", status), final: true, why: fmt.Sprintf("what answers at /v1/ws is no WebSocket of Hubbub: status %d", status)}
}

// closed returns what a close frame comes to.
func closed(payload []byte) error {
	if len(payload) < 2 {
		return &end{code: "closed", why: "the server closed the connection and did not say why"}
	}
	code := wire.CloseCode(binary.BigEndian.Uint16(payload))
	return &end{
		code: fmt.Sprint("close_", int(code)),
		// That hello comes too late is no fault of so many clients in one thread.
		final: !wire.ComesBack(code) && code != wire.CloseHelloTimeout,
		why:   fmt.Sprintf("closed by the server with %d (%s): %.200s", int(code), code, payload[2:]),
	}
}

// denied is the end of a connection whose hello or join was answered with an error. Where that
// passes, the client comes back.
func denied(command string, e *wire.Event) error {
	passing := passes(e) || string(e.Code) == chat.CodeTokenExpired
	return &end{code: string(e.Code), final: !passing, after: time.Duration(e.RetryAfterMS) * time.Millisecond, why: command + ": " + e.Err().Error()}
}
