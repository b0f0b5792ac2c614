package client_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// peer opens a Conn to a server that runs serve, and waits for it at the test's end.
func peer(t *testing.T, cfg client.ConnConfig, serve func(net.Conn)) *client.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := ws.Upgrade(conn); err != nil {
			t.Error(err)
			return
		}
		serve(conn)
	}()
	c, err := client.DialConn(soon(t), "ws://"+ln.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close(wire.CloseAbnormal)
		_ = ln.Close()
		<-done
	})
	return c
}

// TestConnFrames sends messages of every form of length, and gets them back: whole, in pieces, and
// around a ping.
func TestConnFrames(t *testing.T) {
	pongs := make(chan string, 10)
	c := peer(t, client.ConnConfig{}, func(conn net.Conn) {
		for {
			op, payload, err := readFrame(conn)
			if err != nil {
				return
			}
			if op == ws.OpPong {
				pongs <- string(payload)
				continue
			}
			half := len(payload) / 2
			for _, out := range []ws.Frame{
				ws.NewFrame(ws.OpText, true, payload), ws.NewFrame(ws.OpText, false, payload[:half]), ws.NewPingFrame([]byte("beat")), ws.NewFrame(ws.OpContinuation, true, payload[half:]),
			} {
				if err := ws.WriteFrame(conn, out); err != nil {
					return
				}
			}
		}
	})
	for _, n := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16, 1 << 20} {
		want := bytes.Repeat([]byte("x"), n)
		if err := c.WriteText(want); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := c.Read()
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back as %d, %v", n, len(got), err)
			}
		}
		if got := <-pongs; got != "beat" {
			t.Errorf("the pong says %q", got)
		}
	}
}

func TestConnClosed(t *testing.T) {
	answers := make(chan []byte, 1)
	c := peer(t, client.ConnConfig{}, func(conn net.Conn) {
		if err := ws.WriteFrame(conn, ws.NewCloseFrame(ws.NewCloseFrameBody(4001, "too slow"))); err != nil {
			t.Error(err)
		}
		_, payload, err := readFrame(conn)
		if err != nil {
			t.Error(err)
		}
		answers <- payload
	})
	_, err := c.Read()
	e, ok := errors.AsType[*client.CloseError](err)
	if !ok || e.Code != wire.CloseResume || e.Reason != "too slow" || e.Error() != "closed by the server with 4001: too slow" {
		t.Errorf("%v", err)
	}
	if got := <-answers; string(got) != "\x0f\xa1" {
		t.Errorf("the close was answered with %x", got)
	}
	if err := c.WriteText([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a frame after the close: %v", err)
	}
}

func TestConnLost(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"without a word":     func(net.Conn) {},
		"inside of a header": func(c net.Conn) { _, _ = c.Write([]byte{0x81}) },
		"inside of a frame":  func(c net.Conn) { _, _ = c.Write([]byte{0x81, 5, 'x'}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := peer(t, client.ConnConfig{}, serve)
			_, err := c.Read()
			if e, ok := errors.AsType[*client.CloseError](err); !ok || e.Code != wire.CloseAbnormal || e.Unwrap() == nil {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("a close without a code", func(t *testing.T) {
		c := peer(t, client.ConnConfig{}, func(c net.Conn) { _, _ = c.Write([]byte{0x88, 0}) })
		_, err := c.Read()
		if e, ok := errors.AsType[*client.CloseError](err); !ok || e.Code != wire.CloseNoStatus {
			t.Errorf("%v", err)
		}
	})
}

func TestConnMaxSize(t *testing.T) {
	c := peer(t, client.ConnConfig{MaxSize: 10}, func(c net.Conn) {
		_, _ = c.Write(append([]byte{0x81, 10}, "0123456789"...))
		_, _ = c.Write(append([]byte{0x01, 6}, "012345"...))
		_, _ = c.Write(append([]byte{0x80, 5}, "67890"...))
	})
	if got, err := c.Read(); err != nil || len(got) != 10 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := c.Read(); err == nil {
		t.Error("a message in two frames is longer than is allowed, and was read")
	}
}

// TestConnHeader sends a header with the upgrade, and is told the status of a refusal.
func TestConnHeader(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusTeapot)
	}))
	defer srv.Close()
	_, err := client.DialConn(soon(t), "ws"+strings.TrimPrefix(srv.URL, "http"), client.ConnConfig{Header: http.Header{"Authorization": {"Bearer x"}}})
	if e, ok := errors.AsType[*client.UpgradeError](err); !ok || e.Status != http.StatusTeapot {
		t.Errorf("%v", err)
	}
	if got != "Bearer x" {
		t.Errorf("the header was %q", got)
	}
}
