package edge_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"hubbub.internal/libs/certtest"
)

// serverTLS returns how an edge speaks TLS in tests.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert}}
}

// tlsAddr is the address of an edge that speaks TLS.
type tlsAddr struct{ net.Addr }

// TestHTTPS: an edge answers what is no WebSocket by both versions of HTTP, over kept connections
// and in pieces larger than a record; the handler knows that it is by TLS.
func TestHTTPS(t *testing.T) {
	w := newWorld(t)
	w.tls = serverTLS(t)
	w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(rw, "%s %t %s", r.Proto, r.TLS != nil && r.TLS.HandshakeComplete, body)
	})
	e := w.edge()
	large := strings.Repeat("0123456789abcdef", 16<<10)
	for _, tt := range []struct {
		proto   string
		two     bool
		version uint16
	}{{"HTTP/1.1", false, tls.VersionTLS13}, {"HTTP/1.1", false, tls.VersionTLS12}, {"HTTP/2.0", true, tls.VersionTLS13}} {
		transport := &http.Transport{ForceAttemptHTTP2: tt.two, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tt.version}} //nolint:gosec // the certificate is not what is tested
		client := &http.Client{Transport: transport, Timeout: patience}
		for _, body := range []string{"small", large, "again"} {
			r, err := client.Post(fmt.Sprintf("https://%s/v1/things", e.Addr()), "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatalf("%+v: %v", tt, err)
			}
			got, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if want := tt.proto + " true " + body; err != nil || string(got) != want {
				t.Errorf("%+v: %d bytes, want %d; %v", tt, len(got), len(want), err)
			}
		}
		transport.CloseIdleConnections()
	}
}
