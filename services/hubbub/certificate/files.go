package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Files is a certificate in files that somebody else replaces when it is renewed. Its methods may
// be called from any goroutine.
type Files struct {
	cert, key string
	log       *zap.Logger
	expiry    *Expiry
	current   atomic.Pointer[tls.Certificate]
	seen      [sha256.Size]byte // of what current was made from
}

// lookEvery is how often Run looks for changed files.
const lookEvery = time.Second

// OpenFiles returns the certificate in two files. An error says what is wrong with them, and what
// they must be. An expired certificate is no error, because its renewal may be under way.
func OpenFiles(cert, key string, expiry *Expiry, log *zap.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, expiry: expiry, log: log}
	if _, err := f.load(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o007 != 0 {
		log.Warn("everybody on this machine can read the key of the certificate: chmod 600", zap.String("file", key))
	}
	return f, nil
}

// Get returns the certificate for a handshake.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }

// Names returns the host names that the certificate is for.
func (f *Files) Names() []string { return f.current.Load().Leaf.DNSNames }

// Matches returns an error if the certificate is not for this host.
func (f *Files) Matches(host string) error {
	if err := f.current.Load().Leaf.VerifyHostname(host); err != nil {
		return fmt.Errorf("browsers that open %s will refuse the certificate in %s: %w", host, f.cert, err)
	}
	return nil
}

// Ready returns nil while the certificate is one that a client accepts; it is a readiness check.
func (f *Files) Ready(context.Context) error {
	return f.expiry.ended(f.current.Load().Leaf, "put a new one into "+f.cert+" and its key into "+f.key+": it is taken at once")
}

// Run loads a new certificate as soon as it appears, until ctx ends. New handshakes use it; open
// connections stay. If the files make no valid certificate, Run logs why and keeps the last good
// one.
func (f *Files) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var failed, said string
	for {
		f.expiry.Watch("put a new one into "+f.cert+" and its key into "+f.key+": it is taken at once", f.current.Load().Leaf)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed, err := f.load()
		switch {
		case err == nil:
			if changed || said != "" {
				f.log.Info("loaded a new certificate", zap.Strings("names", f.Names()), zap.Time("ends", f.current.Load().Leaf.NotAfter))
			}
			failed, said = "", ""
		case err.Error() != failed: // somebody may be in the middle of writing both files
			failed = err.Error()
		case failed != said:
			said = failed
			f.log.Error("cannot load the certificate in the files; going on with the one from before", zap.Error(err))
		}
	}
}

// load loads the certificate from the files, and reports whether it has changed.
func (f *Files) load() (changed bool, err error) {
	cert, err := read("--tls-cert", f.cert, "the certificate and its intermediates")
	if err != nil {
		return false, err
	}
	key, err := read("--tls-key", f.key, "the certificate's key")
	if err != nil {
		return false, err
	}
	hash := sha256.New()
	_, _ = hash.Write(cert)
	_, _ = hash.Write(key)
	sum := [sha256.Size]byte(hash.Sum(nil))
	if sum == f.seen {
		return false, nil
	}
	c, err := f.pair(cert, key)
	if err != nil {
		return false, err
	}
	f.seen = sum
	f.current.Store(c)
	return true, nil
}

// pair makes a certificate of a chain and a key.
func (f *Files) pair(cert, key []byte) (*tls.Certificate, error) {
	kinds := func(b []byte) (all []string) {
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			all = append(all, block.Type)
		}
		return all
	}
	certs, keys := strings.Join(kinds(cert), ", "), strings.Join(kinds(key), ", ")
	switch {
	case !strings.Contains(certs, "CERTIFICATE") && strings.Contains(certs, "KEY"), !strings.Contains(keys, "KEY") && strings.Contains(keys, "CERTIFICATE"):
		return nil, fmt.Errorf("--tls-cert (%s) and --tls-key (%s) are the wrong way around: there is %s in the one and %s in the other", f.cert, f.key, or(certs), or(keys))
	case !strings.Contains(certs, "CERTIFICATE"):
		return nil, fmt.Errorf("--tls-cert: there is no certificate in %s; it has to be a PEM file with the certificate and behind it its intermediates", f.cert)
	case strings.Contains(keys, "ENCRYPTED") || bytes.Contains(key, []byte("Proc-Type: 4,ENCRYPTED")):
		return nil, fmt.Errorf("--tls-key: the key in %s is encrypted with a password; decrypt it: openssl pkey -in OLD -out NEW", f.key)
	case !strings.Contains(keys, "PRIVATE KEY"):
		return nil, fmt.Errorf("--tls-key: there is no private key in %s; it has to be a PEM file with the key of the certificate", f.key)
	}
	c, err := tls.X509KeyPair(cert, key)
	switch {
	case err == nil:
		return &c, nil
	case strings.Contains(err.Error(), "does not match"):
		return nil, fmt.Errorf("the key in %s (--tls-key) is not that of the first certificate in %s (--tls-cert): take both from the same renewal, and put the host's certificate before its intermediates", f.key, f.cert)
	}
	return nil, fmt.Errorf("the certificate in %s (--tls-cert) and the key in %s (--tls-key) cannot be used: %w", f.cert, f.key, err)
}

func or(kinds string) string {
	if kinds == "" {
		return "nothing"
	}
	return kinds
}
