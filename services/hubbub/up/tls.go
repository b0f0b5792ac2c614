package up

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/certificate"
)

// secured is the TLS set-up of the public port.
type secured struct {
	config *tls.Config
	// wraps the handler of the port of plain HTTP, for ACME; nil: not needed
	http func(http.Handler) http.Handler
}

// secure returns the TLS set-up of the public port, or nil without TLS. It adds a component to p
// that keeps the certificate current.
func (c *Config) secure(p *daemon.Process) (*secured, error) {
	if !c.TLS.TLS {
		return nil, nil
	}
	s := &secured{config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}}
	expiry := certificate.NewExpiry(p.Log, p.Metrics)
	if len(c.TLS.ACME.Domains) > 0 {
		acme, err := certificate.OpenACME(c.TLS.ACME, filepath.Join(c.Data, "tls"), c.ports(), expiry, p.Log)
		if err != nil {
			return nil, err
		}
		s.config.GetCertificate, s.http = acme.Get, acme.HTTP
		s.config.NextProtos = append(s.config.NextProtos, certificate.ALPN)
		p.Check("certificate", acme.Ready)
		p.Go("certificate", acme.Run)
		return s, nil
	}
	files, err := certificate.OpenFiles(c.TLS.Cert, c.TLS.Key, expiry, p.Log)
	if err != nil {
		return nil, err
	}
	if page, err := url.Parse(c.Directory.PageURL); err == nil && page.Host != "" {
		if err := files.Matches(page.Hostname()); err != nil {
			p.Log.Warn("the certificate does not fit --directory-page-url", zap.Error(err))
		}
	}
	s.config.GetCertificate = files.Get
	p.Check("certificate", files.Ready)
	p.Go("certificate", files.Run)
	return s, nil
}

// ports returns where an authority's challenges arrive.
func (c *Config) ports() (p certificate.Ports) {
	host, port, _ := net.SplitHostPort(c.Edge.Listen) // Validate has looked at it
	p.Host = host
	p.Secure, _ = net.LookupPort("tcp", port)
	if c.redirects() {
		_, port, _ = net.SplitHostPort(c.TLS.Redirect)
		p.Web, _ = net.LookupPort("tcp", port)
	}
	return p
}

func (c *Config) redirects() bool { return c.TLS.Redirect != certificate.None && c.TLS.Redirect != "" }

// strict tells browsers to use only HTTPS with this host for some time (RFC 6797).
func strict(age time.Duration, h http.Handler) http.Handler {
	if age == 0 {
		return h
	}
	value := "max-age=" + strconv.Itoa(int(age/time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", value)
		h.ServeHTTP(w, r)
	})
}

// sendOn serves the port of plain HTTP, which redirects to HTTPS at addr.
func (c *Config) sendOn(p *daemon.Process, s *secured, addr net.Addr) error {
	if !c.redirects() {
		return nil
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return fmt.Errorf("public port: %w", err)
	}
	// Clients may see another port than this process does; the page's address then has it.
	if page, err := url.Parse(c.Directory.PageURL); err == nil && page.Scheme == "https" {
		if port = page.Port(); port == "" {
			port = "443"
		}
	}
	h := redirect(port)
	if s.http != nil {
		h = s.http(h)
	}
	_, err = p.ServePort("redirect port", "--tls-redirect, or none with --tls-redirect=none", c.TLS.Redirect, h)
	return err
}

// redirect redirects a request to the same host and path over HTTPS.
func redirect(port string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		} else {
			host = strings.Trim(host, "[]")
		}
		if host == "" {
			http.Error(w, "the request needs one Host header", http.StatusBadRequest)
			return
		}
		switch {
		case port != "443":
			host = net.JoinHostPort(host, port)
		case strings.Contains(host, ":"):
			host = "[" + host + "]"
		}
		path := r.URL.RequestURI()
		if !strings.HasPrefix(path, "/") {
			path = "/"
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Location", "https://"+host+path)
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}

// explained adds what to do if the process may not listen on a port.
func explained(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; a port below 1024 needs the capability CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd), or sysctl net.ipv4.ip_unprivileged_port_start=80", err)
}
