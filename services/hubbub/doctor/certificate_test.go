package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hubbub.internal/libs/certtest"
)

// parsed returns the certificates of a PEM file.
func parsed(t *testing.T, text []byte) (all []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
	return all
}

// TestIntermediates checks a certificate that is signed by somebody who is signed by a root.
func TestIntermediates(t *testing.T) {
	root := certtest.NewCA(t)
	between := root.Intermediate(t)
	leaf, _ := between.Issue(t, 100*time.Hour, 90*time.Hour, "example.com")
	chain := parsed(t, leaf) // with between behind it
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root.PEM())
	r := &report{}
	checkChain(r, "https://example.com", "example.com", chain, roots, time.Now())
	r.has(t, "certificate", OK, "is good until")
	r = &report{}
	checkChain(r, "https://example.com", "example.com", chain[:1], roots, time.Now())
	r.has(t, "certificate", Warn, "is signed by somebody whom this machine does not know")
}

// TestServerName checks a server that has certificates of several names.
func TestServerName(t *testing.T) {
	ca := certtest.NewCA(t)
	of := map[string]tls.Certificate{}
	for _, name := range []string{"localhost", "example.com"} {
		cert, key := ca.Issue(t, 100*time.Hour, 90*time.Hour, name)
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		of[name] = pair
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, ok := of[hello.ServerName]
		if !ok {
			cert = of["example.com"]
		}
		return &cert, nil
	}}
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r := &report{}
	parse(t).certificate(t.Context(), r, "https://localhost:"+port)
	// The certificate of example.com would be bad for its name, before who signed it counts.
	r.has(t, "certificate", Warn, "that of https://localhost:"+port+" is signed by somebody whom this machine does not know")
}
