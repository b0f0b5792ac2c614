package redisbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

const (
	dialTimeout = 2 * time.Second
	poolSize    = 32
	minVersion  = 7
	// layout is the version of the keys and records that this release writes.
	layout = "1"
)

// where names the servers of the URL for people, without a password.
func (b *servers) where() string { return strings.Join(b.endpoint.seeds, ",") }

// connect waits for the server, or for every master, and checks that it can serve as a bus.
func (b *servers) connect(ctx context.Context) error {
	if err := b.attempts(ctx, b.topology.Refresh); err != nil {
		return b.explain(err)
	}
	for _, addr := range b.topology.all() {
		var info map[string]string
		err := b.attempts(ctx, func(ctx context.Context) (err error) {
			info, err = b.info(ctx, addr)
			return err
		})
		if err != nil {
			return b.explain(err)
		}
		if err := b.checkServer(addr, info); err != nil {
			return err
		}
	}
	return nil
}

// moved is called when partitions have moved to other servers. A replica that became a master has
// settings of its own.
func (b *Driver) moved(ctx context.Context) {
	all := b.topology.all()
	b.appends.verify()
	b.clients.keep(all)
	for _, addr := range all {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		info, err := b.info(attempt, addr)
		cancel()
		if err == nil {
			err = b.checkServer(addr, info)
		}
		if err != nil && ctx.Err() == nil {
			b.log.Error("a Redis server that has become a master may be unsuitable", zap.String("server", addr), zap.Error(err))
		}
	}
}

// errLoading says that a server still loads its data. It answers INFO all the same, with the
// append-only file reported as off.
var errLoading = errors.New("the server is loading its data")

// info returns a server's answer to INFO.
func (b *servers) info(ctx context.Context, addr string) (map[string]string, error) {
	text, err := b.clients.at(addr).Info(ctx, "server", "persistence", "memory", "cluster", "replication").Result()
	if err != nil {
		return nil, err
	}
	info := parseInfo(text)
	if info["loading"] == "1" {
		return nil, errLoading
	}
	return info, nil
}

// attempts is retry for Open: it also goes on when the context of one try has ended, and returns
// the last error as it is, or the last one that says more than that the time was over.
func (b *servers) attempts(ctx context.Context, try func(context.Context) error) error {
	var last error
	for {
		attempt, done := context.WithTimeout(ctx, attemptTimeout)
		err := try(attempt)
		done()
		if err == nil || permanent(err) || b.hopeless(err) {
			return err
		}
		if last == nil || !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		if await.Sleep(ctx, driver.RetryPause) != nil {
			return last
		}
	}
}

// hopeless reports whether the first connection failed in a way that a few seconds do not change.
// That includes a refusal by the only server, which the caller can report at once; of several
// servers, another may take over.
func (b *servers) hopeless(err error) bool {
	var network *net.OpError
	return tlsTrouble(err) != "" || errors.Is(err, errNoMaster) || errors.Is(err, errNoSentinel) ||
		b.endpoint.kind == oneServer && errors.As(err, &network) && network.Op == "dial"
}

// explain says what to do about an error of the first connection.
func (b *servers) explain(err error) error {
	var network *net.OpError
	var resolve *net.DNSError
	because := func(kind error, format string, args ...any) error {
		return &problem{kind: kind, text: "redis at " + b.where() + " " + fmt.Sprintf(format, args...), cause: err}
	}
	var answer redis.Error
	says := tlsTrouble(err)
	if says == "" && !errors.As(err, &answer) && !(errors.As(err, &network) && network.Op == "dial") {
		// A server that accepts no more connections says so and hangs up. A client that writes at
		// that moment sees only a broken connection.
		if words := greeting(b.endpoint.seeds[0]); words != "" {
			err = errors.New(words)
		} else {
			says = diagnose(b.endpoint.seeds[0], b.endpoint.options.TLSConfig)
		}
	}
	keys := b.keys.prefix + "*"
	switch {
	case says != "":
		return because(ErrTLS, "%s", says)
	case errors.Is(err, errNoMaster):
		return because(ErrURL, "watches no master of the name in the bus URL: it is the name after `sentinel monitor` in the Sentinels' configuration")
	case errors.Is(err, errNoSentinel):
		return because(ErrUnsuitable, "is no Sentinel: write redis://host:6379 for a server itself")
	case redis.HasErrorPrefix(err, "This instance has cluster support disabled"):
		return because(ErrUnsuitable, "is no Redis Cluster: write redis:// in the bus URL")
	case redis.HasErrorPrefix(err, "MOVED"), redis.HasErrorPrefix(err, "CROSSSLOT"):
		return because(ErrUnsuitable, "is part of a Redis Cluster: write redis+cluster:// in the bus URL")
	case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"), redis.HasErrorPrefix(err, "AUTH"),
		redis.HasErrorPrefix(err, "invalid password"):
		return because(ErrLogin, "refused the login: check the user and password in the bus URL (those of Sentinels are options: ?sentinel_password=)")
	case strings.HasPrefix(err.Error(), "DENIED"):
		return because(ErrLogin, "is in protected mode and lets in nobody who comes from another machine: give it a password (requirepass or users, and then in the bus URL), or turn that off there (protected-mode no)")
	case strings.HasPrefix(err.Error(), "ERR max number of clients"):
		return because(bus.ErrUnavailable, "has as many clients as it may: raise maxclients there")
	case redis.HasErrorPrefix(err, "NOPERM"), strings.Contains(err.Error(), "ACL failure in script"):
		return because(ErrPermission, "does not let this user do what Hubbub needs: give it the commands +@all -@dangerous +info +role +cluster|shards and ~%s &%s (ACL SETUSER)", keys, keys)
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return because(ErrMismatch, "has keys under %s that Hubbub did not make: remove them, or use another database", keys)
	case redis.HasErrorPrefix(err, "READONLY"), errors.Is(err, errNotMaster):
		return because(ErrUnsuitable, "is a replica: give the URL of its master, or of the Sentinels (redis+sentinel://)")
	case redis.HasErrorPrefix(err, "DB index"):
		return because(ErrURL, "has no such database: it is the number after the / in the bus URL")
	case redis.HasErrorPrefix(err, "MISCONF"):
		return because(bus.ErrUnavailable, "cannot write to its disk: free some space there")
	case redis.HasErrorPrefix(err, "LOADING"), errors.Is(err, errLoading):
		return because(bus.ErrUnavailable, "still loads its data: try again later, or wait longer (--bus-timeout)")
	case redis.HasErrorPrefix(err, "CLUSTERDOWN"), errors.Is(err, errUncovered):
		return because(bus.ErrUnavailable, "is a cluster that is not whole: check it with redis-cli --cluster check")
	case errors.As(err, &resolve), errors.As(err, &network) && network.Op == "dial":
		return because(bus.ErrUnavailable, "cannot be reached: check that it runs and that the host and port of the bus URL are right")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return because(bus.ErrUnavailable, "did not answer within %s: check that the port is that of Redis, and how busy it is", b.cfg.OpenTimeout)
	}
	return because(bus.ErrUnavailable, "cannot be used: check that the port is that of Redis")
}

// checkServer refuses a server that loses messages by its settings or cannot run the scripts, and
// warns of one that may lose some.
func (b *servers) checkServer(addr string, info map[string]string) error {
	unsuitable := func(format string, args ...any) error {
		return &problem{kind: ErrUnsuitable, text: "redis at " + addr + " " + fmt.Sprintf(format, args...)}
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if v, err := strconv.Atoi(major); err != nil || v < minVersion {
		return unsuitable("is of version %q: Hubbub needs %d or later", info["redis_version"], minVersion)
	}
	if info["redis_mode"] == "sentinel" {
		return unsuitable("is a Sentinel: write redis+sentinel://%s/<name of the master> in the bus URL", addr)
	}
	if b.endpoint.kind == oneServer && info["cluster_enabled"] == "1" {
		return unsuitable("is part of a Redis Cluster: write redis+cluster:// in the bus URL")
	}
	policy := info["maxmemory_policy"]
	if limit := info["maxmemory"]; policy != "noeviction" && limit != "0" && limit != "" {
		return unsuitable("throws away keys when its memory is full (maxmemory-policy %s), so messages would be lost: set it to noeviction", policy)
	} else if policy != "noeviction" {
		b.log.Warn("with a memory limit, Redis would evict messages: set maxmemory-policy to noeviction",
			zap.String("server", addr), zap.String("policy", policy))
	}
	if info["aof_enabled"] != "1" {
		b.log.Warn("MESSAGES ARE NOT DURABLE: Redis runs without its append-only file, and loses them when it restarts: set appendonly yes",
			zap.String("server", addr))
	}
	if n, err := strconv.Atoi(info["connected_slaves"]); err == nil && n < b.cfg.Replicas-1 {
		b.log.Warn("refusing messages until Redis has more replicas: add some, or lower --bus-replicas, which counts the master, too",
			zap.String("server", addr), zap.Int("connected", n), zap.Int("needed", b.cfg.Replicas-1))
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

// ensureLog stores the number of partitions and the required groups on the server, or checks those
// that it has.
func (b *servers) ensureLog(ctx context.Context) error {
	args := []any{layout, b.cfg.Partitions}
	for _, g := range b.cfg.Groups {
		args = append(args, g)
	}
	var have []string
	err := b.attempts(ctx, func(ctx context.Context) (err error) {
		if have, err = ensureScript.Run(ctx, b.at(0), []string{b.keys.config(), b.keys.groups()}, args...).StringSlice(); err != nil {
			b.look(ctx)
		}
		return err
	})
	if err != nil {
		return b.explain(err)
	}
	mismatch := func(format string, args ...any) error {
		return &problem{kind: ErrMismatch, text: "the log on Redis at " + b.where() + " " + fmt.Sprintf(format, args...)}
	}
	if have[0] != layout {
		return mismatch("is of version %s, and this release of Hubbub knows version %s: use a release that knows it", have[0], layout)
	}
	if have[1] != strconv.Itoa(b.cfg.Partitions) {
		return mismatch("has %s partitions and the configuration says %d: they are fixed when the log is created; set --bus-partitions=%s",
			have[1], b.cfg.Partitions, have[1])
	}
	return nil
}

// quiet keeps the client library from writing to standard error: the driver returns its errors
// instead.
var quiet = sync.OnceFunc(func() { redis.SetLogger(nothing{}) })

type nothing struct{}

func (nothing) Printf(context.Context, string, ...any) {}
