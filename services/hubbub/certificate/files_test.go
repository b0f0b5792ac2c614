package certificate

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/certtest"
)

func TestMain(m *testing.M) {
	// The libraries leave these behind: a limiter for each authority, locks that notice within 5 s
	// that they were released, and the authority of the tests.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"),
	)
}

// opened opens files with a log that can be read.
func opened(t *testing.T, cert, key string) (*Files, *observer.ObservedLogs, *prometheus.Registry, error) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	reg := prometheus.NewRegistry()
	f, err := OpenFiles(cert, key, NewExpiry(zap.New(core), reg), zap.New(core))
	return f, logs, reg, err
}

// TestBadFiles holds that files which make no certificate are refused with what is wrong and what
// to do.
func TestBadFiles(t *testing.T) {
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Issue(t, time.Hour, time.Hour/2, "chat.example")
	_, other := ca.Issue(t, time.Hour, time.Hour/2, "chat.example")
	leaf, rest := pem.Decode(cert)
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		certtest.Write(t, path, b)
		return path
	}
	goodCert, goodKey := write("cert", cert), write("key", key)
	for _, tt := range []struct{ name, cert, key, want string }{
		{"good", goodCert, goodKey, ""},
		{"no such certificate", dir + "/none", goodKey, "--tls-cert: open " + dir + "/none: no such file or directory; it has to be the path of the certificate and its intermediates (PEM)"},
		{"no such key", goodCert, dir + "/none", "--tls-key: open " + dir + "/none: no such file or directory; it has to be the path of the certificate's key (PEM)"},
		{"a folder", dir, goodKey, "is a directory; it has to be the path of"},
		{"an empty file", write("empty", nil), goodKey, "--tls-cert: there is no certificate in " + dir + "/empty; it has to be a PEM file with the certificate and behind it its intermediates"},
		{"DER", write("der", leaf.Bytes), goodKey, "--tls-cert: there is no certificate in " + dir + "/der; it has to be a PEM file"},
		{"swapped", goodKey, goodCert, "are the wrong way around: there is PRIVATE KEY in the one and CERTIFICATE, CERTIFICATE in the other"},
		{"two keys", goodKey, goodKey, "are the wrong way around: there is PRIVATE KEY in the one and PRIVATE KEY in the other"},
		{"two certificates", goodCert, goodCert, "are the wrong way around: there is CERTIFICATE, CERTIFICATE in the one and CERTIFICATE, CERTIFICATE in the other"},
		{"a key and nothing", goodKey, write("nothing", nil), "are the wrong way around: there is PRIVATE KEY in the one and nothing in the other"},
		{"no key", goodCert, write("text", []byte("text")), "--tls-key: there is no private key in " + dir + "/text; it has to be a PEM file with the key of the certificate"},
		{"an encrypted key", goodCert, write("sealed", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")), "is encrypted with a password; decrypt it: openssl pkey"},
		{"a key that is encrypted in the old way", goodCert, write("old", []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")), "is encrypted with a password; decrypt it: openssl pkey"},
		{"another's key", goodCert, write("other", other), "the key in " + dir + "/other (--tls-key) is not that of the first certificate in " + goodCert + " (--tls-cert): take both from the same renewal, and put the host's certificate before its intermediates"},
		{"the wrong order", write("order", append(rest, pem.EncodeToMemory(leaf)...)), goodKey, "is not that of the first certificate"},
		{"broken", write("broken", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), goodKey, "cannot be used"},
	} {
		_, _, _, err := opened(t, tt.cert, tt.key)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: error is %v, want %q", tt.name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "-----BEGIN"):
			t.Errorf("%s: the error has a key in it: %v", tt.name, err)
		}
	}
	if os.Geteuid() != 0 { // who may read everything
		if err := os.Chmod(goodKey, 0); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := opened(t, goodCert, goodKey); err == nil || !strings.Contains(err.Error(), "has to be able to read the certificate's key") {
			t.Errorf("a key that may not be read: %v", err)
		}
		return
	}
	if err := os.Chmod(goodKey, 0o644); err != nil {
		t.Fatal(err)
	}
	_, logs, _, err := opened(t, goodCert, goodKey)
	if err != nil || logs.FilterMessageSnippet("everybody on this machine can read the key").Len() != 1 {
		t.Errorf("a key that everybody may read: %v, %v", err, logs.All())
	}
}

// TestRenewal replaces files under a running process: good ones are taken, bad ones are not, and
// the log says so once.
func TestRenewal(t *testing.T) {
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Files(t, dir, "one.example")
	synctest.Test(t, func(t *testing.T) {
		f, logs, reg, err := opened(t, cert, key)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		pass := func() {
			time.Sleep(5 * lookEvery)
			synctest.Wait()
		}
		serves := func(name, metric string) {
			t.Helper()
			pass()
			c, err := f.Get(nil)
			if err != nil || c.Leaf.DNSNames[0] != name {
				t.Errorf("served is %v, %v; want %s", c.Leaf.DNSNames, err, name)
			}
			if got := named(t, reg); got != metric {
				t.Errorf("the metric is of %q, want %q", got, metric)
			}
		}
		serves("one.example", "one.example")
		ca.Files(t, dir, "two.example")
		serves("two.example", "two.example")
		two, twoKey := contents(t, cert), contents(t, key)
		certtest.Write(t, cert, append(two, ca.PEM()...)) // with the same key
		serves("two.example", "two.example")
		if c, err := f.Get(nil); err != nil || len(c.Certificate) != 3 {
			t.Errorf("served are %d certificates, %v", len(c.Certificate), err)
		}
		certtest.Write(t, cert, two)
		serves("two.example", "two.example")

		_, other := ca.Issue(t, time.Hour, time.Hour, "three.example")
		certtest.Write(t, key, other)
		serves("two.example", "two.example")
		if n := logs.FilterMessageSnippet("cannot load the certificate").Len(); n != 1 {
			t.Errorf("the log says %d times that the files are bad", n)
		}
		if err := os.Remove(cert); err != nil {
			t.Fatal(err)
		}
		serves("two.example", "two.example")
		certtest.Write(t, cert, two) // which is the one that is served
		certtest.Write(t, key, twoKey)
		serves("two.example", "two.example")
		ca.Files(t, dir, "three.example")
		serves("three.example", "three.example")
		if n := logs.FilterMessage("loaded a new certificate").Len(); n != 5 {
			t.Errorf("the log says %d times that there is a new certificate", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNames: the hosts are those to get a certificate for, or else those of the one in the file.
func TestNames(t *testing.T) {
	cert, key := certtest.NewCA(t).Files(t, t.TempDir(), "chat.example", "www.chat.example")
	f, _, _, err := opened(t, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Matches("www.chat.example"); err != nil {
		t.Errorf("a host of the certificate: %v", err)
	}
	if err := f.Matches("other.example"); err == nil || !strings.Contains(err.Error(), "browsers that open other.example will refuse the certificate in "+cert) {
		t.Errorf("another host: %v", err)
	}
	for _, tt := range []struct {
		domains []string
		file    string
		want    string
	}{
		{nil, cert, "chat.example www.chat.example"},
		{[]string{"a.example", "b.example"}, cert, "a.example b.example"},
		{nil, cert + "x", ""},
		{nil, key, ""},
		{nil, "files_test.go", ""},
	} {
		cfg := Config{Cert: tt.file, ACME: ACMEConfig{Domains: tt.domains}}
		if got := strings.Join(cfg.Names(), " "); got != tt.want {
			t.Errorf("%v, %s: the hosts are %q, want %q", tt.domains, tt.file, got, tt.want)
		}
	}
}

// named returns the names that the metrics of beginnings and of ends have.
func named(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all[f.GetName()] += " " + m.GetLabel()[0].GetValue()
		}
	}
	begins, ends := all["hubbub_tls_certificate_start_timestamp_seconds"], all["hubbub_tls_certificate_expiry_timestamp_seconds"]
	if begins != ends {
		t.Errorf("certificates begin of%s, and end of%s", begins, ends)
	}
	return strings.TrimPrefix(ends, " ")
}

// TestEnd lets the time of a certificate run out: the log says so before and after, once a day, and
// the process is not ready any more.
func TestEnd(t *testing.T) {
	ca, dir := certtest.NewCA(t), t.TempDir()
	cert, key := ca.Issue(t, 100*24*time.Hour, 20*24*time.Hour, "chat.example")
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	certtest.Write(t, certFile, cert)
	certtest.Write(t, keyFile, key)
	f, logs, _, err := opened(t, certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	leaf := f.current.Load().Leaf
	for _, tt := range []struct {
		days   int // to the end
		more   int // hours
		warns  int
		errors int
		ready  string
	}{
		{20, 0, 0, 0, ""},
		{14, 1, 0, 0, ""},
		{13, 0, 1, 0, ""},
		{13, -1, 1, 0, ""},
		{12, -1, 2, 0, ""},
		{-1, 0, 2, 1, "the certificate for chat.example ended at "},
		{101, 0, 2, 1, "set the clock"},
	} {
		f.expiry.now = func() time.Time {
			return leaf.NotAfter.Add(-time.Duration(tt.days)*24*time.Hour - time.Duration(tt.more)*time.Hour)
		}
		f.expiry.Watch("renew it", leaf)
		warns := logs.FilterMessage("the certificate ends soon: renew it").Len()
		errors := logs.FilterMessage("the certificate has ended, and browsers refuse it: renew it").Len()
		if warns != tt.warns || errors != tt.errors {
			t.Errorf("%d days before the end there are %d warnings and %d errors, want %d and %d", tt.days, warns, errors, tt.warns, tt.errors)
		}
		err := f.Ready(t.Context())
		if tt.ready == "" && err != nil || tt.ready != "" && (err == nil || !strings.Contains(err.Error(), tt.ready)) {
			t.Errorf("%d days before the end the readiness is %v, want %q", tt.days, err, tt.ready)
		}
	}
}

// TestConfig holds that options which do not go together are refused, by name.
func TestConfig(t *testing.T) {
	longest := strings.Repeat("aaaa.", 50) + "aaa" // that is a host name
	for _, tt := range []struct {
		args string
		want string
	}{
		{"", ""},
		{"--tls --tls-cert=c --tls-key=k", ""},
		{"--tls --tls-cert=c --tls-key=k --tls-redirect=none --tls-hsts=0s", ""},
		{"--tls --tls-domains=chat.example,www.chat.example --tls-acme-agree", ""},
		{"--tls", "--tls needs a certificate: --tls-cert and --tls-key with the paths of PEM files, or --tls-domains and --tls-acme-agree to get one by ACME"},
		{"--tls --tls-cert=c", "--tls-cert and --tls-key go together: --tls-key is missing"},
		{"--tls --tls-cert=c --tls-key=k --tls-domains=a.b --tls-acme-agree", "--tls-cert and --tls-domains are two ways to a certificate: choose one\n--tls-key and --tls-domains are two ways to a certificate: choose one"},
		{"--tls-domains=a.b --tls-acme-agree", "--tls-domains is a.b, without --tls, so it would not be used"},
		{"--tls --tls-domains=a.b", "--tls-domains needs --tls-acme-agree: read the terms of the authority, to which https://acme-v02.api.letsencrypt.org/directory has the link"},
		{"--tls --tls-acme-agree --tls-domains=*.a.b", `--tls-domains has "*.a.b"; an authority gives a certificate for all hosts of a domain only by DNS: name each host, or get it elsewhere and name its files`},
		{"--tls --tls-acme-agree --tls-domains=https://a.b", `--tls-domains has "https://a.b"; each has to be a host name like chat.example`},
		{"--tls --tls-acme-agree --tls-domains=127.0.0.1", `--tls-domains has "127.0.0.1"; each has to be a host name like chat.example`},
		{"--tls --tls-acme-agree --tls-domains=a.b --tls-email=me", `--tls-email is "me"; it has to be a mail address`},
		{"--tls --tls-acme-agree --tls-domains=a.b --tls-acme-directory=http://a.b/", `--tls-acme-directory is "http://a.b/"; it has to be like https://acme-v02.api.letsencrypt.org/directory`},
		{"--tls --tls-acme-agree --tls-domains=a.b --tls-acme-ca=/none", "--tls-acme-ca: open /none: no such file or directory; it has to be the path of the authority's root (PEM)"},
		{"--tls --tls-acme-agree --tls-domains=a.b --tls-acme-directory=https:///d", `--tls-acme-directory is "https:///d"; it has to be like https://acme-v02.api.letsencrypt.org/directory`},
		{"--tls --tls-acme-agree --tls-domains=a.b --tls-acme-ca=acme_test.go", "--tls-acme-ca: there is no certificate in acme_test.go; it has to be a PEM file"},
		{"--tls --tls-acme-agree --tls-domains=" + longest, ""},
		{"--tls --tls-acme-agree --tls-domains=a" + longest, fmt.Sprintf("--tls-domains has %.80q; each has to be a host name like chat.example", "a"+longest)},
		{"--tls-cert=c", "--tls-cert is c, without --tls, so it would not be used"},
		{"--tls --tls-cert=c --tls-key=-----BEGIN_PRIVATE_KEY-----", "--tls-key is what is in a file; it has to be the file's path: set HUBBUB_TLS_KEY itself, without _FILE"},
		{"--tls-redirect=80", `--tls-redirect is "80"; it has to be host:port, :port or none: address 80: missing port in address`},
		{"--tls --tls-cert=c --tls-key=k --tls-hsts=17520h", ""},
		{"--tls-hsts=17521h", "--tls-hsts is 17521h0m0s; it has to be 0s to 17520h0m0s"},
		{"--tls-hsts=-1s", "--tls-hsts is -1s; it has to be 0s to 17520h0m0s"},
	} {
		var cfg Config
		parser, err := kong.New(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Fields(tt.args))
		if got := errorText(err); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.args, got, tt.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
