package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestHandshakes opens connections that are not for a loop: what is no TLS, what stays silent, what
// breaks off, what agrees on HTTP/2. Then loops end while a handshake is under way.
func TestHandshakes(t *testing.T) {
	failed, http2 := make(chan error, 1), make(chan net.Conn, 1)
	secure := Secure{Config: serverTLS(t), Timeout: 300 * time.Millisecond, Failed: func(err error) { failed <- err }, HTTP2: func(c net.Conn) { http2 <- c }}
	h := &echo{out: map[uint32][]byte{}}
	loops, addr, err := ListenTLS("127.0.0.1:0", 1, secure, func(l Loop) Handler { h.l = l; return h })
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	wg.Go(func() {
		if err := loops[0].Run(ctx); err != nil {
			t.Error(err)
		}
	})

	fails := func(what string) {
		t.Helper()
		if err := <-failed; err == nil {
			t.Errorf("%s fails without an error", what)
		}
	}
	plain := dial(t, addr)
	if _, err := io.WriteString(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(plain), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusBadRequest || string(body) != "this port speaks HTTPS: use https://\n" {
		t.Errorf("a request in the clear is answered %s %q", r.Status, body)
	}
	fails("a request in the clear")

	silent := dial(t, addr)
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("who says nothing is told something")
	}
	fails("silence")

	look := dial(t, addr)
	_ = look.Close()
	old := tls.Client(dial(t, addr), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}) //nolint:gosec // on purpose
	if err := old.Handshake(); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	fails("TLS 1.1")

	two := tls.Client(dial(t, addr), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // the certificate is not what is tested
	if err := two.Handshake(); err != nil {
		t.Fatal(err)
	}
	_ = (<-http2).Close()
	if n := count([]*echo{h}, func(h *echo) int { return h.opened }); n != 0 {
		t.Errorf("the loop was told of %d connections", n)
	}

	dial(t, addr)
	stop()
	wg.Wait()
	select {
	case err := <-failed: // it had begun
		t.Log(err)
	default:
	}
}
