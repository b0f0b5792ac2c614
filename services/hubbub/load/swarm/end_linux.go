package swarm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// end is why a connection ended.
type end struct {
	code  string // in a word
	why   string
	final bool // no client comes back by itself after it
}

func (e *end) Error() string { return e.why }

var errCut = &end{code: "cut", why: "the server ended the connection without a word"}

// reason returns in a word why a connection ended, and whether the client stays away.
func reason(err error) (code string, final bool) {
	if e := new(end); errors.As(err, &e) {
		return e.code, e.final
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno), false
	}
	return chat.CodeOf(err), false
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
		code: fmt.Sprint("close_", int(code)), final: !wire.ComesBack(code),
		why: fmt.Sprintf("closed by the server with %d (%s): %.200s", int(code), code, payload[2:]),
	}
}

// denied is the end of a client that the server does not want, which answered with an event.
func denied(command string, e *wire.Event) error {
	return &end{code: string(e.Code), final: true, why: command + ": " + e.Err().Error()}
}
