// Package busurl opens a bus by its URL: the one place that knows which drivers there are. It owns
// the bus options of every program and their limits; it knows nothing of the bus's use.
package busurl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/redisbus"
	"hubbub.internal/libs/chat"
)

// Config is the bus options of a program; embed it in the program's configuration. A program whose
// default bus differs gives its URL as the kong variable bus.
type Config struct {
	Bus           string        `help:"URL of the bus: redis://host:6379, redis+sentinel://host1:26379,host2/mastername or redis+cluster://host1:6379,host2 (with rediss in the place of redis: over TLS), nats://host1:4222,host2 or tls:// (NATS over TLS)." default:"${bus=redis://127.0.0.1:6379}" placeholder:"URL"`
	BusMaxAge     time.Duration `help:"How long entries of rooms stay in the log on the bus (1m or more). History keeps them for ever." default:"24h"`
	BusMaxBytes   Bytes         `help:"Greatest size of the log on the bus (bytes, or with KiB, MiB, GiB; 16MiB or more). It never drops what history has not stored: a full log refuses messages." default:"1GiB"`
	BusPartitions int           `help:"Parts that consumers share the log by (1 to 256). Fixed when the log is created." default:"16"`
	BusReplicas   int           `help:"NATS: servers of the cluster that hold each entry (1, 3 or 5). Redis: the master, and replicas that must have it before it is acknowledged (1 to 5; with too few of them, appends fail)." default:"1"`
	BusKeep       time.Duration `help:"Redis: how long this process keeps acknowledged entries, to append them again if a failover turns out to have lost them (1s to 1m). 0: not at all." default:"30s"`
	BusKeepBytes  Bytes         `help:"Redis: memory for those entries (bytes, or with KiB, MiB; 1MiB to 4GiB); it is freed while nobody writes." default:"32MiB"`
	BusTimeout    time.Duration `help:"How long one attempt to open the bus may take (1s to 10m). A service tries again until the bus answers." default:"10s"`
	BusCA         string        `name:"bus-ca" help:"File of the certificates that the bus's certificate is checked against; empty: the system's." type:"path" placeholder:"FILE"`
	BusCert       string        `help:"File of this client's certificate for the bus." type:"path" placeholder:"FILE"`
	BusKey        string        `help:"File of that certificate's key." type:"path" placeholder:"FILE"`
	BusCreds      string        `help:"NATS: credentials file (.creds)." type:"path" placeholder:"FILE"`

	// Dedupe is how long the bus recognises a repeat; 0: bus.DedupeWindow. Only tests shorten it.
	Dedupe time.Duration `kong:"-"`
	// Embed starts a nats-server in this process on a folder, for embedded:<folder>, and returns
	// how to stop it (natsembed.InProcess). nil: the scheme is refused. Only the program that
	// contains a server sets it.
	Embed func(dir string, log *zap.Logger) (server nats.InProcessConnProvider, stop func(), err error) `kong:"-"`
}

const (
	schemeEmbedded = "embedded"
	minAge         = time.Minute
	minBytes       = 16 << 20
	minKeepBytes   = 1 << 20
	maxKeepBytes   = 4 << 30
	maxPartitions  = 256
)

// Validate returns what is wrong with the configuration, in a sentence for each.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	scheme, err := c.scheme()
	if err != nil {
		errs = append(errs, err)
	}
	if c.BusMaxAge < minAge {
		bad("--bus-max-age is %s; it has to be at least %s", c.BusMaxAge, minAge)
	}
	if c.BusMaxBytes < minBytes {
		bad("--bus-max-bytes is %s; it has to be at least %s", c.BusMaxBytes, Bytes(minBytes))
	}
	if c.BusPartitions < 1 || c.BusPartitions > maxPartitions {
		bad("--bus-partitions is %d; it has to be 1 to %d", c.BusPartitions, maxPartitions)
	}
	switch {
	case isRedis(scheme) && (c.BusReplicas < 1 || c.BusReplicas > 5):
		bad("--bus-replicas is %d; with Redis it has to be 1 to 5", c.BusReplicas)
	case !isRedis(scheme) && c.BusReplicas != 1 && c.BusReplicas != 3 && c.BusReplicas != 5:
		bad("--bus-replicas is %d; it has to be 1, 3 or 5", c.BusReplicas)
	}
	if c.BusKeep != 0 && (c.BusKeep < time.Second || c.BusKeep > bus.DedupeWindow/2) {
		bad("--bus-keep is %s; it has to be 0, or 1s to %s", c.BusKeep, bus.DedupeWindow/2)
	}
	if c.BusKeep != 0 && (c.BusKeepBytes < minKeepBytes || c.BusKeepBytes > maxKeepBytes) {
		bad("--bus-keep-bytes is %s; it has to be %s to %s", c.BusKeepBytes, Bytes(minKeepBytes), Bytes(maxKeepBytes))
	}
	if c.BusTimeout < time.Second || c.BusTimeout > 10*time.Minute {
		bad("--bus-timeout is %s; it has to be 1s to 10m", c.BusTimeout)
	}
	if (c.BusCert == "") != (c.BusKey == "") {
		bad("--bus-cert is %q and --bus-key is %q; both have to be given, or none", c.BusCert, c.BusKey)
	}
	return errors.Join(errs...)
}

// scheme returns the scheme of the URL, which is one that Open knows.
func (c *Config) scheme() (string, error) {
	scheme, rest, ok := strings.Cut(c.Bus, ":")
	if !ok {
		return "", fmt.Errorf("--bus is %.20q, without a scheme; it has to be like redis://127.0.0.1:6379 or nats://127.0.0.1:4222", c.Bus)
	}
	switch {
	case scheme == schemeEmbedded:
		// only Open knows whether this program has one: flags are validated before it sets Embed
		return scheme, nil
	case scheme == "nats", scheme == "tls", isRedis(scheme):
	default:
		return "", fmt.Errorf("--bus has the unknown scheme %.20q; it has to be one of %s nats tls, or embedded for `hubbub up`", scheme, strings.Join(redisbus.Schemes(), " "))
	}
	if !strings.HasPrefix(rest, "//") || len(rest) == len("//") {
		return "", fmt.Errorf("--bus names no host; it has to be like %s://127.0.0.1", scheme)
	}
	if isRedis(scheme) {
		if err := redisbus.CheckURL(c.Bus); err != nil {
			return "", fmt.Errorf("--bus: %w", err)
		}
		return scheme, nil
	}
	for host := range strings.SplitSeq(rest[len("//"):], ",") {
		host = strings.TrimPrefix(host, scheme+"://")
		if _, err := url.Parse("x://" + host); err != nil || host == "" {
			// the URL may hold the login
			return "", errors.New("--bus is no URL; mind that a password in it has to be percent-encoded")
		}
	}
	return scheme, nil
}

func isRedis(scheme string) bool { return slices.Contains(redisbus.Schemes(), scheme) }

// Open opens the bus that the configuration names. groups are the consumer groups whose unread
// entries the log keeps however old they get; every process names the same. It fails within
// BusTimeout, with a sentence that says what to do. The error is final (package await) where no
// change at the server helps: the URL, the configuration or this release does not fit what is
// there. A refused login is not final: the operator may yet add it at the server.
func Open(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer, groups []string) (*bus.Bus, error) {
	b, err := open(ctx, cfg, log, reg, groups)
	if err != nil && (errors.Is(err, redisbus.ErrURL) || errors.Is(err, redisbus.ErrMismatch) || errors.Is(err, natsbus.ErrMismatch)) {
		err = await.Final(err)
	}
	return b, err
}

func open(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer, groups []string) (*bus.Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, await.Final(err)
	}
	scheme, err := cfg.scheme()
	if err != nil {
		return nil, await.Final(err)
	}
	switch scheme {
	case schemeEmbedded: // the server starts in this process: there is none to wait for
		b, err := openEmbedded(ctx, cfg, log, reg, groups)
		return b, await.Final(err)
	case "nats", "tls":
		n := cfg.nats(groups)
		n.Servers = cfg.Bus
		return natsbus.Open(ctx, n, log, reg)
	}
	return openRedis(ctx, cfg, log, reg, groups)
}

func (c *Config) nats(groups []string) natsbus.Config {
	n := natsbus.Config{
		Partitions: c.BusPartitions, Replicas: c.BusReplicas, Personal: chat.IsUserRoom,
		MaxAge: c.BusMaxAge, MaxBytes: int64(c.BusMaxBytes),
		Groups: groups, OpenTimeout: c.BusTimeout, Dedupe: c.Dedupe,
	}
	n.Options = append(n.Options, c.NATSOptions()...)
	return n
}

// NATSOptions returns how a NATS client logs in, for programs that query the server itself.
func (c *Config) NATSOptions() (all []nats.Option) {
	if c.BusCA != "" {
		all = append(all, nats.RootCAs(c.BusCA))
	}
	if c.BusCert != "" {
		all = append(all, nats.ClientCert(c.BusCert, c.BusKey))
	}
	if c.BusCreds != "" {
		all = append(all, nats.UserCredentials(c.BusCreds))
	}
	return all
}

func openEmbedded(ctx context.Context, cfg Config, log *zap.Logger, reg prometheus.Registerer, groups []string) (*bus.Bus, error) {
	if cfg.Embed == nil {
		return nil, errors.New("--bus=embedded: only `hubbub up` carries a server of its own; give the URL of a Redis or NATS server")
	}
	dir := strings.TrimPrefix(strings.TrimPrefix(cfg.Bus, schemeEmbedded+":"), "//")
	if dir == "" {
		return nil, errors.New("--bus=embedded: names no folder: write it like embedded:data/bus")
	}
	server, stop, err := cfg.Embed(filepath.FromSlash(dir), log)
	if err != nil {
		return nil, err
	}
	n := cfg.nats(groups)
	n.InProcess, n.Closed, n.Replicas = server, stop, 1
	return natsbus.Open(ctx, n, log, reg)
}
