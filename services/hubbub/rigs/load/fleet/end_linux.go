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
	code  string // the cause in one word
	why   string
	final bool          // clients do not reconnect
	after time.Duration // clients reconnect no sooner
}

func (e *end) Error() string { return e.why }

var errCut = &end{code: "cut", why: "the server ended the connection without a close frame"}

// reason classifies an error that ended a connection.
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

// upgraded returns an error unless the response accepts the upgrade.
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

// closed returns the end that a close frame stands for.
func closed(payload []byte) error {
	if len(payload) < 2 {
		return &end{code: "closed", why: "the server closed the connection and did not say why"}
	}
	code := wire.CloseCode(binary.BigEndian.Uint16(payload))
	return &end{
		code: fmt.Sprint("close_", int(code)),
		// With so many clients in one thread a hello may be late: that is no reason to give up.
		final: !wire.ComesBack(code) && code != wire.CloseHelloTimeout,
		why:   fmt.Sprintf("closed by the server with %d (%s): %.200s", int(code), code, payload[2:]),
	}
}

// denied returns the end of a connection whose hello or join was answered with an error. If the
// error is temporary, the client comes back.
func denied(command string, e *wire.Event) error {
	passing := passes(e) || string(e.Code) == chat.CodeTokenExpired
	return &end{code: string(e.Code), final: !passing, after: time.Duration(e.RetryAfterMS) * time.Millisecond, why: command + ": " + e.Err().Error()}
}
