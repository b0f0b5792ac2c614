package edge_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestRate goes over the rate a little, and then again and again.
func TestRate(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.Rate, c.Burst = 1, 5 })
	c := w.login(e, "ann")
	other := w.login(e, "bob")
	limited := false
	for i := range 6 {
		c.send(`{"type":"ping","id":"%d"}`, i)
		if e := c.event(); e.Type == wire.EventError {
			if e.Code != "rate_limited" || e.RetryAfterMS < 1 || e.RetryAfterMS > 1000 || e.ID != fmt.Sprint(i) {
				t.Errorf("error is %+v", e)
			}
			limited = true
		}
	}
	if !limited {
		t.Error("six commands passed a burst of five")
	}
	for range 600 {
		if _, err := c.conn.Write(text(`{"type":"ping"}`)); err != nil {
			break
		}
	}
	c.wantClose(wire.CloseAbuse)
	if e.count("hubbub_edge_limited_total", "rate") < 400 || e.count("hubbub_edge_closed_total", "4505") != 1 {
		t.Error("that is not counted")
	}
	other.send(`{"type":"ping","id":"1"}`)
	other.want("ack")
}

// TestMaxSockets fills the edge.
func TestMaxSockets(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.MaxSockets = 2 })
	a := w.login(e, "a")
	w.login(e, "b")
	dial(t, e.Addr()).wantClose(wire.CloseOverloaded)
	if e.count("hubbub_edge_refused_total", "sockets") != 1 || e.count("hubbub_edge_closed_total", "4004") != 1 {
		t.Error("that is not counted")
	}
	a.write(closeFrame(1000, ""))
	a.wantClose(1000)
	eventually(t, "there is room again", func() bool { return e.count("hubbub_edge_sockets") == 1 })
	w.login(e, "c")
}

// TestCloseCodesAreFew: clients close with codes of their own, which are answered and not told
// apart in the metrics.
func TestCloseCodesAreFew(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	for _, code := range []wire.CloseCode{3000, 3999, 4444, 4999, 1000, 4001} {
		c := dial(t, e.Addr())
		c.write(closeFrame(uint16(code), "bye"))
		c.wantClose(code)
	}
	for label, want := range map[string]float64{"other": 4, "1000": 1, "4001": 1, "3000": 0, "4999": 0} {
		if n := e.count("hubbub_edge_closed_total", label); n != want {
			t.Errorf("%v closes with %s, not %v", n, label, want)
		}
	}
}

// TestMaxPending sends more than may wait for the log.
func TestMaxPending(t *testing.T) {
	w := newWorld(t)
	stuck := &stalling{Interface: w.bus, release: make(chan struct{})}
	w.bus = stuck
	e := w.edge(func(c *edge.Config) { c.MaxPending = 3 })
	c := w.login(e, "ann")
	c.join("lobby")
	for i := range 5 {
		c.send(`{"type":"send","id":"%d","room":"lobby","msg_id":"m%d","text":"x"}`, i, i)
	}
	for _, id := range []string{"3", "4"} {
		if e := c.wantError(id, "too_many"); e.RetryAfterMS == 0 {
			t.Errorf("error is %+v", e)
		}
	}
	if n := e.count("hubbub_edge_limited_total", "pending"); n != 2 {
		t.Errorf("%v of 2 are counted", n)
	}
	close(stuck.release)
	for i := range 3 {
		if e := c.want("ack"); e.ID != fmt.Sprint(i) {
			t.Errorf("ack is %+v", e)
		}
	}
}

// stalling is a bus whose appends wait.
type stalling struct {
	bus.Interface
	release chan struct{}
}

func (b *stalling) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	e.ID, e.Data = strings.Clone(e.ID), append([]byte(nil), e.Data...)
	go func() {
		<-b.release
		b.Interface.Append(e, done)
	}()
}

// TestDrain stops an edge with sockets on it, one of which waits for an acknowledgement.
func TestDrain(t *testing.T) {
	alsoTLS(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		stuck := &stalling{Interface: w.bus, release: make(chan struct{})}
		w.bus = stuck
		e := w.edge(conf, func(c *edge.Config) { c.Drain = time.Second })
		if err := e.Ready(t.Context()); err != nil {
			eventually(t, "ready", func() bool { return e.Ready(t.Context()) == nil })
		}
		var all []*client
		for i := range 20 {
			all = append(all, w.login(e, fmt.Sprintf("user%d", i)))
		}
		sender := w.login(e, "sender")
		sender.join("lobby")
		sender.send(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		sender.send(`{"type":"ping","id":"p"}`)
		sender.want("ack")
		stopped := make(chan struct{})
		go func() { defer close(stopped); e.stop() }()
		waits := map[int64]bool{}
		for _, c := range all {
			bye := c.want("bye")
			if bye.Closing() != wire.CloseDrain || bye.RetryAfterMS < 1 || bye.RetryAfterMS > 5000 {
				t.Errorf("bye is %+v", bye)
			}
			waits[bye.RetryAfterMS] = true
			c.wantClose(wire.CloseDrain)
		}
		if len(waits) < 5 {
			t.Errorf("%d sockets come back at %d different times", len(all), len(waits))
		}
		if e.Ready(t.Context()) == nil {
			t.Error("ready while going down")
		}
		if conn, err := net.Dial("tcp", e.Addr().String()); err == nil {
			_ = conn.Close()
			t.Error("still listening")
		}
		close(stuck.release)
		if e := sender.want("ack"); e.ID != "s" || e.Seq == 0 {
			t.Errorf("ack is %+v", e)
		}
		sender.want("bye")
		sender.wantClose(wire.CloseDrain)
		<-stopped
	})
}

// TestPortInUse starts a second edge on the same port.
func TestPortInUse(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	cfg := config()
	cfg.Listen = e.Addr().String()
	if _, err := edge.New(cfg, edge.Deps{Bus: w.bus, Verifier: w.verifier(), Directory: w.cache()}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second edge on the port: %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := config()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*edge.Config){
		"--listen":             func(c *edge.Config) { c.Listen = "8080" },
		"--edge-id":            func(c *edge.Config) { c.EdgeID = "a b" },
		"--base-path":          func(c *edge.Config) { c.BasePath = "chat/" },
		"--loops":              func(c *edge.Config) { c.Loops = 65 },
		"--origins":            func(c *edge.Config) { c.Origins = []string{"chat.example"} },
		"--max-sockets":        func(c *edge.Config) { c.MaxSockets = 0 },
		"--max-frame":          func(c *edge.Config) { c.MaxFrame = 1 << 21 },
		"--max-text":           func(c *edge.Config) { c.MaxText = c.MaxFrame + 1 },
		"--trusted-proxies":    func(c *edge.Config) { c.TrustedProxies = []string{"nginx"} },
		"--heartbeat":          func(c *edge.Config) { c.Heartbeat = 0 },
		"--max-sockets-per-ip": func(c *edge.Config) { c.MaxSocketsIP = -1 },
		"--user-rate":          func(c *edge.Config) { c.UserRate = -1 },
		"--user-burst":         func(c *edge.Config) { c.UserBurst = 0 },
		"--rate":               func(c *edge.Config) { c.Rate = 0 },
		"--ring-bytes":         func(c *edge.Config) { c.RingBytes = 1 },
		"--hello-timeout":      func(c *edge.Config) { c.Hello = time.Hour },
		"--idle-timeout":       func(c *edge.Config) { c.Idle = c.Ping },
		"--drain":              func(c *edge.Config) { c.Drain = -1 },
		"--coalesce":           func(c *edge.Config) { c.Coalesce = time.Second },
	} {
		c := config()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s spoilt: %v", name, err)
		}
	}
}

// TestOtherClient talks to the edge by an independent implementation, on both transports.
func TestOtherClient(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		conn, resp, err := websocket.Dial(ctx, fmt.Sprintf("ws://%s/v1/ws", e.Addr()), &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.CloseNow() }()
		if resp.Body != nil {
			defer resp.Body.Close()
		}
		conn.SetReadLimit(1 << 20)
		say := func(s string) {
			if err := conn.Write(ctx, websocket.MessageText, []byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		hear := func(kind string) wire.Event {
			for {
				_, b, err := conn.Read(ctx)
				if err != nil {
					t.Fatal(err)
				}
				e, err := wire.DecodeEvent(b)
				if err != nil {
					t.Fatal(err)
				}
				if e.Type == kind {
					return e
				}
			}
		}
		say(fmt.Sprintf(`{"type":"hello","version":1,"token":"%s"}`, w.token("ann")))
		hear("welcome")
		say(`{"type":"join","room":"lobby"}`)
		hear("joined")
		for _, size := range []int{1, 50, 125, 126, 127, 1000, 16 << 10} {
			say(fmt.Sprintf(`{"type":"send","room":"lobby","msg_id":"m%d","text":"%s"}`, size, strings.Repeat("x", size)))
			if e := hear("msg"); len(e.Text) != size {
				t.Errorf("got %d characters of %d", len(e.Text), size)
			}
		}
		if err := conn.Write(ctx, websocket.MessageBinary, []byte("x")); err != nil {
			t.Fatal(err)
		}
		_, _, err = conn.Read(ctx)
		if closed := (websocket.CloseError{}); !errors.As(err, &closed) || closed.Code != websocket.StatusUnsupportedData {
			t.Errorf("a binary frame is answered %v", err)
		}
	})
}
