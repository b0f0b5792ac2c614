package busurl_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/bus/redisbus"
	"hubbub.internal/libs/certtest"
)

func TestTLS(t *testing.T) {
	cert, key := certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(pem)
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) {
		o.TLSConfig = &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
			MinVersion: tls.VersionTLS12,
		}
		o.TLSTimeout = 5
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	url := "tls://" + s.Addr().String()

	b, err := busurl.Open(t.Context(), parse(t, "--bus="+url, "--bus-ca="+cert, "--bus-cert="+cert, "--bus-key="+key), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	_ = b.Close()
	plain, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Shutdown()
	other, _ := certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1")
	for _, tt := range []struct{ name, args, want string }{
		{"unknown authority", "--bus=" + url, "--bus-ca"},
		{"other authority", "--bus=" + url + " --bus-ca=" + other, "--bus-ca"},
		{"TLS although the URL does not say so", "--bus=" + strings.Replace(url, "tls:", "nats:", 1), "--bus-ca"},
		{"no certificate of the client", "--bus=" + url + " --bus-ca=" + cert, "--bus-cert"},
		{"TLS to a plain server", "--bus=tls://" + plain.Addr().String() + " --bus-ca=" + cert, "write nats://"},
		{"other name", "--bus=" + strings.Replace(url, "127.0.0.1", "localhost", 1) + " --bus-ca=" + cert, "another name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := busurl.Open(t.Context(), parse(t, append(strings.Fields(tt.args), "--bus-timeout=5s")...), nil, nil, nil)
			if err == nil {
				_ = b.Close()
				t.Fatal("it is opened")
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestRedisTLS: over TLS it works with the right certificates, and says what is wrong with any
// others, or without.
func TestRedisTLS(t *testing.T) {
	open, addr, cert, _ := bustest.RedisTLS(t, "--tls-auth-clients", "no")
	_, strict, strictCert, strictKey := bustest.RedisTLS(t)
	for _, tt := range []struct {
		name, args string
		want       string // "": it works
	}{
		{"TLS", "--bus=rediss://" + addr + " --bus-ca=" + cert, ""},
		{"both certificates", "--bus=rediss://" + strict + " --bus-ca=" + strictCert + " --bus-cert=" + strictCert + " --bus-key=" + strictKey, ""},
		{"no certificate of the client", "--bus=rediss://" + strict + " --bus-ca=" + strictCert, "--bus-cert"},
		{"unknown authority", "--bus=rediss://" + addr, "--bus-ca"},
		{"other authority", "--bus=rediss://" + addr + " --bus-ca=" + strictCert, "--bus-ca"},
		{"TLS to a plain server", "--bus=rediss://" + open.Addr() + " --bus-ca=" + cert, "write redis://"},
		{"plain to a TLS server", "--bus=redis://" + addr, "rediss://"},
		{"other name", "--bus=rediss://localhost:" + addr[strings.LastIndex(addr, ":")+1:] + " --bus-ca=" + cert, "another name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := busurl.Open(t.Context(), parse(t, append(strings.Fields(tt.args), "--bus-timeout=1s")...), nil, nil, nil)
			if err == nil {
				defer b.Close()
			}
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "":
				if err := b.Probe(t.Context()); err != nil {
					t.Error(err)
				}
			case err == nil:
				t.Error("it is opened")
			case !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || !errors.Is(err, redisbus.ErrTLS):
				t.Errorf("%v", err)
			}
		})
	}
}
