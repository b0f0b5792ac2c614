package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The name by which the Sentinels know the servers, and the number of Sentinels.
const (
	masterName = "hubbub"
	sentinels  = 3
)

// redisSettings returns the settings of docker-compose.yml.
func redisSettings(p *Process) []string {
	host, port, _ := net.SplitHostPort(p.Addr)
	return []string{
		"port " + port, "bind " + host, "dir " + p.Data, `save ""`,
		"appendonly yes", "appendfsync always", "maxmemory-policy noeviction",
	}
}

// newRedis returns one redis-server.
func newRedis(dir string) (*Bus, error) {
	p, err := node(Redis, dir)
	if err != nil {
		return nil, err
	}
	if err := configure(p, redisSettings(p)); err != nil {
		return nil, err
	}
	return &Bus{URL: "redis://" + p.Addr, Nodes: []*Process{p}, addrs: []string{p.Addr}}, nil
}

// newSentinels returns a primary with two replicas, and three Sentinels, with the settings of
// docs/bus.md.
func newSentinels(dir string) (*Bus, error) {
	b := &Bus{args: []string{"--bus-replicas", "2"}}
	for i := range 3 {
		p, err := node(fmt.Sprintf("%s-%d", Redis, i+1), dir)
		if err != nil {
			return nil, err
		}
		// repl-diskless-sync-delay: the primary does not wait for further replicas before it syncs
		// one.
		conf := append(redisSettings(p), "min-replicas-to-write 1", "repl-diskless-sync-delay 0")
		if i > 0 {
			conf = append(conf, "replicaof "+strings.Replace(b.Nodes[0].Addr, ":", " ", 1))
		}
		if err := configure(p, conf); err != nil {
			return nil, err
		}
		b.Nodes = append(b.Nodes, p)
	}
	var hosts []string
	for i := range sentinels {
		p, err := node(fmt.Sprintf("sentinel-%d", i+1), dir)
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(p.Addr)
		if err := configure(p, []string{
			"port " + port, "bind 127.0.0.1", "dir " + p.Data,
			fmt.Sprintf("sentinel monitor %s %s 2", masterName, strings.Replace(b.Nodes[0].Addr, ":", " ", 1)),
			fmt.Sprintf("sentinel down-after-milliseconds %s 1500", masterName),
			fmt.Sprintf("sentinel failover-timeout %s 10000", masterName),
		}); err != nil {
			return nil, err
		}
		p.args = append(p.args, "--sentinel")
		b.Watch = append(b.Watch, p)
		hosts = append(hosts, p.Addr)
	}
	b.URL = "redis+sentinel://" + strings.Join(hosts, ",") + "/" + masterName
	b.leader = b.primary
	b.whole = b.inStep
	return b, nil
}

// configure writes the configuration file of a redis-server. The server rewrites it when its role
// changes.
func configure(p *Process, lines []string) error {
	file := filepath.Join(p.dir, p.Name+".conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("configuration of %s: %w", p.Name, err)
	}
	p.path, p.args = "redis-server", []string{file}
	return nil
}

func options(addr string) *redis.Options {
	return &redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1}
}

// primary returns the address that most Sentinels name as the primary's.
func (b *Bus) primary(ctx context.Context) (string, error) {
	votes := make(map[string]int)
	var errs []error
	for _, p := range b.Watch {
		c := redis.NewSentinelClient(options(p.Addr))
		addr, err := c.GetMasterAddrByName(ctx, masterName).Result()
		_ = c.Close()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a := net.JoinHostPort(addr[0], addr[1])
		if votes[a]++; votes[a] > sentinels/2 {
			return a, nil
		}
	}
	return "", errors.Join(append(errs, errors.New("the Sentinels do not agree on a primary"))...)
}

// inStep returns nil when every Sentinel knows the others and all servers and would fail over, and
// every replica is in sync with the primary. A Sentinel that was frozen does nothing for 30 s
// (https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#tilt-mode).
func (b *Bus) inStep(ctx context.Context) error {
	for _, p := range b.Watch {
		c := redis.NewSentinelClient(options(p.Addr))
		m, err := c.Master(ctx, masterName).Result()
		_ = c.Close()
		if err != nil {
			return err
		}
		if err := acts(ctx, p); err != nil {
			return err
		}
		if m["flags"] != "master" || m["num-slaves"] != fmt.Sprint(len(b.Nodes)-1) || m["num-other-sentinels"] != fmt.Sprint(sentinels-1) {
			return fmt.Errorf("%s sees a %s with %s replicas, and %s other Sentinels", p.Name, m["flags"], m["num-slaves"], m["num-other-sentinels"])
		}
	}
	primary, err := b.primary(ctx)
	if err != nil {
		return err
	}
	c := redis.NewClient(options(primary))
	defer c.Close()
	info, err := c.Info(ctx, "replication").Result()
	if err != nil {
		return err
	}
	if n := strings.Count(info, "state=online"); n != len(b.Nodes)-1 {
		return fmt.Errorf("the primary has %d of %d replicas", n, len(b.Nodes)-1)
	}
	return nil
}

// acts returns an error while a Sentinel is in TILT mode.
func acts(ctx context.Context, sentinel *Process) error {
	c := redis.NewClient(options(sentinel.Addr))
	defer c.Close()
	info, err := c.Info(ctx, "sentinel").Result()
	if err == nil && !strings.Contains(info, "sentinel_tilt:0") {
		err = fmt.Errorf("%s is in TILT mode", sentinel.Name)
	}
	return err
}
