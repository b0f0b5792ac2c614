package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/certtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo sends back what comes. A connection that begins with "detach" is given away, one that ends
// with "finish" is finished behind its echo, and to one that begins with "flood" as much is written
// as it takes without reading, and then it is closed.
type echo struct {
	l        Loop
	mu       sync.Mutex
	out      map[uint32][]byte // nil entries: nothing waits
	opened   int
	gone     int
	short    int
	turns    int
	waits    int // turns after which the loop is to wait for so long; then until something happens
	wait     time.Duration
	do       func()
	detached chan net.Conn
	flooded  chan int // bytes that were taken

	mail sync.Mutex
	put  []int
	seen map[int]int // what was put, counted by the loop
}

func (h *echo) Opened(uint32) { h.mu.Lock(); h.opened++; h.mu.Unlock() }
func (h *echo) Refused()      {}
func (h *echo) Gone(slot uint32) {
	h.mu.Lock()
	h.gone++
	h.mu.Unlock()
	delete(h.out, slot)
}

func (h *echo) Received(slot uint32, b []byte) {
	if bytes.HasPrefix(b, []byte("detach")) {
		conn, err := h.l.Detach(slot)
		if err == nil {
			h.detached <- conn
		}
		return
	}
	if bytes.HasPrefix(b, []byte("flood")) {
		chunk, sum := bytes.Repeat([]byte("x"), 50_000), 0
		for {
			n, err := h.l.Write(slot, [][]byte{chunk})
			if sum += n; err != nil || n < len(chunk) {
				break
			}
		}
		h.l.Close(slot)
		h.flooded <- sum
		return
	}
	h.out[slot] = append(h.out[slot], b...)
	h.flush(slot)
	if bytes.HasSuffix(b, []byte("finish")) {
		h.l.Finish(slot)
	}
}

func (h *echo) Writable(slot uint32) { h.flush(slot) }

func (h *echo) flush(slot uint32) {
	b := h.out[slot]
	half := len(b) / 2
	n, err := h.l.Write(slot, [][]byte{b[:half], nil, b[half:]})
	if err != nil {
		h.l.Close(slot)
		delete(h.out, slot)
		return
	}
	if n < len(b) {
		h.mu.Lock()
		h.short++
		h.mu.Unlock()
	}
	h.out[slot] = b[n:]
}

func (h *echo) Turn() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turns++
	h.mail.Lock()
	for _, i := range h.put {
		h.seen[i]++
	}
	h.put = h.put[:0]
	h.mail.Unlock()
	if h.do != nil {
		h.do()
		h.do = nil
	}
	if h.waits > 0 {
		h.waits--
		return h.wait
	}
	return -1
}

// onTurn makes the loop's goroutine do something.
func (h *echo) onTurn(l Loop, do func()) {
	h.mu.Lock()
	h.do = do
	h.mu.Unlock()
	l.Wake()
}

// count returns one of the handlers' counters, of all of them together.
func count(all []*echo, which func(*echo) int) (n int) {
	for _, h := range all {
		h.mu.Lock()
		n += which(h)
		h.mu.Unlock()
	}
	return n
}

func run(t *testing.T, test func(t *testing.T, addr net.Addr, loops []Loop, handlers []*echo)) {
	secure := Secure{Config: serverTLS(t), Timeout: 20 * time.Second, Failed: func(err error) { t.Error(err) }}
	for name, listen := range map[string]func(string, int, Starting) ([]Loop, net.Addr, error){
		"native": Listen, "netconn": ListenNet,
		"TLS": func(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
			loops, at, err := ListenTLS(addr, n, secure, start)
			return loops, tlsAddr{at}, err
		},
		"netconn TLS": func(addr string, n int, start Starting) ([]Loop, net.Addr, error) {
			// where there is no epoll
			loops, at, err := listenNet(addr, n, &secure, start)
			return loops, tlsAddr{at}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var handlers []*echo
			loops, addr, err := listen("127.0.0.1:0", 2, func(l Loop) Handler {
				h := &echo{l: l, out: map[uint32][]byte{}, detached: make(chan net.Conn, 1), flooded: make(chan int, 1)}
				handlers = append(handlers, h)
				return h
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			for _, l := range loops {
				wg.Go(func() {
					if err := l.Run(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			defer func() { cancel(); wg.Wait() }()
			test(t, addr, loops, handlers)
		})
	}
}

func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := addr.(tlsAddr); ok {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is not what is tested
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if c, ok := c.(*tls.Conn); ok {
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// tlsAddr is the address of a listener that speaks TLS.
type tlsAddr struct{ net.Addr }

// serverTLS returns a server's configuration with a certificate of its own.
func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{protocolHTTP2, "http/1.1"}, Certificates: []tls.Certificate{cert}}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come true: %s", what)
		}
	}
}

// TestEcho sends more than the kernel holds before it reads anything, over several connections.
func TestEcho(t *testing.T) {
	run(t, func(t *testing.T, addr net.Addr, _ []Loop, handlers []*echo) {
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		copy(data[len(data)-6:], "finish")
		var wg sync.WaitGroup
		for range 3 {
			c := dial(t, addr)
			wg.Go(func() {
				var sent sync.WaitGroup
				sent.Go(func() {
					if _, err := c.Write(data[:len(data)-6]); err != nil {
						t.Error(err)
					}
				})
				got := make([]byte, len(data)-6)
				eventually(t, "writes are short", func() bool { return count(handlers, func(h *echo) int { return h.short }) > 0 })
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data[:len(got)]) {
					t.Errorf("what came back is not what was sent: %v", err)
				}
				sent.Wait()
				if _, err := c.Write(data[len(got):]); err != nil {
					t.Error(err)
				}
				// and the stream ends
				if rest, err := io.ReadAll(c); err != nil || string(rest) != "finish" {
					t.Errorf("got %q, %v", rest, err)
				}
				_ = c.Close()
			})
		}
		wg.Wait()
		eventually(t, "all are gone", func() bool { return count(handlers, func(h *echo) int { return h.gone }) == 3 })
	})
}

func TestDetach(t *testing.T) {
	run(t, func(t *testing.T, addr net.Addr, _ []Loop, handlers []*echo) {
		c := dial(t, addr)
		if _, err := c.Write([]byte("detach")); err != nil {
			t.Fatal(err)
		}
		var taken net.Conn
		select {
		case taken = <-handlers[0].detached:
		case taken = <-handlers[1].detached:
		}
		defer taken.Close()
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(taken, b); err != nil || string(b) != "ping" {
			t.Errorf("read %q, %v", b, err)
		}
		if _, err := taken.Write([]byte("pong")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "pong" {
			t.Errorf("read %q, %v", b, err)
		}
		if n := count(handlers, func(h *echo) int { return h.gone }); n != 0 {
			t.Errorf("%d are gone", n)
		}
	})
}

// TestClose holds that a connection gets all that was written before it was closed, and then its
// end.
func TestClose(t *testing.T) {
	run(t, func(t *testing.T, addr net.Addr, _ []Loop, handlers []*echo) {
		c := dial(t, addr)
		if _, err := c.Write([]byte("flood")); err != nil {
			t.Fatal(err)
		}
		var taken int
		select {
		case taken = <-handlers[0].flooded:
		case taken = <-handlers[1].flooded:
		}
		got, err := io.ReadAll(c)
		if err != nil || len(got) != taken || taken < 1<<16 {
			t.Errorf("%d bytes were taken, and %d came: %v", taken, len(got), err)
		}
	})
}

func TestWake(t *testing.T) {
	run(t, func(t *testing.T, _ net.Addr, loops []Loop, handlers []*echo) {
		for i, l := range loops {
			turns := func() int { return count(handlers[i:i+1], func(h *echo) int { return h.turns }) }
			for range 3 {
				before := turns()
				l.Wake()
				eventually(t, "a turn was taken", func() bool { return turns() > before })
			}
		}
	})
}

// TestWait: a loop waits for a part of a millisecond, and no shorter, again and again without
// being woken.
func TestWait(t *testing.T) {
	run(t, func(t *testing.T, _ net.Addr, loops []Loop, handlers []*echo) {
		const waits, wait = 20, 700 * time.Microsecond
		turns := func() int { return count(handlers[:1], func(h *echo) int { return h.turns }) }
		eventually(t, "the loop runs", func() bool { return turns() > 0 })
		var before int
		var began time.Time
		begun := make(chan struct{})
		handlers[0].onTurn(loops[0], func() {
			began, before = time.Now(), handlers[0].turns
			handlers[0].wait, handlers[0].waits = wait, waits
			close(begun)
		})
		<-begun
		eventually(t, "all turns were taken", func() bool { return count(handlers[:1], func(h *echo) int { return h.waits }) == 0 })
		eventually(t, "the last wait ended", func() bool { return turns() >= before+waits })
		if took := time.Since(began); took < (waits-2)*wait { // a wake may have been left over
			t.Errorf("%d waits of %s took %s", waits, wait, took)
		}
	})
}

// TestWakes wakes a loop from several goroutines while it begins and ends waits: whatever was put
// before a wake is seen.
func TestWakes(t *testing.T) {
	run(t, func(t *testing.T, _ net.Addr, loops []Loop, handlers []*echo) {
		const wakers, each = 4, 5000
		h := handlers[0]
		h.seen = make(map[int]int)
		var wg sync.WaitGroup
		for waker := range wakers {
			wg.Go(func() {
				for i := range each {
					h.mail.Lock()
					h.put = append(h.put, waker)
					h.mail.Unlock()
					loops[0].Wake()
					if i%16 == 0 { // let it wait again
						eventually(t, "it was seen", func() bool {
							return count(handlers[:1], func(h *echo) int { return h.seen[waker] }) == i+1
						})
					}
				}
			})
		}
		wg.Wait()
		eventually(t, "all were seen", func() bool {
			return count(handlers[:1], func(h *echo) int { return h.seen[0] + h.seen[1] + h.seen[2] + h.seen[3] }) == wakers*each
		})
	})
}

func TestStopListening(t *testing.T) {
	run(t, func(t *testing.T, addr net.Addr, loops []Loop, handlers []*echo) {
		c := dial(t, addr)
		eventually(t, "it was opened", func() bool { return count(handlers, func(h *echo) int { return h.opened }) == 1 })
		for i, l := range loops {
			// It is the loop's goroutine that has to do it.
			handlers[i].onTurn(l, l.StopListening)
		}
		eventually(t, "nobody listens", func() bool {
			again, err := net.Dial("tcp", addr.String())
			if err == nil {
				_ = again.Close()
			}
			return err != nil
		})
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1)
		if _, err := io.ReadFull(c, b); err != nil || b[0] != 'x' {
			t.Errorf("read %q, %v", b, err)
		}
	})
}
