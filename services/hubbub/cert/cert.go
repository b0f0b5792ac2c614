// Package cert is the command that gets and renews the certificate of a proxy that terminates TLS,
// so that the proxy only reads files. If another program renews the certificate, it watches when
// that expires.
//
// It speaks no TLS; the proxy forwards the authority's challenges to it.
package cert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/certificate"
)

// Config is the configuration of `hubbub cert`.
type Config struct {
	Daemon daemon.Config `embed:""`

	ACME   certificate.ACMEConfig `embed:""`
	Folder string                 `name:"tls-folder" help:"With --tls-domains, folder that cert.pem (with its intermediates) and key.pem of the first name are written to, for their owner only, and names/NAME/cert.pem and key.pem of each further one; what belongs to the account is in acme below it." default:"tls" type:"path" placeholder:"DIR"`
	Listen string                 `help:"With --tls-domains, address at which the authority's questions are answered (HTTP-01); whoever has port 80 sends /.well-known/acme-challenge/ there." default:":8080" placeholder:"HOST:PORT"`
	Cert   string                 `name:"tls-cert" help:"File (PEM) of a certificate to watch, which another program renews." placeholder:"FILE"`
	Key    string                 `name:"tls-key" help:"File (PEM) of its key." placeholder:"FILE"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	errs := []error{c.Daemon.Validate(), c.ACME.Validate()}
	switch n := len(c.ACME.Domains); {
	case n > 0 && c.Cert+c.Key != "":
		errs = append(errs, errors.New("--tls-cert and --tls-domains are two ways to a certificate: choose one"))
	case n == 0 && (c.Cert == "" || c.Key == ""):
		errs = append(errs, errors.New("there is nothing to do: name the host to get a certificate for (--tls-domains), or the files of one to watch (--tls-cert, --tls-key)"))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("--listen is %q; it has to be host:port or :port: %w", c.Listen, err))
	}
	return errors.Join(errs...)
}

// Start implements daemon.Service.
func (c *Config) Start(_ context.Context, p *daemon.Process) error {
	expiry := certificate.NewExpiry(p.Log, p.Metrics)
	if len(c.ACME.Domains) == 0 {
		files, err := certificate.OpenFiles(c.Cert, c.Key, expiry, p.Log)
		if err != nil {
			return err
		}
		p.Check("certificate", files.Ready)
		p.Go("certificate", files.Run)
		return nil
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return fmt.Errorf("--tls-folder: %w; user %d, whom this process runs as, has to be able to write there", err, os.Geteuid())
	}
	host, port, _ := net.SplitHostPort(c.Listen) // Validate has looked at it
	web, err := net.LookupPort("tcp", port)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	acme, err := certificate.OpenACME(c.ACME, filepath.Join(c.Folder, "acme"), certificate.Ports{Host: host, Web: web}, expiry, p.Log)
	if err != nil {
		return err
	}
	if _, err := p.Serve(c.Listen, acme.HTTP(http.NotFoundHandler())); err != nil {
		return err
	}
	p.Check("certificate", acme.Ready)
	p.Go("certificate", acme.Run)
	p.Go("files", func(ctx context.Context) error { return c.follow(ctx, p.Log, acme.Pair) })
	return nil
}

// lookEvery is how often follow looks for a new certificate.
const lookEvery = time.Second

// follow writes each new certificate to the folder, until ctx ends. If that fails, it logs the
// error and tries again. pair returns the certificate of a name and its key; false: there is none
// yet.
func (c *Config) follow(ctx context.Context, log *zap.Logger, pair func(name string) (cert, key []byte, ok bool)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	said := map[string]string{}
	for {
		for i, name := range c.ACME.Domains {
			cert, key, ok := pair(name)
			if !ok {
				continue
			}
			folder := c.Folder
			if i > 0 {
				folder = filepath.Join(c.Folder, "names", name)
			}
			changed, err := write(folder, cert, key)
			switch {
			case err != nil && err.Error() != said[name]:
				said[name] = err.Error()
				log.Error("cannot write the certificate; trying again every second", zap.Error(err))
			case err == nil && (changed || said[name] != ""):
				said[name] = ""
				log.Info("wrote a new certificate", zap.String("folder", folder), zap.String("name", name))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// write writes a certificate and its key to a folder, and reports whether that changed anything. It
// replaces each file atomically; a reader of both must check that they match.
func write(folder string, cert, key []byte) (changed bool, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return false, fmt.Errorf("write the certificate: %w", err)
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{"key.pem", key}, {"cert.pem", cert}} {
		path := filepath.Join(folder, f.name)
		old, err := os.ReadFile(path)
		if err == nil && bytes.Equal(old, f.text) {
			continue
		}
		changed = true
		if err := os.WriteFile(path+".new", f.text, 0o600); err != nil {
			return changed, fmt.Errorf("write the certificate: %w", err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return changed, fmt.Errorf("write the certificate: %w", err)
		}
	}
	return changed, nil
}
