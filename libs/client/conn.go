package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
)

// writeTimeout is how long the network may accept no byte of a frame before the connection is given
// up.
const writeTimeout = 10 * time.Second

// Conn is a plain WebSocket connection: frames in, frames out. Client is built on it; tests use it
// to send what a Client never would. One goroutine may read while others write.
type Conn struct {
	net    net.Conn
	r      *bufio.Reader
	max    int
	header [ws.MaxHeaderSize]byte // of the frame being read
	frame  []byte                 // the latest message

	mu     sync.Mutex
	out    []byte // the frame being written
	closed bool   // a close frame was written
}

// ConnConfig says how to open a Conn.
type ConnConfig struct {
	// further headers of the upgrade request
	Header http.Header
	// of wss; nil: the system's roots
	TLS *tls.Config
	// nil: an ordinary net.Dialer
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
	// the greatest message that is read, in bytes; 0: 8 MiB
	MaxSize int
}

// UpgradeError says that the server answered the upgrade request with a status other than 101.
type UpgradeError struct{ Status int }

// Error names the status.
func (e *UpgradeError) Error() string {
	return fmt.Sprintf("upgrade: status %d %s", e.Status, http.StatusText(e.Status))
}

// CloseError says that the connection was closed, and how.
type CloseError struct {
	Code   wire.CloseCode // wire.CloseAbnormal without a close frame
	Reason string
	Err    error // what broke the connection, without a close frame
}

// Error names the code and the reason.
func (e *CloseError) Error() string {
	switch {
	case e.Err != nil:
		return "connection lost: " + e.Err.Error()
	case e.Reason != "":
		return fmt.Sprintf("closed by the server with %d: %s", int(e.Code), e.Reason)
	}
	return fmt.Sprintf("closed by the server with %d (%s)", int(e.Code), e.Code)
}

// Unwrap returns what broke the connection, or nil.
func (e *CloseError) Unwrap() error { return e.Err }

// DialConn opens a WebSocket at a ws or wss URL. The context bounds only the opening.
func DialConn(ctx context.Context, url string, cfg ConnConfig) (*Conn, error) {
	status := 0
	d := ws.Dialer{
		NetDial: cfg.NetDial, TLSConfig: cfg.TLS, Header: ws.HandshakeHeaderHTTP(cfg.Header),
		OnStatusError: func(s int, _ []byte, _ io.Reader) { status = s },
	}
	conn, br, _, err := d.Dial(ctx, url)
	if err != nil {
		if status != 0 {
			return nil, &UpgradeError{Status: status}
		}
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	if br == nil {
		br = bufio.NewReaderSize(conn, 4096)
	}
	c := &Conn{net: conn, r: br, max: cfg.MaxSize}
	if c.max == 0 {
		c.max = 8 << 20
	}
	return c, nil
}

// NetConn returns the connection underneath, for tests that break it.
func (c *Conn) NetConn() net.Conn { return c.net }

// Read returns the next text or binary message, and answers pings. The message is valid until the
// next Read. When the connection ends, by the peer's close frame or otherwise, the error is a
// *CloseError.
func (c *Conn) Read() ([]byte, error) {
	c.frame = c.frame[:0]
	for started := false; ; {
		h, err := ws.ReadHeaderBuffer(c.r, c.header[:])
		if err != nil {
			return nil, lost(err)
		}
		if h.OpCode.IsControl() {
			if err := c.control(h); err != nil {
				return nil, err
			}
			continue
		}
		if h.Masked || h.Rsv != 0 || h.OpCode.IsReserved() || started != (h.OpCode == ws.OpContinuation) {
			return nil, lost(errors.New("a frame that RFC 6455 does not allow here"))
		}
		started = true
		n := len(c.frame)
		if h.Length > int64(c.max-n) {
			return nil, lost(fmt.Errorf("a message of more than %d bytes", c.max))
		}
		c.frame = grow(c.frame, int(h.Length))
		if _, err := io.ReadFull(c.r, c.frame[n:]); err != nil {
			return nil, lost(err)
		}
		if h.Fin {
			return c.frame, nil
		}
	}
}

// grow returns b with n more bytes.
func grow(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

// control handles a control frame.
func (c *Conn) control(h ws.Header) error {
	var b [ws.MaxControlFramePayloadSize]byte
	if h.Length > int64(len(b)) || !h.Fin {
		return lost(errors.New("a control frame that is too long or not final"))
	}
	payload := b[:h.Length]
	if _, err := io.ReadFull(c.r, payload); err != nil {
		return lost(err)
	}
	switch h.OpCode {
	case ws.OpPing:
		if err := c.WriteFrame(ws.OpPong, payload); err != nil {
			return lost(err)
		}
	case ws.OpClose:
		e := &CloseError{Code: wire.CloseNoStatus}
		if len(payload) >= 2 {
			e.Code, e.Reason = wire.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
		// the answer that RFC 6455 asks for
		_ = c.WriteFrame(ws.OpClose, payload[:min(2, len(payload))])
		return e
	}
	return nil
}

func lost(err error) error { return &CloseError{Code: wire.CloseAbnormal, Err: err} }

// WriteText sends a text message.
func (c *Conn) WriteText(text []byte) error { return c.WriteFrame(ws.OpText, text) }

// WriteFrame sends a frame with the payload, masked, whatever the opcode. After a close frame it
// sends nothing more.
func (c *Conn) WriteFrame(op ws.OpCode, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = op == ws.OpClose
	c.out = AppendFrame(c.out[:0], op, payload)
	if err := c.net.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := c.net.Write(c.out)
	if cap(c.out) > 64<<10 {
		c.out = nil // do not keep the memory of one long message
	}
	return err
}

// AppendFrame appends a client's frame to dst: final, and masked with a key of its own.
func AppendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	dst = append(append(dst, mask[:]...), payload...)
	ws.Cipher(dst[len(dst)-len(payload):], mask, 0)
	return dst
}

// Close ends the connection with a code, without waiting for the peer's answer. CloseAbnormal sends
// no close frame.
func (c *Conn) Close(code wire.CloseCode) {
	if code != wire.CloseAbnormal {
		_ = c.net.SetWriteDeadline(time.Now().Add(time.Second)) // also interrupts a blocked write
		_ = c.WriteFrame(ws.OpClose, binary.BigEndian.AppendUint16(nil, uint16(code)))
	}
	_ = c.net.Close()
}
