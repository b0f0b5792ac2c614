package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// ACMEConfig is the configuration of certificates by ACME (RFC 8555).
type ACMEConfig struct {
	Domains   []string `name:"tls-domains" help:"Host names to get a certificate for, by ACME. Each has to lead here: the authority asks at ports 80 and 443 of it." placeholder:"NAME"`
	Agree     bool     `name:"tls-acme-agree" help:"You agree to the authority's terms, which its directory links to. Needed with --tls-domains."`
	Email     string   `name:"tls-email" help:"Mail address that the authority may write to about the certificates. Empty: none." placeholder:"ADDRESS"`
	Directory string   `name:"tls-acme-directory" help:"Directory of the authority; by default Let's Encrypt, whose directory for tests is https://acme-staging-v02.api.letsencrypt.org/directory." default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL"`
	CA        string   `name:"tls-acme-ca" help:"File (PEM) of certificates to trust when asking the authority, instead of the system's." placeholder:"FILE"`
	Profile   string   `name:"tls-acme-profile" help:"The authority's profile for the certificates, such as shortlived. Empty: its default." placeholder:"NAME"`

	// RenewEvery, if set, is how often certificates are renewed, whatever their lifetime. For
	// tests.
	RenewEvery time.Duration `kong:"-"`
}

var goodDomain = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// Validate returns what is wrong with the configuration of one or more domains.
func (c *ACMEConfig) Validate() error {
	if len(c.Domains) == 0 {
		return nil
	}
	var errs []error
	for _, d := range c.Domains {
		switch {
		case strings.HasPrefix(d, "*."):
			errs = append(errs, fmt.Errorf("--tls-domains has %.80q; an authority gives a certificate for all hosts of a domain only by DNS: name each host, or get it elsewhere and name its files", d))
		case len(d) > 253 || !goodDomain.MatchString(d) || net.ParseIP(d) != nil:
			errs = append(errs, fmt.Errorf("--tls-domains has %.80q; each has to be a host name like chat.example", d))
		}
	}
	if !c.Agree {
		errs = append(errs, fmt.Errorf("--tls-domains needs --tls-acme-agree: read the terms of the authority, to which %s has the link", c.Directory))
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("--tls-acme-directory is %.200q; it has to be like https://acme-v02.api.letsencrypt.org/directory", c.Directory))
	}
	if c.Email != "" && !strings.Contains(c.Email, "@") {
		errs = append(errs, fmt.Errorf("--tls-email is %.80q; it has to be a mail address", c.Email))
	}
	if _, err := c.roots(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// roots returns the certificates to trust when calling the authority; nil: the system's.
func (c *ACMEConfig) roots() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	b, err := read("--tls-acme-ca", c.CA, "the authority's root")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("--tls-acme-ca: there is no certificate in %s; it has to be a PEM file", c.CA)
	}
	return pool, nil
}

// ACME gets certificates from an authority and renews them. Its methods are safe for concurrent
// use.
type ACME struct {
	cfg    ACMEConfig
	expiry *Expiry
	log    *zap.Logger
	magic  *certmagic.Config
	cache  *certmagic.Cache
	issuer *certmagic.ACMEIssuer

	mu     sync.Mutex
	failed map[string]string // why the last attempt at a name failed
}

// Ports are where the authority's challenges reach this process: the public port, and that of plain
// HTTP. 0: this process does not have that port, and gets no challenges there.
type Ports struct {
	Host        string // host that both listen on; empty: all
	Secure, Web int
}

// OpenACME returns an ACME that keeps certificates and keys in dir, which it makes with mode 0700.
// It calls the authority only in Run.
func OpenACME(cfg ACMEConfig, dir string, ports Ports, expiry *Expiry, log *zap.Logger) (*ACME, error) {
	roots, err := cfg.roots()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of certificates: %w", err)
	}
	a := &ACME{cfg: cfg, expiry: expiry, log: log, failed: map[string]string{}}
	options := certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		RenewCheckInterval: cfg.RenewEvery,
		Logger:             log,
	}
	a.cache = certmagic.NewCache(options)
	magic := certmagic.Config{
		Storage: &certmagic.FileStorage{Path: dir}, DefaultServerName: cfg.Domains[0], Logger: log, OnEvent: a.on,
	}
	if cfg.RenewEvery > 0 {
		magic.RenewalWindowRatio, magic.DisableARI = 1, true
	}
	a.magic = certmagic.New(a.cache, magic)
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: cfg.Directory, Email: cfg.Email, Agreed: cfg.Agree, Profile: cfg.Profile, TrustedRoots: roots, Logger: log,
		ListenHost: ports.Host, AltHTTPPort: ports.Web, AltTLSALPNPort: ports.Secure,
		DisableHTTPChallenge: ports.Web == 0, DisableTLSALPNChallenge: ports.Secure == 0,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	return a, nil
}

// ALPN is the protocol of the authority's challenges at the public port (RFC 8737). The TLS server
// there must offer it.
const ALPN = "acme-tls/1"

// Get returns the certificate for a handshake.
func (a *ACME) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.magic.GetCertificate(hello) //nolint:wrapcheck // crypto/tls only logs it
}

// HTTP answers the authority's challenges at the port of plain HTTP (RFC 8555, section 8.3), and
// passes other requests to h.
func (a *ACME) HTTP(h http.Handler) http.Handler { return a.issuer.HTTPChallengeHandler(h) }

// Run gets the certificates and renews them until ctx ends: at two thirds of their lifetime, or
// when the authority says so. It retries what fails, less and less often.
func (a *ACME) Run(ctx context.Context) error {
	defer certmagic.CleanUpOwnLocks(context.WithoutCancel(ctx), a.log)
	defer a.cache.Stop()
	if err := a.magic.ManageAsync(ctx, a.cfg.Domains); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var leaves []*x509.Certificate
		for _, d := range a.cfg.Domains {
			if c := a.current(d); c != nil {
				leaves = append(leaves, c.Leaf)
			}
		}
		a.expiry.Watch("the log says why it is not renewed", leaves...)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pair returns the certificate of a name with its intermediates, and its key, both PEM; false:
// there is none yet.
func (a *ACME) Pair(name string) (cert, key []byte, ok bool) {
	c := a.current(name)
	if c == nil {
		return nil, nil, false
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil { // the library has made the key
		a.log.Error("cannot write a key", zap.String("name", name), zap.Error(err))
		return nil, nil, false
	}
	for _, b := range c.Certificate.Certificate {
		cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b})...)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), true
}

// current returns the certificate of a name; nil: there is none yet.
func (a *ACME) current(name string) *certmagic.Certificate {
	var best *certmagic.Certificate
	for _, c := range a.cache.AllMatchingCertificates(name) {
		// one without a leaf answers a challenge of the authority
		if c.Leaf != nil && (best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter)) {
			best = &c
		}
	}
	return best
}

// Ready returns nil while there is a certificate for each name that a client accepts; it is a
// readiness check.
func (a *ACME) Ready(context.Context) error {
	for _, d := range a.cfg.Domains {
		c := a.current(d)
		if c == nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			if why := a.failed[d]; why != "" {
				return fmt.Errorf("there is no certificate for %s yet; it is tried again: %s", d, why)
			}
			return fmt.Errorf("there is no certificate for %s yet; %s is being asked for it", d, a.cfg.Directory)
		}
		if err := a.expiry.ended(c.Leaf, "the log says why it is not renewed"); err != nil {
			return err
		}
	}
	return nil
}

// on records the outcome of attempts.
func (a *ACME) on(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch event {
	case "cert_obtained":
		delete(a.failed, name)
	case "cert_failed":
		err, _ := data["error"].(error)
		a.failed[name] = fmt.Sprint(err)
		a.log.Error("the authority issues no certificate; asking again, less and less often. "+
			"The name has to lead to this server, and the authority to reach it at port 80 or 443",
			zap.String("name", name), zap.String("directory", a.cfg.Directory), zap.Error(err))
	}
	return nil
}
