package certificate

import (
	"crypto/x509"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Expiry reports when certificates expire, by metrics and in the log. Its methods are safe for
// concurrent use.
type Expiry struct {
	log    *zap.Logger
	now    func() time.Time
	begins *prometheus.GaugeVec
	ends   *prometheus.GaugeVec

	mu   sync.Mutex
	last map[string]time.Time // when the served certificates expire, by name
	said map[string]time.Time // when the log last warned about one, by name
}

// NewExpiry returns an Expiry that registers its metrics with reg.
func NewExpiry(log *zap.Logger, reg prometheus.Registerer) *Expiry {
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"name"})
		reg.MustRegister(g)
		return g
	}
	return &Expiry{
		log: log, now: time.Now, said: map[string]time.Time{},
		begins: gauge("hubbub_tls_certificate_start_timestamp_seconds", "When the certificate that is served begins to be valid (Unix time), by its first host name."),
		ends:   gauge("hubbub_tls_certificate_expiry_timestamp_seconds", "When the certificate that is served ends (Unix time), by its first host name."),
	}
}

// sayEvery is how often the log warns that a certificate is about to expire.
const sayEvery = 24 * time.Hour

// RenewedBefore returns how long before its expiry a certificate should have been renewed: a fifth
// of its lifetime, and at most two weeks.
func RenewedBefore(leaf *x509.Certificate) time.Duration {
	return min(leaf.NotAfter.Sub(leaf.NotBefore)/5, 14*24*time.Hour)
}

// Watch records which certificates are served. For one that has expired or is about to, it logs
// remedy.
func (e *Expiry) Watch(remedy string, leaves ...*x509.Certificate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ends := make(map[string]time.Time, len(leaves))
	for _, leaf := range leaves {
		ends[nameOf(leaf)] = leaf.NotAfter
	}
	if !maps.Equal(ends, e.last) {
		e.last = ends
		clear(e.said)
		e.begins.Reset()
		e.ends.Reset()
		for _, leaf := range leaves {
			e.begins.WithLabelValues(nameOf(leaf)).Set(float64(leaf.NotBefore.Unix()))
			e.ends.WithLabelValues(nameOf(leaf)).Set(float64(leaf.NotAfter.Unix()))
		}
	}
	now := e.now()
	for _, leaf := range leaves {
		name, left := nameOf(leaf), leaf.NotAfter.Sub(now)
		if left >= RenewedBefore(leaf) || now.Sub(e.said[name]) < sayEvery {
			continue
		}
		e.said[name] = now
		fields := []zap.Field{zap.String("name", name), zap.Time("ends", leaf.NotAfter)}
		if left <= 0 {
			e.log.Error("the certificate has ended, and browsers refuse it: "+remedy, fields...)
		} else {
			e.log.Warn("the certificate ends soon: "+remedy, append(fields, zap.Duration("left", left.Round(time.Second)))...)
		}
	}
}

// ended returns an error if a certificate is not valid at this time.
func (e *Expiry) ended(leaf *x509.Certificate, remedy string) error {
	switch now := e.now(); {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate for %s ended at %s; %s", nameOf(leaf), leaf.NotAfter.Format(time.RFC3339), remedy)
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate for %s is valid from %s on, and here it is %s: set the clock", nameOf(leaf), leaf.NotBefore.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// nameOf is what a certificate is called: its first host name.
func nameOf(leaf *x509.Certificate) string {
	switch {
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	}
	return leaf.Subject.CommonName
}
