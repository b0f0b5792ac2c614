package swarm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// notes is a Handler that records its calls.
type notes struct {
	heads, frames []string
	ended         []error
}

func (n *notes) Request(i int) string { return fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: x\r\n", i) }

func (n *notes) Upgraded(_ int, head []byte) error {
	n.heads = append(n.heads, string(head))
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return errors.New("refused")
	}
	return nil
}

func (n *notes) Frame(i int, op byte, payload []byte) error {
	n.frames = append(n.frames, fmt.Sprintf("%d %#x %d", i, op, len(payload)))
	return nil
}

func (n *notes) Ended(_ int, err error) error {
	n.ended = append(n.ended, err)
	return nil
}

// serve accepts connections and gives each to do, which returns when the connection may end.
func serve(t *testing.T, do func(conn net.Conn, in *bufio.Reader, path string)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				do(conn, in, r.URL.Path)
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// readFrame reads a client's frame, and returns its payload without the mask.
func readFrame(r io.Reader) ([]byte, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(r, payload)
	ws.Cipher(payload, h.Mask, 0)
	return payload, err
}

const accepted = "HTTP/1.1 101 Switching Protocols\r\n\r\n"

// swarmOf returns a swarm of n connections, which it has begun to open.
func swarmOf(t *testing.T, n, maxFrame int, to netip.AddrPort) (*Swarm, *notes) {
	t.Helper()
	h := new(notes)
	s, err := New(h, n, maxFrame)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for i := range n {
		if err := s.Dial(i, to, netip.MustParseAddr("127.0.0.1")); err != nil {
			t.Fatal(err)
		}
	}
	return s, h
}

// until polls until a condition holds.
func until(t *testing.T, s *Swarm, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(end) {
			t.Fatal("timed out: ", what)
		}
		if err := s.Poll(100); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFramesInParts: frames arrive whole however the network splits them, also those that are
// longer than one read and than all reads before. The swarm answers pings.
func TestFramesInParts(t *testing.T) {
	const long = 3 * readBytes
	pongs := make(chan string, 1)
	at := serve(t, func(conn net.Conn, in *bufio.Reader, _ string) {
		all := bytes.NewBufferString(accepted)
		for _, f := range []ws.Frame{ws.NewTextFrame(make([]byte, 10)), ws.NewPingFrame([]byte("are you there")), ws.NewBinaryFrame(make([]byte, long))} {
			_ = ws.WriteFrame(all, f)
		}
		for b := all.Bytes(); len(b) > 0; {
			n := min(len(b), 50_001)
			if len(b) > long { // the response and the first frames byte by byte
				n = 1
			}
			if _, err := conn.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
		}
		if pong, err := readFrame(in); err == nil {
			pongs <- string(pong)
		}
		_, _ = io.Copy(io.Discard, in) // until the client disconnects
	})
	s, h := swarmOf(t, 2, 4<<20, at)
	until(t, s, "both connections have two frames", func() bool { return len(h.frames) == 4 })
	for _, want := range []string{"0 0x1 10", "1 0x1 10", fmt.Sprint("0 0x2 ", long), fmt.Sprint("1 0x2 ", long)} {
		if !strings.Contains(strings.Join(h.frames, "\n"), want) {
			t.Errorf("%q is missing in %q", want, h.frames)
		}
	}
	if pong := <-pongs; pong != "are you there" {
		t.Errorf("the ping is answered with %q", pong)
	}
	for i, c := range s.conns {
		if c.part != nil || c.phase != open {
			t.Errorf("idle connection %d keeps %+v", i, c)
		}
	}
	if s.Read() < 2*long {
		t.Errorf("%d bytes were read", s.Read())
	}
}

// TestLongWrites: the swarm sends later what the socket does not accept at once.
func TestLongWrites(t *testing.T) {
	const frames, size = 40, 1 << 20
	got, start := make(chan int, 1), make(chan struct{})
	at := serve(t, func(conn net.Conn, in *bufio.Reader, _ string) {
		_, _ = io.WriteString(conn, accepted)
		<-start
		sum := 0
		for range frames {
			payload, err := readFrame(in)
			if err != nil {
				break
			}
			sum += len(payload)
		}
		got <- sum
	})
	s, h := swarmOf(t, 1, 1<<20, at)
	until(t, s, "the connection is open", func() bool { return len(h.heads) == 1 })
	for range frames {
		if err := s.Send(0, OpText, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if s.conns[0].part == nil {
		t.Error("the socket accepted everything at once: the test shows nothing")
	}
	close(start)
	until(t, s, "the server ends", func() bool { return len(h.ended) == 1 })
	if sum := <-got; sum != frames*size {
		t.Errorf("%d of %d bytes arrived", sum, frames*size)
	}
}

// TestEnds: the handler learns of each end of a connection once, and the other connections go on.
func TestEnds(t *testing.T) {
	at := serve(t, func(conn net.Conn, in *bufio.Reader, path string) {
		switch path {
		case "/0": // refuses
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Unavailable\r\n\r\n")
			return
		case "/1": // sends an endless head
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", maxHead))
			return
		case "/2": // disconnects
			_, _ = io.WriteString(conn, accepted)
			return
		case "/3": // sends too long a frame
			_, _ = io.WriteString(conn, accepted)
			_ = ws.WriteHeader(conn, ws.Header{Fin: true, OpCode: ws.OpText, Length: 1 << 20})
		default:
			_, _ = io.WriteString(conn, accepted)
		}
		_, _ = io.Copy(io.Discard, in)
	})
	s, h := swarmOf(t, 5, 1<<10, at)
	until(t, s, "four have ended", func() bool { return len(h.ended) == 4 && s.conns[4].phase == open })
	ends := fmt.Sprint(h.ended)
	for _, want := range []string{"refused refused", ErrEnded.Error(), "1048576 bytes, and the limit is 1024"} {
		if want == "refused refused" {
			if strings.Count(ends, "refused") != 2 {
				t.Errorf("two upgrades were to be refused: %s", ends)
			}
		} else if !strings.Contains(ends, want) {
			t.Errorf("%q is missing in %s", want, ends)
		}
	}
	if err := s.Send(0, OpText, nil); err != nil {
		t.Errorf("Send on a closed connection returns %v", err)
	}
}

// TestWake: Wake and Alarm end a Poll that has no time limit.
func TestWake(t *testing.T) {
	s, err := New(new(notes), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go s.Wake()
	if err := s.Poll(-1); err != nil {
		t.Error(err)
	}
	if err := s.Alarm(time.Microsecond); err != nil {
		t.Error(err)
	}
	if err := s.Poll(-1); err != nil {
		t.Error(err)
	}
}
