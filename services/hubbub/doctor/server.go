package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
)

// redis checks what the driver does not check on a single Redis server.
func (c *Config) redis(ctx context.Context, r *report) {
	if !strings.HasPrefix(c.Bus.Bus, "redis://") {
		return // several servers, or certificates: the driver says what is wrong
	}
	options, err := redis.ParseURL(c.Bus.Bus)
	if err != nil {
		return // the driver has understood it
	}
	options.Protocol = 2
	client := redis.NewClient(options)
	defer client.Close()
	before := time.Now()
	at, err := client.Time(ctx).Result()
	if err != nil {
		r.warn("clocks", "", "that of Redis is not known: %v", err)
		return
	}
	clock(r, "Redis", at, before, time.Now())
}

// nats checks the storage limits of NATS.
func (c *Config) nats(ctx context.Context, r *report) {
	const check = "bus"
	if !strings.HasPrefix(c.Bus.Bus, "nats:") && !strings.HasPrefix(c.Bus.Bus, "tls:") {
		return
	}
	conn, err := nats.Connect(c.Bus.Bus, append(c.Bus.NATSOptions(), nats.Timeout(c.Timeout))...)
	if err != nil {
		r.warn(check, "", "NATS says nothing of its limits: %v", err)
		return
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		r.warn(check, "", "NATS says nothing of its limits: %v", err)
		return
	}
	account, err := js.AccountInfo(ctx)
	if err != nil {
		r.warn(check, "", "NATS says nothing of its limits: %v", err)
		return
	}
	storage(r, conn.ConnectedServerVersion(), account.Limits.MaxStore, int64(c.Bus.BusMaxBytes)*int64(c.Bus.BusReplicas))
}

// storage compares limit, the bytes that NATS may store for us (below 1: any number), with want.
func storage(r *report, version string, limit, want int64) {
	const check = "bus"
	if limit > 0 && limit < want {
		r.fail(check, "raise max_file of the account, or lower --bus-max-bytes", "NATS %s may store %d MiB for us, and the log may take %d", version, limit>>20, want>>20)
		return
	}
	r.ok(check, "NATS %s has room for the log", version)
}
