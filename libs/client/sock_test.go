package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// sock is the server's end of a connection. Its fields are guarded by server.mu.
type sock struct {
	s      *server
	conn   net.Conn
	user   string
	joined map[string]bool
}

func (k *sock) event(e wire.Event) {
	b, err := json.Marshal(e)
	if err != nil {
		k.s.t.Error(err)
	}
	k.say(b)
}

func (k *sock) refuse(c *wire.Command, e *chat.Error) {
	k.say(wire.AppendError(nil, c.ID, e, c.MsgID, c.Room))
}

func (k *sock) say(b []byte) { k.frame(ws.OpText, b) }

func (k *sock) frame(op ws.OpCode, b []byte) {
	_ = k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if err := ws.WriteFrame(k.conn, ws.NewFrame(op, true, b)); err != nil && !isClosed(err) {
		k.s.t.Errorf("write to a client: %v", err)
	}
}

func isClosed(err error) bool {
	s := err.Error()
	return errors.Is(err, io.EOF) || strings.Contains(s, "closed") || strings.Contains(s, "reset") || strings.Contains(s, "broken pipe")
}
