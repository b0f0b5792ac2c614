// Package certtest makes certificates for tests.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// CA is an authority of its own.
type CA struct {
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
	responder string // its URL; empty: there is none
}

// NewCA returns an authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	return newCA(t, "test authority", nil)
}

// Intermediate returns another authority, whose certificate this one has signed.
func (ca *CA) Intermediate(t testing.TB) *CA {
	t.Helper()
	return newCA(t, "test authority between", ca)
}

// newCA returns an authority that another has signed; nil: itself.
func newCA(t testing.TB, name string, signer *CA) *CA {
	t.Helper()
	ca := &CA{key: newKey(t), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	if signer == nil {
		signer = ca
	}
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, signer.cert, ca.key.Public(), signer.key)
	if err == nil {
		ca.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Issue returns a certificate, with that of the authority behind it, and its key, both PEM. It is
// valid for the life given, of which left is left; negative: it has ended. A name may be an IP
// address.
func (ca *CA) Issue(t testing.TB, life, left time.Duration, names ...string) (cert, key []byte) {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(left)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, NotBefore: end.Add(-life), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	if ca.responder != "" {
		c.OCSPServer = []string{ca.responder}
	}
	k := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, k.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), ca.PEM()...)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// Files writes a good certificate for some names, and its key, to a folder, over what is there.
func (ca *CA) Files(t testing.TB, dir string, names ...string) (cert, key string) {
	t.Helper()
	c, k := ca.Issue(t, 100*time.Hour, 90*time.Hour, names...)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	Write(t, cert, c)
	Write(t, key, k)
	return cert, key
}

// Write replaces a file.
func Write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Client returns the configuration of a client that trusts the authority, and calls a server name
// wherever it goes.
func (ca *CA) Client(name string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: name}
}

// PEM returns the certificate of the authority.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// Respond starts a responder (OCSP, RFC 6960), which says of every certificate that it is good,
// until the test ends. Certificates that are issued from now on name it.
func (ca *CA) Respond(t testing.TB) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if r.Method == http.MethodGet { // in the path
			asked, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(r.URL.Path, "/"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		question, err := ocsp.ParseRequest(asked)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := ocsp.CreateResponse(ca.cert, ca.cert, ocsp.Response{
			Status: ocsp.Good, SerialNumber: question.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		}, ca.key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(answer) // nginx asks again
	}))
	t.Cleanup(server.Close)
	ca.responder = server.URL
}
