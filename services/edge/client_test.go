package edge_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/wire"
)

// client is a WebSocket client that can do everything wrong.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	kept []wire.Event // that came while something else was waited for
}

const request = "GET /v1/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

func dialTCP(t testing.TB, addr net.Addr) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, ok := addr.(tlsAddr); ok {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is not what is tested
	}
	return &client{t: t, conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

// dial does the handshake, with further headers if given.
func dial(t testing.TB, addr net.Addr, headers ...string) *client {
	t.Helper()
	c := dialTCP(t, addr)
	c.write([]byte(request + strings.Join(headers, "") + "\r\n"))
	if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		t.Fatalf("the handshake was answered with %q", head)
	}
	return c
}

// receive bounds what the kernel takes from the server before it is read, which else grows to many
// megabytes.
func (c *client) receive(bytes int) {
	c.t.Helper()
	conn := c.conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(bytes); err != nil {
		c.t.Fatal(err)
	}
}

// head reads a response's status line and headers.
func (c *client) head() string {
	c.t.Helper()
	c.deadline()
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String()
		}
	}
}

func (c *client) deadline() { _ = c.conn.SetReadDeadline(time.Now().Add(patience)) }

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// masked returns a client's frame.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	ws.Cipher(b[at:], mask, 0)
	return b
}

func text(s string) []byte { return masked(0x81, []byte(s)) }

// send sends a command.
func (c *client) send(format string, args ...any) {
	c.t.Helper()
	c.write(text(fmt.Sprintf(format, args...)))
}

// frame reads a frame.
func (c *client) frame() (op ws.OpCode, payload []byte, err error) {
	c.deadline()
	var h [2]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return 0, nil, err
	}
	if h[0]&0xf0 != 0x80 || h[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("header %x is not that of a server's whole frame", h)
	}
	n := uint64(h[1])
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(c.r, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(c.r, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	return ws.OpCode(h[0] & 15), payload, err
}

// event reads the next event; pings are answered.
func (c *client) event() wire.Event {
	c.t.Helper()
	if len(c.kept) > 0 {
		e := c.kept[0]
		c.kept = c.kept[1:]
		return e
	}
	e, code := c.eventOrClose()
	if code != 0 {
		c.t.Fatalf("no event, but close %d", code)
	}
	return e
}

// eventOrClose reads the next event or the code of the close.
func (c *client) eventOrClose() (wire.Event, wire.CloseCode) {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		switch {
		case err != nil:
			c.t.Fatalf("no event: %v", err)
		case op == ws.OpPing:
			c.write(masked(0x8a, payload))
		case op == ws.OpPong:
		case op == ws.OpClose && len(payload) >= 2:
			return wire.Event{}, wire.CloseCode(binary.BigEndian.Uint16(payload))
		case op != ws.OpText:
			c.t.Fatalf("no event, but a frame %x: %q", op, payload)
		default:
			e, err := wire.DecodeEvent(payload)
			if err != nil || !json.Valid(payload) {
				c.t.Fatalf("event %q: %v", payload, err)
			}
			return e, 0
		}
	}
}

// want reads events until one of a type comes.
func (c *client) want(kind string) wire.Event {
	c.t.Helper()
	for {
		e := c.event()
		if e.Type == kind {
			return e
		}
		if e.Type == wire.EventError {
			c.t.Fatalf("wanted %s, got error %s: %s", kind, e.Code, e.Message)
		}
	}
}

// wantError reads the next event, which is an error with a code.
func (c *client) wantError(id, code string) wire.Event {
	c.t.Helper()
	e := c.event()
	if e.Type != wire.EventError || string(e.Code) != code || e.ID != id || e.Message == "" {
		c.t.Fatalf("wanted error %s of %q, got %+v", code, id, e)
	}
	return e
}

// wantClose reads until the close frame, answers it, and sees the connection end.
func (c *client) wantClose(code wire.CloseCode) {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("wanted close %d: %v", code, err)
		}
		if op != ws.OpClose {
			continue
		}
		got := wire.CloseNoStatus
		if len(payload) >= 2 {
			got = wire.CloseCode(binary.BigEndian.Uint16(payload))
		}
		if got != code {
			c.t.Fatalf("closed with %d %q, want %d", got, payload[min(2, len(payload)):], code)
		}
		_, _ = c.conn.Write(masked(0x88, payload)) // the edge may have gone already
		c.wantEnd()
		return
	}
}

func (c *client) wantEnd() {
	c.t.Helper()
	c.deadline()
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatal("the connection did not end")
		}
	}
}

// login dials and says hello.
func (w *world) login(e *running, user string, edit ...func(*auth.Claims)) *client {
	w.t.Helper()
	c := dial(w.t, e.Addr())
	c.send(`{"type":"hello","id":"h","version":1,"token":"%s","device":"bot"}`, w.token(user, edit...))
	if e := c.want("welcome"); e.ID != "h" || e.User != user || e.Name != "Name of "+user || e.Limits == nil || e.Limits.Text != 16<<10 {
		w.t.Fatalf("welcome is %+v", e)
	}
	return c
}

// join joins a room and returns its position.
func (c *client) join(room string) uint64 {
	c.t.Helper()
	c.send(`{"type":"join","id":"j","room":"%s"}`, room)
	e := c.want("joined")
	if e.ID != "j" || e.Room != room || e.More || e.Rewind {
		c.t.Fatalf("joined is %+v", e)
	}
	return e.Seq
}

// say sends a message and returns its place in the log.
func (c *client) say(room, id, what string) uint64 {
	c.t.Helper()
	c.send(`{"type":"send","id":"s-%s","room":"%s","msg_id":"%s","text":%q}`, id, room, id, what)
	var before []wire.Event // the message itself may come before its ack
	defer func() { c.kept = before }()
	for {
		switch e := c.event(); {
		case e.Type == wire.EventAck && e.ID == "s-"+id:
			if e.MsgID != id || e.Room != room || e.Seq == 0 || e.TS == 0 {
				c.t.Fatalf("ack is %+v", e)
			}
			return e.Seq
		case e.Type == wire.EventError:
			c.t.Fatalf("send was answered %s: %s", e.Code, e.Message)
		default:
			before = append(before, e)
		}
	}
}

func expiredClaims(c *auth.Claims) {
	c.Issued, c.Expires = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
}
