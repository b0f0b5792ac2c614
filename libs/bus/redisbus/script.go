package redisbus

import (
	"context"
	"embed"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// Scripts that only free memory, or need little, also run on a server that is full (allow-oom).
var (
	appendScript      = load("append")
	replayScript      = load("replay")
	headsScript       = load("heads")
	hasScript         = load("has")
	removeScript      = load("remove")
	advanceScript     = load("advance")
	trimScript        = load("trim")
	fullScript        = load("full")
	ensureScript      = load("ensure")
	memberScript      = load("member")
	leaseScript       = load("lease")
	renewScript       = load("renew")
	commitScript      = load("commit")
	releaseScript     = load("release")
	redriveScript     = load("redrive")
	ackRedrivenScript = load("ack_redriven")
	serveScript       = load("serve")
	requestScript     = load("request")
)

func load(name string) *redis.Script {
	src, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // the file is embedded in the program
	}
	return redis.NewScript(string(src))
}

// attemptTimeout is how long one try of any command may take.
const attemptTimeout = 2 * time.Second

// run runs a script on a partition. All keys are the partition's.
func (b *servers) run(ctx context.Context, partition int, s *redis.Script, keys []string, args ...any) (any, error) {
	answer, err := s.Run(ctx, b.at(partition), keys, args...).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return answer, err
}

// step is one script of a batch. All its keys are in one partition.
type step struct {
	partition int
	script    *redis.Script
	keys      []string
	args      []any
}

// batch runs scripts in one round trip for each server, and returns their answers in order. The
// first error ends it.
func (b *servers) batch(ctx context.Context, steps []step) ([]any, error) {
	partitions := make([]int, len(steps))
	for i, s := range steps {
		partitions[i] = s.partition
	}
	for loaded := false; ; loaded = true {
		out := make([]any, len(steps))
		cmds := make([]*redis.Cmd, len(steps))
		err := b.pipelined(ctx, partitions, func(p redis.Pipeliner, i int) redis.Cmder {
			cmds[i] = steps[i].script.EvalSha(ctx, p, steps[i].keys, steps[i].args...)
			return cmds[i]
		})
		if !redis.HasErrorPrefix(err, "NOSCRIPT") || loaded {
			for i, c := range cmds {
				out[i] = c.Val()
			}
			return out, err
		}
		for _, s := range steps { // a server was restarted
			if err := s.script.Load(ctx, b.at(s.partition)).Err(); err != nil {
				return nil, err
			}
		}
	}
}

// pipelined sends a command about each of the partitions, in one round trip for each server, to all
// servers at the same time. add adds the command for partitions[i] to a pipeline; it is called by
// one goroutine at a time. The error is the first of all commands; a nil answer is no error.
func (b *servers) pipelined(ctx context.Context, partitions []int, add func(p redis.Pipeliner, i int) redis.Cmder) error {
	pipes := make(map[string]redis.Pipeliner)
	cmds := make([]redis.Cmder, len(partitions))
	for i, p := range partitions {
		addr, _ := b.topology.at(p)
		if pipes[addr] == nil {
			pipes[addr] = b.clients.at(addr).Pipeline()
		}
		cmds[i] = add(pipes[addr], i)
	}
	var wg sync.WaitGroup
	for _, p := range pipes {
		wg.Go(func() { _, _ = p.Exec(ctx) }) // each command has its own error
	}
	wg.Wait()
	for _, c := range cmds {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// everyPartition returns the numbers of all partitions.
func (b *servers) everyPartition() []int {
	all := make([]int, b.cfg.Partitions)
	for p := range all {
		all[p] = p
	}
	return all
}

// passing are the beginnings of answers that a server gives for a while: it loads its data, fails
// over, cannot write.
var passing = []string{
	"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "MISCONF", "NOREPLICAS", "NOSCRIPT", "MOVED", "ASK",
	"UNBLOCKED", "ERR max number of clients reached",
}

// permanent reports whether the server's answer stays the same when the call is made again.
func permanent(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, p := range passing {
		if strings.HasPrefix(answer.Error(), p) {
			return false
		}
	}
	return true
}

// isFull reports whether the server refused an entry for want of room: by our limit, by its own
// (maxmemory), or because it cannot write to its disk.
func isFull(err error) bool {
	return redis.HasErrorPrefix(err, "HUBFULL") || redis.HasErrorPrefix(err, "OOM") || redis.HasErrorPrefix(err, "MISCONF")
}

// undelivered reports whether a request cannot have reached the server, since there was no
// connection.
func undelivered(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, redis.ErrClosed) || errors.Is(err, errNotMaster)
}
