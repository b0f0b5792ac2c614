package redisbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

var (
	errNoMaster   = errors.New("no Sentinel knows a master of this name")
	errNotMaster  = errors.New("the server is not a master any more")
	errUncovered  = errors.New("the cluster has no master for some slots")
	errNoAnswer   = errors.New("none of the servers answered")
	errSentinel   = errors.New("the Sentinel's answer cannot be read")
	errNoSentinel = errors.New("the server is no Sentinel")
)

// sentinels asks Sentinels for the master that they watch under a name.
type sentinels struct {
	master     string
	partitions int
	all        []*redis.SentinelClient
}

func newSentinels(e endpoint, partitions int) *sentinels {
	s := &sentinels{master: e.master, partitions: partitions}
	for _, addr := range e.seeds {
		o := *e.sentinel
		o.Addr = addr
		s.all = append(s.all, redis.NewSentinelClient(&o))
	}
	return s
}

// find returns the master's address, the same for each partition. It asks all Sentinels and
// believes the one that knows of the latest failover: one that was cut off from the others answers
// too.
func (s *sentinels) find(ctx context.Context) ([]string, error) {
	type answer struct {
		addr  string
		epoch uint64
		err   error
	}
	answers := make([]answer, len(s.all))
	var wg sync.WaitGroup
	for i, c := range s.all {
		wg.Go(func() {
			a := &answers[i]
			m, err := c.Master(ctx, s.master).Result()
			if err != nil {
				a.err = err
				return
			}
			a.addr = net.JoinHostPort(m["ip"], m["port"])
			if a.epoch, err = strconv.ParseUint(m["config-epoch"], 10, 64); err != nil || m["ip"] == "" {
				a.err = errSentinel
			}
		})
	}
	wg.Wait()
	var best *answer
	var errs []error
	for i := range answers {
		a := &answers[i]
		switch {
		case redis.HasErrorPrefix(a.err, "No such master"):
			errs = append(errs, fmt.Errorf("%w: %q", errNoMaster, s.master))
		case redis.HasErrorPrefix(a.err, "unknown command"):
			errs = append(errs, errNoSentinel)
		case a.err != nil:
			errs = append(errs, a.err)
		case best == nil || a.epoch > best.epoch:
			best = a
		}
	}
	if best == nil {
		return nil, worst(errs)
	}
	return slices.Repeat([]string{best.addr}, s.partitions), nil
}

func (s *sentinels) close() {
	for _, c := range s.all {
		_ = c.Close()
	}
}

// worst returns the error that says most: a server's answer, if there is one.
func worst(errs []error) error {
	for _, err := range errs {
		var answer redis.Error
		if errors.Is(err, errNoMaster) || errors.Is(err, errNoSentinel) || errors.As(err, &answer) {
			return err
		}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return errNoAnswer
}

// cluster asks the nodes of a Redis Cluster which of them have the slots.
type cluster struct {
	seeds    []string
	clients  *clients
	topology *topology
	slots    []int // by partition
}

func newCluster(e endpoint, k keys, clients *clients) *cluster {
	c := &cluster{seeds: e.seeds, clients: clients}
	for p := range k.tags {
		c.slots = append(c.slots, slotOf(strconv.Itoa(p)))
	}
	return c
}

// find returns the address of the master of each partition's slot. It asks the nodes in random
// order: one may be cut off from the others and answer what was true before.
func (c *cluster) find(ctx context.Context) ([]string, error) {
	nodes := slices.Concat(c.topology.all(), c.seeds)
	slices.Sort(nodes)
	nodes = slices.DeleteFunc(slices.Compact(nodes), func(n string) bool { return n == "" })
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	var errs []error
	for _, n := range nodes {
		// a node that hangs must not use up the time for all
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout/2)
		shards, err := c.clients.at(n).ClusterShards(ctx).Result()
		cancel()
		if err == nil {
			var addrs []string
			if addrs, err = c.masters(n, shards); err == nil {
				return addrs, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, worst(errs)
}

// masters reads a node's description of the cluster.
func (c *cluster) masters(asked string, shards []redis.ClusterShard) ([]string, error) {
	addrs := make([]string, len(c.slots))
	for _, shard := range shards {
		i := slices.IndexFunc(shard.Nodes, func(n redis.Node) bool { return n.Role == "master" })
		if i < 0 {
			continue
		}
		addr, err := c.address(asked, shard.Nodes[i])
		if err != nil {
			return nil, err
		}
		for p, n := range c.slots {
			if slices.ContainsFunc(shard.Slots, func(r redis.SlotRange) bool { return r.Start <= int64(n) && int64(n) <= r.End }) {
				addrs[p] = addr
			}
		}
	}
	if slices.Contains(addrs, "") {
		return nil, errUncovered
	}
	return addrs, nil
}

func (c *cluster) address(asked string, n redis.Node) (string, error) {
	host, port := n.Endpoint, n.Port
	// the node does not know its own name: use the one that we called it by
	if host == "" || host == "?" {
		var err error
		if host, _, err = net.SplitHostPort(asked); err != nil {
			return "", fmt.Errorf("address of a node of the cluster: %w", err)
		}
	}
	if c.clients.options.TLSConfig != nil && n.TLSPort != 0 {
		port = n.TLSPort
	}
	return net.JoinHostPort(host, strconv.FormatInt(port, 10)), nil
}

// slotOf returns the slot of a Redis Cluster that a hash tag belongs to (CRC-16/XMODEM).
func slotOf(tag string) int {
	crc := uint16(0)
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}

// mustBeMaster refuses a connection to a server that a failover has demoted to a replica: its
// answers may be old.
func mustBeMaster(ctx context.Context, c *redis.Conn) error {
	cmd := redis.NewSliceCmd(ctx, "role")
	_ = c.Process(ctx, cmd)
	role, err := cmd.Result()
	if err != nil {
		return err
	}
	if len(role) == 0 || role[0] != "master" {
		return errNotMaster
	}
	return nil
}
