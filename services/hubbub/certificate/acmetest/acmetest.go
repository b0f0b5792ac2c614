// Package acmetest runs an authority for tests: Pebble, the one that Let's Encrypt tests ACME
// clients with, in this process. It connects to whoever asks for a certificate, like any other.
package acmetest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"hubbub.internal/libs/certtest"
)

// Server is an authority.
type Server struct {
	Directory string // its URL
	CAFile    string // certificate to trust when asking it
	roots     *x509.CertPool
}

// Start starts an authority that finds every name at 127.0.0.1, at the ports web and secure, whose
// certificates are valid for so many seconds, and which ends with the test.
func Start(t testing.TB, web, secure int, seconds uint64) *Server {
	t.Helper()
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP": "1", // it asks at once
		"PEBBLE_AUTHZREUSE": "0", // and asks each time
	} {
		if err := os.Setenv(name, value); err != nil { //nolint:usetesting // tests run in parallel
			t.Fatal(err)
		}
	}
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default":    {Description: "default", ValidityPeriod: seconds},
		"shortlived": {Description: "six days", ValidityPeriod: 6 * 24 * 3600},
	})
	front := wfe.New(quiet, store, va.New(quiet, web, secure, false, names(t), store), authority, []string{"127.0.0.1"}, false, false, 0, 0)

	local, dir := certtest.NewCA(t), t.TempDir()
	cert, key := local.Files(t, dir, "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(front.Handler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	s := &Server{Directory: server.URL + wfe.DirectoryPath, CAFile: filepath.Join(dir, "root.pem"), roots: x509.NewCertPool()}
	certtest.Write(t, s.CAFile, local.PEM())
	s.roots.AddCert(authority.GetRootCert(0).Cert)
	return s
}

// Client returns the configuration of a client that trusts the authority's certificates, and calls
// a server name wherever it goes.
func (s *Server) Client(name string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.roots, ServerName: name}
}

// names starts a name server to which every name is 127.0.0.1, and returns its address.
func names(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			rr, err := dns.NewRR(fmt.Sprintf("%s 1 A 127.0.0.1", q.Question[0].Name))
			if err != nil {
				t.Error(err)
				return
			}
			a.Answer = []dns.RR{rr}
		}
		_ = w.WriteMsg(a)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = server.Shutdown()
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// Port returns the port of an address.
func Port(t testing.TB, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
