package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
)

// Judge waits, no longer than patience, until history and every socket have all acknowledged
// messages. It then compares what was acknowledged, what history has and what each socket saw since
// the last Judge. Call it while nobody talks. An error says that history could not be read, or that
// a process has died.
func (c *Crowd) Judge(ctx context.Context, patience time.Duration) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = c.there(ctx) // sockets that are not there are found below to have missed something
	acks, err := each(c.parts, func(_ int, r *remote) ([]map[string]uint64, error) { return call[[]map[string]uint64](r, "Acked", 0) })
	if err != nil {
		return v, err
	}
	through := make(map[int]uint64)
	for _, part := range acks {
		for i, acked := range part {
			for id, seq := range acked {
				c.rooms[i].acks[id] = seq
				through[i] = max(through[i], seq)
			}
		}
	}
	if err := c.caught(ctx, through); err != nil {
		return v, err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	for i, r := range c.rooms {
		g.Go(func() error {
			one, err := c.judge(gctx, i, r, through[i])
			mu.Lock()
			defer mu.Unlock()
			v.Add(one)
			return err
		})
	}
	err = g.Wait()
	return v, err
}

// judge judges one room, of which history should have all messages through a seq.
func (c *Crowd) judge(ctx context.Context, i int, r *room, through uint64) (v Verdict, err error) {
	messages, err := r.read(ctx, c.users[0], through)
	if err != nil {
		return v, fmt.Errorf("history of room %s: %w", r.id, err)
	}
	r.judgeRecord(messages, &v)
	seen, err := each(c.parts, func(_ int, p *remote) (Verdict, error) {
		return call[Verdict](p, "Judge", Record{Room: i, After: r.checked, Messages: marksOf(messages)})
	})
	if n := len(messages); n > 0 {
		r.checked = messages[n-1].Seq
	}
	for _, s := range seen {
		v.Add(s)
	}
	return v, err
}

// caught waits until all sockets have seen their rooms through these seqs, or ctx ends.
func (c *Crowd) caught(ctx context.Context, through map[int]uint64) error {
	for {
		all, err := each(c.parts, func(_ int, r *remote) (bool, error) { return call[bool](r, "Caught", through) })
		if err != nil || !slices.Contains(all, false) || await.Sleep(ctx, c.moment()) != nil {
			return err
		}
	}
}
