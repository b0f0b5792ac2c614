package bustest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// masterName is the Sentinels' name for the servers that they watch.
const masterName = "hubbub"

// RedisSentinels is a Redis primary with replicas, and three Sentinels that promote a replica when
// the primary is gone.
type RedisSentinels struct {
	t         testing.TB
	Servers   []*RedisServer // the first primary, and then the replicas
	Sentinels []*RedisServer
}

// Sentinels starts a primary with replicas, and three Sentinels. args are added to the command
// lines of the servers. It returns when every replica is in step and the Sentinels know each other.
func Sentinels(t testing.TB, replicas int, args ...string) *RedisSentinels {
	t.Helper()
	r := &RedisSentinels{t: t}
	args = append([]string{"--repl-diskless-sync-delay", "0"}, args...)
	r.Servers = append(r.Servers, Redis(t, args...))
	for range replicas {
		r.Servers = append(r.Servers, Redis(t, append([]string{"--replicaof", "127.0.0.1 " + r.Servers[0].port}, args...)...))
	}
	for range 3 {
		r.Sentinels = append(r.Sentinels, r.sentinel())
	}
	r.ready()
	return r
}

func (r *RedisSentinels) sentinel() *RedisServer {
	return launch(r.t, func(s *RedisServer) []string {
		s.conf = filepath.Join(s.dir, "sentinel.conf")
		lines := []string{
			"bind 127.0.0.1", "port " + s.port, "dir " + s.dir,
			fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 2", masterName, r.Servers[0].port),
			fmt.Sprintf("sentinel down-after-milliseconds %s 1000", masterName),
			fmt.Sprintf("sentinel failover-timeout %s 4000", masterName),
		}
		if err := os.WriteFile(s.conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			r.t.Fatal(err)
		}
		return nil
	})
}

// URL returns the Sentinels' addresses as the URL of a bus.
func (r *RedisSentinels) URL() string {
	var hosts []string
	for _, s := range r.Sentinels {
		hosts = append(hosts, s.Addr())
	}
	return "redis+sentinel://" + strings.Join(hosts, ",") + "/" + masterName
}

// Master returns the server that the Sentinels regard as the primary.
func (r *RedisSentinels) Master() *RedisServer {
	r.t.Helper()
	for _, s := range r.Sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
		addr, err := c.GetMasterAddrByName(r.t.Context(), masterName).Result()
		_ = c.Close()
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(r.Servers, func(s *RedisServer) bool { return s.port == addr[1] }); i >= 0 {
			return r.Servers[i]
		}
	}
	r.t.Fatal("no Sentinel knows a primary")
	return nil
}

// Failover makes a Sentinel promote a replica although the primary is well, and returns when all
// Sentinels know.
func (r *RedisSentinels) Failover() {
	r.t.Helper()
	old := r.Master()
	await(r.t, "a Sentinel begins a failover", func() bool {
		c := redis.NewSentinelClient(&redis.Options{Addr: r.Sentinels[0].Addr(), Protocol: 2})
		defer c.Close()
		return c.Failover(r.t.Context(), masterName).Err() == nil
	})
	r.Promoted(old)
}

// Promoted waits until all Sentinels have a primary other than old.
func (r *RedisSentinels) Promoted(old *RedisServer) {
	r.t.Helper()
	for _, s := range r.Sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
		await(r.t, "a replica is promoted", func() bool {
			addr, err := c.GetMasterAddrByName(r.t.Context(), masterName).Result()
			return err == nil && addr[1] != old.port
		})
		_ = c.Close()
	}
}

// Hold keeps the Sentinels from promoting by themselves. Otherwise they do when the primary of a
// busy machine is silent for a second.
func (r *RedisSentinels) Hold() {
	r.t.Helper()
	for _, s := range r.Sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
		if err := c.Set(r.t.Context(), masterName, "down-after-milliseconds", "3600000").Err(); err != nil {
			r.t.Fatalf("hold the Sentinels: %v", err)
		}
		_ = c.Close()
	}
}

// Kill kills everything, Sentinels first, so that nothing is promoted; Start starts it again on the
// same data.
func (r *RedisSentinels) Kill() {
	for _, s := range slices.Concat(r.Sentinels, r.Servers) {
		s.Kill()
	}
}

// Start undoes Kill. It returns when everything is in step again.
func (r *RedisSentinels) Start() {
	r.t.Helper()
	for _, s := range slices.Concat(r.Servers, r.Sentinels) {
		s.Start()
	}
	r.ready()
}

// Pause freezes everything, Sentinels first; Resume lets it go on, Sentinels last.
func (r *RedisSentinels) Pause() {
	for _, s := range slices.Concat(r.Sentinels, r.Servers) {
		s.Pause()
	}
}

// Resume undoes Pause.
func (r *RedisSentinels) Resume() {
	for _, s := range slices.Concat(r.Servers, r.Sentinels) {
		s.Resume()
	}
}

// Folders returns where the servers keep their data.
func (r *RedisSentinels) Folders() (dirs []string) {
	for _, s := range r.Servers {
		dirs = append(dirs, s.dir)
	}
	return dirs
}

func (r *RedisSentinels) ready() {
	r.t.Helper()
	replicas := fmt.Sprint(len(r.Servers) - 1)
	others := fmt.Sprint(len(r.Sentinels) - 1)
	for _, s := range r.Sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
		await(r.t, "the Sentinel knows the servers and the others", func() bool {
			m, err := c.Master(r.t.Context(), masterName).Result()
			return err == nil && m["flags"] == "master" && m["num-slaves"] == replicas && m["num-other-sentinels"] == others
		})
		_ = c.Close()
	}
	r.Master().replicated(len(r.Servers) - 1)
}

// await is eventually, with more patience: an election takes its time on a busy machine.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for this: %s", 2*patience, what)
		}
	}
}

// replicated waits until the server has so many replicas that are in step.
func (s *RedisServer) replicated(n int) {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
	defer c.Close()
	await(s.t, "the replicas are in step", func() bool {
		info, err := c.Info(s.t.Context(), "replication").Result()
		return err == nil && strings.Count(info, "state=online") == n
	})
}
