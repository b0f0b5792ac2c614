package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/bus/bustest"
)

// sink takes what arrives.
type sink struct{ got int }

func (*sink) Opened(uint32)                 {}
func (h *sink) Received(_ uint32, b []byte) { h.got += len(b) }
func (*sink) Writable(uint32)               {}
func (*sink) Gone(uint32)                   {}
func (*sink) Refused()                      {}
func (*sink) Turn() time.Duration           { return -1 }

// secureConn returns a loop that nobody runs, with one connection, and the client's end of it.
func secureConn(t *testing.T) (l *epoll, h *sink, c *tls.Conn) {
	t.Helper()
	secure := Secure{Config: serverTLS(t), Timeout: 20 * time.Second, Failed: func(err error) { t.Error(err) }}
	h = &sink{}
	l, err := newEpoll(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &secure, func(Loop) Handler { return h })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Dispose)
	l.read = make([]byte, maxRead)
	client := make(chan *tls.Conn, 1)
	go func() {
		c, err := tls.Dial("tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.port}).String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is not what is tested
		if err != nil {
			t.Error(err)
		}
		client <- c
	}()
	fd := -1
	for fd < 0 {
		if fd, _, err = unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
	}
	l.handshake(t.Context(), fd)
	l.secureTurn()
	if c = <-client; c == nil || len(l.conns) != 1 {
		t.Fatal("there is no connection")
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return l, h, c
}

// TestMoreThanATurn has more arrive than one turn reads, the end of which crypto/tls holds already:
// the next turn reads it, although epoll knows of nothing.
func TestMoreThanATurn(t *testing.T) {
	l, h, c := secureConn(t)
	const each = 1000
	all := each * (maxRead/each + 2) // one message more than is read in a turn
	for sent := 0; sent < all; sent += each {
		if _, err := c.Write(make([]byte, each)); err != nil {
			t.Fatal(err)
		}
	}
	const around = 22                              // bytes of a record besides what is in it
	for waits := 0; waits < all+all/each*around; { // until the kernel has all of it
		var err error
		if waits, err = unix.IoctlGetInt(l.socks[0].fd, unix.TIOCINQ); err != nil {
			t.Fatal(err)
		}
	}
	l.receiveTLS(0)
	if h.got >= all {
		t.Fatalf("one turn reads %d bytes", h.got)
	}
	l.secureTurn()
	if h.got != all {
		t.Errorf("two turns read %d bytes of %d", h.got, all)
	}
}

// TestTLSAllocations holds that a message that goes out over TLS allocates nothing, and one that
// comes what crypto/tls allocates for each record: two readers of 24 bytes.
func TestTLSAllocations(t *testing.T) {
	const messages = 200
	var come, sent float64 = 2, 0
	if bustest.Race { // which makes pools forget
		come, sent = 4, 2
	}
	l, h, c := secureConn(t)
	said := make([]byte, 100)
	turn := func() { // a message comes
		if _, err := c.Write(said); err != nil {
			t.Fatal(err)
		}
		want, end := h.got+len(said), time.Now().Add(20*time.Second)
		for h.got < want && time.Now().Before(end) {
			l.receiveTLS(0)
		}
	}
	turn()
	if n := testing.AllocsPerRun(messages, turn); n > come {
		t.Errorf("a message that comes allocates %v times", n)
	}
	bufs := [][]byte{said[:40], said[40:]}
	write := func() {
		if n, err := l.Write(0, bufs); n != len(said) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	write()
	if n := testing.AllocsPerRun(messages, write); n > sent {
		t.Errorf("a message that goes allocates %v times", n)
	}
	if _, err := io.ReadFull(c, make([]byte, len(said))); err != nil {
		t.Error(err)
	}
}
