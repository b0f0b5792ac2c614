package redisbus

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
)

//go:embed lua/*.lua
var sources embed.FS

// Scripts that only free or need little memory run on a server that is full, too (allow-oom).
var (
	appendScript  = load("append")
	replayScript  = load("replay")
	headsScript   = load("heads")
	removeScript  = load("remove")
	advanceScript = load("advance")
	trimScript    = load("trim")
	fullScript    = load("full")
	ensureScript  = load("ensure")
	memberScript  = load("member")
	leaveScript   = load("leave")
	leaseScript   = load("lease")
	renewScript   = load("renew")
	commitScript  = load("commit")
	releaseScript = load("release")
	serveScript   = load("serve")
	requestScript = load("request")
)

func load(name string) *redis.Script {
	src, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return redis.NewScript(string(src))
}

const (
	// attemptTimeout is how long one try of anything may take.
	attemptTimeout = 2 * time.Second
	retryPause     = 50 * time.Millisecond
	retryMax       = time.Second
)

// retry calls try until it succeeds, fails for good, or ctx or the bus ends. Each try has attemptTimeout.
func (b *Bus) retry(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(b.ctx, cancel)
	defer stop()
	for pause := retryPause; ; pause = min(2*pause, retryMax) {
		attempt, done := context.WithTimeout(ctx, attemptTimeout)
		err := try(attempt)
		done()
		if err == nil {
			return nil
		}
		if permanent(err) || sleep(ctx, pause) != nil {
			return b.fail(what, err)
		}
	}
}

// run runs a script until that succeeds; see retry.
func (b *Bus) run(ctx context.Context, what string, s *redis.Script, keys []string, args ...any) (any, error) {
	var answer any
	err := b.retry(ctx, what, func(ctx context.Context) (err error) {
		answer, err = s.Run(ctx, b.client, keys, args...).Result()
		if errors.Is(err, redis.Nil) {
			answer, err = nil, nil
		}
		return err
	})
	return answer, err
}

// step is one script of a batch.
type step struct {
	script *redis.Script
	keys   []string
	args   []any
}

// batch runs scripts in one round trip and returns their answers in order. The first error ends it.
func (b *Bus) batch(ctx context.Context, steps []step) ([]any, error) {
	for loaded := false; ; loaded = true {
		p := b.client.Pipeline()
		cmds := make([]*redis.Cmd, len(steps))
		for i, s := range steps {
			cmds[i] = s.script.EvalSha(ctx, p, s.keys, s.args...)
		}
		_, _ = p.Exec(ctx) // each command has its own error
		out := make([]any, len(cmds))
		var err error
		for i, c := range cmds {
			if err = c.Err(); err != nil && !errors.Is(err, redis.Nil) {
				break
			}
			out[i], err = c.Val(), nil
		}
		if !redis.HasErrorPrefix(err, "NOSCRIPT") || loaded {
			return out, err
		}
		for _, s := range steps { // the server was restarted
			if err := s.script.Load(ctx, b.client).Err(); err != nil {
				return nil, err
			}
		}
	}
}

// fail makes an error of the server, the connection or a context what the contract promises.
func (b *Bus) fail(what string, err error) error {
	switch {
	case b.ctx.Err() != nil:
		return bus.ErrClosed
	case isFull(err):
		return fmt.Errorf("%w: %s: %w", bus.ErrFull, what, err)
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed):
		return err
	}
	return fmt.Errorf("%w: %s: %w", bus.ErrUnavailable, what, err)
}

// passing are what answers begin with that a server gives for a while: it loads its data, fails over, cannot write.
var passing = []string{
	"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "MISCONF", "NOREPLICAS", "NOSCRIPT", "MOVED", "ASK",
	"UNBLOCKED", "ERR max number of clients reached",
}

// permanent reports whether the server said something that trying again does not change.
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

// isFull reports whether the server refused an entry for want of room: by our limit, or by its own (maxmemory).
func isFull(err error) bool {
	return redis.HasErrorPrefix(err, "HUBFULL") || redis.HasErrorPrefix(err, "OOM")
}

// sleep waits for d, or less if ctx ends, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// undelivered reports whether a request cannot have reached the server: there was no connection to send it on.
func undelivered(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout)
}
