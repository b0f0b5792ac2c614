// Package certificate owns the certificates that this program serves TLS with: it reads them from
// files, again when these change, or gets and renews them by ACME, and watches when they expire.
//
// It opens no port, and knows nothing of the protocols over TLS.
package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Config is the configuration of a server that speaks TLS.
type Config struct {
	TLS      bool          `name:"tls" help:"Speak HTTPS and wss at --listen, with a certificate from files (--tls-cert, --tls-key) or with one that ACME issues and renews (--tls-domains)."`
	Cert     string        `name:"tls-cert" help:"File (PEM) with the certificate, followed by its intermediates. A new one is loaded as soon as it appears; open sockets stay." placeholder:"FILE"`
	Key      string        `name:"tls-key" help:"File (PEM) with the certificate's private key." placeholder:"FILE"`
	ACME     ACMEConfig    `embed:""`
	Redirect string        `name:"tls-redirect" help:"With --tls, address that redirects plain HTTP to HTTPS, and answers ACME; none: nowhere." default:":80" placeholder:"HOST:PORT"`
	HSTS     time.Duration `name:"tls-hsts" help:"With --tls, how long browsers that were here accept only HTTPS from this host (Strict-Transport-Security; 0s to 17520h). A year is 8760h; 0s: the header is not sent." default:"24h"`
}

// None as Redirect turns the redirect off.
const None = "none"

// mostHSTS is two years, which the preload lists of browsers ask for.
const mostHSTS = 2 * 365 * 24 * time.Hour

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range []struct{ flag, value string }{{"--tls-cert", c.Cert}, {"--tls-key", c.Key}} {
		switch {
		case strings.Contains(f.value, "-----BEGIN"): // which is not repeated: it is a secret
			errs = append(errs, fmt.Errorf("%s is what is in a file; it has to be the file's path: set HUBBUB_%s itself, without _FILE", f.flag, strings.ToUpper(strings.ReplaceAll(f.flag[2:], "-", "_"))))
		case f.value != "" && !c.TLS:
			errs = append(errs, fmt.Errorf("%s is %s, without --tls, so it would not be used", f.flag, f.value))
		case f.value != "" && len(c.ACME.Domains) > 0:
			errs = append(errs, fmt.Errorf("%s and --tls-domains are two ways to a certificate: choose one", f.flag))
		case f.value == "" && c.TLS && c.Cert+c.Key != "":
			errs = append(errs, fmt.Errorf("--tls-cert and --tls-key go together: %s is missing", f.flag))
		}
	}
	switch {
	case c.TLS && c.Cert+c.Key == "" && len(c.ACME.Domains) == 0:
		errs = append(errs, errors.New("--tls needs a certificate: --tls-cert and --tls-key with the paths of PEM files, or --tls-domains and --tls-acme-agree to get one by ACME"))
	case !c.TLS && len(c.ACME.Domains) > 0:
		errs = append(errs, fmt.Errorf("--tls-domains is %s, without --tls, so it would not be used", strings.Join(c.ACME.Domains, ",")))
	}
	errs = append(errs, c.ACME.Validate())
	if _, _, err := net.SplitHostPort(c.Redirect); err != nil && c.Redirect != None {
		errs = append(errs, fmt.Errorf("--tls-redirect is %q; it has to be host:port, :port or none: %w", c.Redirect, err))
	}
	if c.HSTS < 0 || c.HSTS > mostHSTS {
		errs = append(errs, fmt.Errorf("--tls-hsts is %s; it has to be 0s to %s", c.HSTS, mostHSTS))
	}
	return errors.Join(errs...)
}

// Names returns the host names of the configured certificate, or none if it cannot be read.
func (c *Config) Names() []string {
	if len(c.ACME.Domains) > 0 {
		return c.ACME.Domains
	}
	b, err := os.ReadFile(c.Cert)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf.DNSNames
}

// read returns the content of a file that a flag names.
func read(flag, path, what string) ([]byte, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s: %w: user %d, whom this process runs as, has to be able to read %s", flag, err, os.Geteuid(), what)
	case err != nil:
		return nil, fmt.Errorf("%s: %w; it has to be the path of %s (PEM)", flag, err, what)
	}
	return b, nil
}
