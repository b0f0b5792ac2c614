package redisbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"
)

const (
	dialTimeout = 2 * time.Second
	poolSize    = 32
	minVersion  = 7
	// layout is the version of the keys and records that this release writes.
	layout = "1"
)

// parseURL makes client options of the configuration. Its errors do not repeat the URL, which may hold a password.
func parseURL(cfg Config) (*redis.Options, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("the URL of the bus cannot be read: write it like redis://:password@127.0.0.1:6379, with a password percent-encoded")
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return nil, fmt.Errorf("the Redis driver does not know the scheme %.20q: give the URL of one server, redis:// or rediss://", u.Scheme)
	}
	o, err := redis.ParseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL of the bus is not one of a Redis server: write it like redis://:password@127.0.0.1:6379/0")
	}
	if o.TLSConfig != nil && cfg.TLS != nil {
		name := o.TLSConfig.ServerName
		o.TLSConfig = cfg.TLS.Clone()
		if o.TLSConfig.ServerName == "" {
			o.TLSConfig.ServerName = name
		}
		o.TLSConfig.MinVersion = max(o.TLSConfig.MinVersion, tls.VersionTLS12)
	}
	o.ClientName = cfg.Name
	o.Protocol = 2
	o.MaxRetries = -1 // the library's retries would reorder appends, and hide a lost connection
	o.DialerRetries = 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, attemptTimeout, attemptTimeout
	o.ContextTimeoutEnabled = true
	o.PoolSize = poolSize
	o.PoolTimeout = attemptTimeout
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// where names the server for people, without a password.
func (b *Bus) where() string { return b.options.Addr }

// connect waits for the server and checks that it is one that works as a bus.
func (b *Bus) connect(ctx context.Context) error {
	var info string
	err := b.attempts(ctx, func(ctx context.Context) (err error) {
		info, err = b.client.Info(ctx, "server", "persistence", "memory", "cluster").Result()
		return err
	})
	if err != nil {
		return b.explain(err)
	}
	return b.checkServer(parseInfo(info))
}

// attempts is retry for the start: it also goes on when the context of one try ended, and returns the last error as is.
func (b *Bus) attempts(ctx context.Context, try func(context.Context) error) error {
	for {
		attempt, done := context.WithTimeout(ctx, attemptTimeout)
		err := try(attempt)
		done()
		if err == nil || permanent(err) {
			return err
		}
		if sleep(ctx, retryPause) != nil {
			return err
		}
	}
}

// explain says what to do about an error of the first connection.
func (b *Bus) explain(err error) error {
	var network *net.OpError
	switch {
	case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"):
		return fmt.Errorf("redis at %s refused the login: check the user and password in the bus URL: %w", b.where(), err)
	case redis.HasErrorPrefix(err, "NOPERM"):
		return fmt.Errorf("redis at %s does not let this user do what Hubbub needs: give it the commands and the keys and channels %s*: %w",
			b.where(), b.keys.prefix, err)
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return fmt.Errorf("redis at %s has keys under %s* that Hubbub did not make: remove them, or use another database: %w",
			b.where(), b.keys.prefix, err)
	case redis.HasErrorPrefix(err, "LOADING"):
		return fmt.Errorf("redis at %s still loads its data: try again later, or wait longer (--bus-timeout): %w", b.where(), err)
	case errors.As(err, &network) && network.Op == "dial":
		return fmt.Errorf("redis at %s cannot be reached: check that it runs and that the host and port of the bus URL are right: %w", b.where(), err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("redis at %s did not answer within %s: %w", b.where(), b.cfg.OpenTimeout, err)
	}
	return fmt.Errorf("use Redis at %s: %w", b.where(), err)
}

// checkServer refuses a server that loses messages by its settings or cannot run the scripts, and warns of one that may.
func (b *Bus) checkServer(info map[string]string) error {
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if v, err := strconv.Atoi(major); err != nil || v < minVersion {
		return fmt.Errorf("redis at %s is of version %q: Hubbub needs %d or later", b.where(), info["redis_version"], minVersion)
	}
	if info["cluster_enabled"] == "1" {
		return fmt.Errorf("redis at %s is part of a Redis Cluster: this release works with one server (and its replicas)", b.where())
	}
	policy := info["maxmemory_policy"]
	if limit := info["maxmemory"]; policy != "noeviction" && limit != "0" && limit != "" {
		return fmt.Errorf("redis at %s throws away keys when its memory is full (maxmemory-policy %s), so messages would be lost: set it to noeviction",
			b.where(), policy)
	} else if policy != "noeviction" {
		b.log.Warn("Redis would throw away messages if it had a memory limit: set maxmemory-policy to noeviction", zap.String("policy", policy))
	}
	if info["aof_enabled"] != "1" {
		b.log.Warn("MESSAGES ARE NOT DURABLE: Redis runs without its append-only file, so a restart of Redis loses what was said: set appendonly yes",
			zap.String("server", b.where()))
	}
	return nil
}

func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[k] = v
		}
	}
	return info
}

// ensureLog notes the partitions and the required groups on the server, or checks those that are there.
func (b *Bus) ensureLog(ctx context.Context) error {
	args := []any{layout, b.cfg.Partitions}
	for _, g := range b.cfg.Groups {
		args = append(args, g)
	}
	var have []string
	err := b.attempts(ctx, func(ctx context.Context) (err error) {
		have, err = ensureScript.Run(ctx, b.client, []string{b.keys.config(), b.keys.groups()}, args...).StringSlice()
		return err
	})
	if err != nil {
		return b.explain(err)
	}
	if have[0] != layout {
		return fmt.Errorf("the log on Redis at %s is of version %s, and this release of Hubbub knows version %s: use a release that knows it",
			b.where(), have[0], layout)
	}
	if have[1] != strconv.Itoa(b.cfg.Partitions) {
		return fmt.Errorf("the log on Redis at %s has %s partitions and the configuration says %d: they are fixed when the log is created; set --bus-partitions=%s",
			b.where(), have[1], b.cfg.Partitions, have[1])
	}
	return nil
}

// quiet keeps the client library from writing to standard error: what it has to say comes back as errors.
var quiet = sync.OnceFunc(func() { redis.SetLogger(nothing{}) })

type nothing struct{}

func (nothing) Printf(context.Context, string, ...any) {}
