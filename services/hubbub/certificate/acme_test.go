package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/certtest"
	"hubbub.internal/services/hubbub/certificate/acmetest"
)

// TestACME gets certificates from an authority that asks at one of the two ports only, renews them,
// and has them again after a restart without asking anybody.
func TestACME(t *testing.T) {
	for _, tt := range []struct {
		name    string
		web     bool
		profile string
		life    time.Duration
	}{
		{"HTTP-01", true, "default", 90 * 24 * time.Hour},
		{"TLS-ALPN-01", false, "shortlived", 6 * 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := acmetest.Port(t, l.Addr().String())
			server := acmetest.Start(t, port, port, 90*24*3600)
			cfg := ACMEConfig{
				Domains: []string{"chat.example", "www.chat.example"}, Agree: true, Email: "me@chat.example",
				Directory: server.Directory, CA: server.CAFile, Profile: tt.profile,
			}
			ports := Ports{Host: "127.0.0.1", Secure: port}
			if tt.web {
				ports = Ports{Host: "127.0.0.1", Web: port}
			}
			dir := filepath.Join(t.TempDir(), "tls")
			reg := prometheus.NewRegistry()
			a, err := OpenACME(cfg, dir, ports, NewExpiry(zap.NewNop(), reg), zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no certificate for chat.example yet; "+server.Directory+" is being asked for it") {
				t.Errorf("before it has asked: %v", err)
			}
			served := make(chan struct{})
			if tt.web {
				web := &http.Server{Handler: a.HTTP(http.NotFoundHandler()), ReadHeaderTimeout: time.Minute}
				go func() { defer close(served); _ = web.Serve(l) }()
				defer func() { _ = web.Close(); <-served }()
			} else {
				go func() { defer close(served); handshakes(l, a) }()
				defer func() { _ = l.Close(); <-served }()
			}
			until(t, a, "there are certificates", func() bool { return a.Ready(t.Context()) == nil && named(t, reg) == "chat.example www.chat.example" })
			c := a.current("www.chat.example").Leaf
			if life := c.NotAfter.Sub(c.NotBefore).Round(time.Minute); life != tt.life {
				t.Errorf("the certificate lives for %s, want %s", life, tt.life)
			}
			got, err := a.Get(&tls.ClientHelloInfo{ServerName: "www.chat.example", SupportedProtos: []string{"h2"}, Conn: nobody{}})
			if err != nil || !got.Leaf.Equal(c) {
				t.Errorf("a handshake gets %v, %v", got.Leaf, err)
			}
			got, err = a.Get(&tls.ClientHelloInfo{SupportedProtos: []string{"h2"}, Conn: nobody{}})
			if err != nil || got.Leaf.VerifyHostname("chat.example") != nil {
				t.Errorf("a handshake that names no host gets %v, %v", got, err)
			}
			onlyOurs(t, dir)

			again, err := OpenACME(cfg, dir, ports, NewExpiry(zap.NewNop(), prometheus.NewRegistry()), zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			until(t, again, "there are certificates from before", func() bool { return again.Ready(t.Context()) == nil })
			if !again.current("www.chat.example").Leaf.Equal(c) {
				t.Error("the certificate was got anew")
			}
		})
	}
}

// TestCurrent: of the certificates of a name, the one counts that lasts longest, and one that has
// ended is no reason to be ready.
func TestCurrent(t *testing.T) {
	ca := certtest.NewCA(t)
	cfg := ACMEConfig{Domains: []string{"chat.example"}, Directory: "https://127.0.0.1:1/"}
	a, err := OpenACME(cfg, t.TempDir(), Ports{}, NewExpiry(zap.NewNop(), prometheus.NewRegistry()), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer a.cache.Stop()
	if _, _, ok := a.Pair("chat.example"); ok {
		t.Error("there is a certificate")
	}
	var longest []byte
	for _, left := range []time.Duration{-time.Hour, time.Hour, 3 * time.Hour, 2 * time.Hour} {
		cert, key := ca.Issue(t, 5*time.Hour, left, "chat.example")
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.magic.CacheUnmanagedTLSCertificate(t.Context(), pair, nil); err != nil {
			t.Fatal(err)
		}
		if left == 3*time.Hour {
			longest = cert
		}
		if err := a.Ready(t.Context()); left < 0 && (err == nil || !strings.Contains(err.Error(), "the certificate for chat.example ended at ")) || left > 0 && err != nil {
			t.Errorf("with one that ends in %s the readiness is %v", left, err)
		}
	}
	cert, key, ok := a.Pair("chat.example")
	if !ok || !bytes.Equal(cert, longest) {
		t.Errorf("the certificate is %s, want %s", cert, longest)
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		t.Errorf("the certificate and its key: %v", err)
	}
}

// nobody is the other end of a handshake that is none.
type nobody struct{ net.Conn }

func (nobody) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (nobody) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// handshakes answers connections by TLS and says nothing.
func handshakes(l net.Listener, a *ACME) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		c := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: a.Get, NextProtos: []string{ALPN}})
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_ = c.Handshake()
		_ = c.Close()
	}
}

// until runs a until something has come true.
func until(t *testing.T, a *ACME, what string, cond func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("it did not come true: %s; %v", what, a.Ready(t.Context()))
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// onlyOurs holds that nobody else can read what is in a folder.
func onlyOurs(t *testing.T, dir string) {
	t.Helper()
	keys := 0
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		if strings.HasSuffix(path, ".key") {
			keys++
		}
		return nil
	})
	if err != nil || keys < 3 {
		t.Errorf("%d keys, %v", keys, err)
	}
}

// TestACMERefused asks an authority that does not find this process: readiness and log say why.
func TestACMERefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	web := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { defer close(served); _ = web.Serve(l) }()
	defer func() { _ = web.Close(); <-served }()
	port := acmetest.Port(t, l.Addr().String())
	server := acmetest.Start(t, port, port, 3600)
	core, logs := observer.New(zapcore.ErrorLevel)
	a, err := OpenACME(ACMEConfig{Domains: []string{"chat.example"}, Agree: true, Directory: server.Directory, CA: server.CAFile},
		t.TempDir(), Ports{Host: "127.0.0.1", Web: port}, NewExpiry(zap.NewNop(), prometheus.NewRegistry()), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	until(t, a, "the readiness says why", func() bool {
		err := a.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "there is no certificate for chat.example yet; it is tried again: ") && strings.Contains(err.Error(), "404")
	})
	if logs.FilterMessageSnippet("The name has to lead to this server").Len() == 0 {
		t.Errorf("the log says %v", logs.All())
	}
}
