package busurl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/redisbus"
	"hubbub.internal/libs/chat"
)

func openRedis(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer, groups []string) (*bus.Bus, error) {
	t, err := cfg.tls()
	if err != nil {
		return nil, await.Final(err)
	}
	return redisbus.Open(ctx, redisbus.Config{
		URL: cfg.Bus, TLS: t,
		Partitions: cfg.BusPartitions, Replicas: cfg.BusReplicas, Personal: chat.IsUserRoom,
		Keep: cfg.BusKeep, KeepBytes: int64(cfg.BusKeepBytes),
		MaxAge: cfg.BusMaxAge, MaxBytes: int64(cfg.BusMaxBytes),
		Groups: groups, OpenTimeout: cfg.BusTimeout, Dedupe: cfg.Dedupe,
	}, log, reg)
}

// tls returns the TLS configuration of the certificate options; nil without any.
func (c *Config) tls() (*tls.Config, error) {
	if c.BusCA == "" && c.BusCert == "" {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.BusCA != "" {
		pem, err := os.ReadFile(c.BusCA)
		if err != nil {
			return nil, fmt.Errorf("--bus-ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("--bus-ca holds no certificate in PEM form")
		}
	}
	if c.BusCert != "" {
		pair, err := tls.LoadX509KeyPair(c.BusCert, c.BusKey)
		if err != nil {
			return nil, fmt.Errorf("--bus-cert and --bus-key: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
