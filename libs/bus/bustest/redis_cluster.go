package bustest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	clusterMasters = 3
	slots          = 16384
)

// RedisCluster is a Redis Cluster of three masters with a replica each.
type RedisCluster struct {
	t     testing.TB
	Nodes []*RedisServer // the first masters, and then the replica of each, in the same order
}

// Cluster starts a Redis Cluster, and returns when every node sees it whole. args are added to the
// command lines.
func Cluster(t testing.TB, args ...string) *RedisCluster {
	t.Helper()
	r := &RedisCluster{t: t}
	for range 2 * clusterMasters {
		r.Nodes = append(r.Nodes, launch(t, func(*RedisServer) []string {
			port, err := freePort() // the nodes talk to each other over a second port
			if err != nil {
				t.Fatal(err)
			}
			return append([]string{
				"--cluster-enabled", "yes", "--cluster-port", port, "--cluster-node-timeout", "2000",
				"--repl-diskless-sync-delay", "0",
			}, args...)
		}))
	}
	r.form()
	r.ready()
	return r
}

func (r *RedisCluster) form() {
	r.t.Helper()
	ctx := r.t.Context()
	check := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatalf("form a Redis Cluster: %v", err)
		}
	}
	first := r.Nodes[0]
	var ids []string
	for i, n := range r.Nodes {
		c := n.client()
		check(c.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		if i < clusterMasters {
			check(c.ClusterAddSlotsRange(ctx, i*slots/clusterMasters, (i+1)*slots/clusterMasters-1).Err())
		}
		check(c.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", first.port, n.clusterPort(first)).Err())
		id, err := c.ClusterMyID(ctx).Result()
		check(err)
		ids = append(ids, id)
		_ = c.Close()
	}
	for i, n := range r.Nodes {
		c := n.client()
		await(r.t, "the nodes have met", func() bool {
			list, err := c.ClusterNodes(ctx).Result()
			return err == nil && strings.Count(list, " connected") == len(r.Nodes) && !strings.Contains(list, "handshake")
		})
		if i >= clusterMasters {
			check(c.ClusterReplicate(ctx, ids[i-clusterMasters]).Err())
		}
		_ = c.Close()
	}
}

// clusterPort returns the port of another node over which the nodes talk.
func (*RedisServer) clusterPort(other *RedisServer) string {
	return other.args[slices.Index(other.args, "--cluster-port")+1]
}

func (s *RedisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
}

// ready waits until every running node sees the cluster whole, with two nodes for each shard.
func (r *RedisCluster) ready() {
	r.t.Helper()
	for _, n := range r.Nodes {
		c := n.client()
		await(r.t, "the cluster is whole", func() bool {
			info, err := c.ClusterInfo(r.t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", len(r.Nodes)))
		})
		await(r.t, "the replicas are in step", func() bool {
			info, err := c.Info(r.t.Context(), "replication").Result()
			return err == nil && (strings.Contains(info, "master_link_status:up") || strings.Contains(info, "state=online"))
		})
		_ = c.Close()
	}
}

// URL returns the nodes' addresses as the URL of a bus.
func (r *RedisCluster) URL() string {
	var hosts []string
	for _, n := range r.Nodes[:clusterMasters] {
		hosts = append(hosts, n.Addr())
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}

// Kill kills all nodes; Start starts them again on the same data.
func (r *RedisCluster) Kill() {
	for _, n := range r.Nodes {
		n.Kill()
	}
}

// Start undoes Kill. It returns when the cluster is whole again.
func (r *RedisCluster) Start() {
	r.t.Helper()
	for _, n := range r.Nodes {
		n.Start()
	}
	r.ready()
}

// Pause freezes all nodes; Resume lets them go on.
func (r *RedisCluster) Pause() {
	for _, n := range r.Nodes {
		n.Pause()
	}
}

// Resume undoes Pause.
func (r *RedisCluster) Resume() {
	for _, n := range r.Nodes {
		n.Resume()
	}
}

// Folders returns where the nodes keep their data.
func (r *RedisCluster) Folders() (dirs []string) {
	for _, n := range r.Nodes {
		dirs = append(dirs, n.dir)
	}
	return dirs
}

// Master returns the node that has the slot of a key.
func (r *RedisCluster) Master(key string) *RedisServer {
	r.t.Helper()
	var master *RedisServer
	await(r.t, "a node has the key's slot", func() bool {
		for _, n := range r.Nodes {
			if n.has(r.t.Context(), key) {
				master = n
				return true
			}
		}
		return false
	})
	return master
}

// has reports whether the node is the master of a key's slot.
func (s *RedisServer) has(ctx context.Context, key string) bool {
	c := s.client()
	defer c.Close()
	return c.Exists(ctx, key).Err() == nil
}

// Promoted waits until a node other than old has the slot of a key.
func (r *RedisCluster) Promoted(key string, old *RedisServer) {
	r.t.Helper()
	await(r.t, "a replica is promoted", func() bool {
		return slices.ContainsFunc(r.Nodes, func(n *RedisServer) bool { return n != old && n.has(r.t.Context(), key) })
	})
}

// Migrate moves the slot of a key to another master, key by key, while the cluster is in use.
func (r *RedisCluster) Migrate(key string, to *RedisServer) {
	r.t.Helper()
	ctx := r.t.Context()
	check := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatalf("move a slot: %v", err)
		}
	}
	from := r.Master(key)
	source, target := from.client(), to.client()
	defer source.Close()
	defer target.Close()
	slot, err := source.ClusterKeySlot(ctx, key).Result()
	check(err)
	sourceID, err := source.ClusterMyID(ctx).Result()
	check(err)
	targetID, err := target.ClusterMyID(ctx).Result()
	check(err)
	check(target.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", sourceID).Err())
	check(source.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", targetID).Err())
	for {
		keys, err := source.ClusterGetKeysInSlot(ctx, int(slot), 10).Result()
		check(err)
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "REPLACE", "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		check(source.Do(ctx, args...).Err())
	}
	check(target.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", targetID).Err())
	check(source.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", targetID).Err())
}
