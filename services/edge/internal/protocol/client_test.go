package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gobwas/ws"
)

// client is a socket as its client sees it.
type client struct {
	r    *rig
	s    *Shard
	l    *fakeLoop
	slot uint32
	seen []frameOf // all that came and was not asked for yet
	code int       // of the close frame; 0: there was none
}

// frameOf is what tests want to know of an event.
type frameOf struct {
	Type, ID, Room, User string
	Text                 string
	MsgID                string `json:"msg_id"`
	Code                 any
	Message              string
	Seq, Prev            uint64
	TS                   int64
	More, Rewind         bool
	RetryAfterMS         int `json:"retry_after_ms"`
	raw                  string
}

// connect is a connection over which nothing has come yet.
func (r *rig) connect() *client {
	i := int(r.next) % len(r.shards)
	c := &client{r: r, s: r.shards[i], l: r.loops[i], slot: r.next}
	r.next++
	c.s.conn.Opened(c.slot)
	return c
}

// open is a socket that has shaken hands.
func (r *rig) open() *client {
	c := r.connect()
	c.s.conn.Accept(c.slot, false)
	return c
}

// login is a socket whose user was let in.
func (r *rig) login(user string) *client {
	r.t.Helper()
	c := r.open()
	c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token(user, time.Hour))
	c.want("welcome", "h")
	return c
}

// write delivers a frame from the client, without a turn of the loop.
func (c *client) write(format string, args ...any) {
	c.s.conn.Received(c.slot, maskedText(fmt.Sprintf(format, args...)))
}

// say delivers a frame, and runs the loops until nothing follows any more.
func (c *client) say(format string, args ...any) {
	c.write(format, args...)
	c.r.settle()
}

// read takes in what was written to the socket.
func (c *client) read() {
	c.r.t.Helper()
	for {
		in := bytes.NewReader(c.l.got[c.slot])
		h, err := ws.ReadHeader(in)
		if err != nil || int64(in.Len()) < h.Length {
			return // the rest is still to be written
		}
		data := make([]byte, h.Length)
		_, _ = in.Read(data)
		c.l.got[c.slot] = c.l.got[c.slot][len(c.l.got[c.slot])-in.Len():]
		switch h.OpCode {
		case ws.OpClose:
			code, _ := ws.ParseCloseFrameDataUnsafe(data)
			c.code = int(code)
		case ws.OpText:
			f := frameOf{raw: string(data)}
			if err := json.Unmarshal(data, &f); err != nil {
				c.r.t.Fatalf("%s: %v", data, err)
			}
			c.seen = append(c.seen, f)
		}
	}
}

// all returns and forgets what came.
func (c *client) all() []frameOf {
	c.r.t.Helper()
	c.read()
	seen := c.seen
	c.seen = nil
	return seen
}

// answered returns what answers a command among frames.
func answered(frames []frameOf, id string) (answer frameOf) {
	for _, f := range frames {
		if f.Type != "msg" && f.ID == id {
			answer = f
		}
	}
	return answer
}

// want returns the one event that has come, which is of this type and answers the command with this
// id.
func (c *client) want(kind, id string) frameOf {
	c.r.t.Helper()
	all := c.all()
	if len(all) != 1 || all[0].Type != kind || all[0].ID != id {
		c.r.t.Fatalf("want one %s with id %q, got %+v (closed with %d)", kind, id, all, c.code)
	}
	return all[0]
}

// refused checks that a command was answered with an error, and nothing else.
func (c *client) refused(id, code string) frameOf {
	c.r.t.Helper()
	f := c.want("error", id)
	if f.Code != code {
		c.r.t.Errorf("%s: refused with %v, want %s", id, f.Code, code)
	}
	return f
}

// quiet checks that nothing has come.
func (c *client) quiet() {
	c.r.t.Helper()
	if all := c.all(); len(all) > 0 || c.code != 0 {
		c.r.t.Fatalf("want nothing, got %+v (closed with %d)", all, c.code)
	}
}

// enter joins a room.
func (c *client) enter(room string) uint64 {
	c.r.t.Helper()
	c.say(`{"type":"join","id":"j","room":%q}`, room)
	return c.want("joined", "j").Seq
}
