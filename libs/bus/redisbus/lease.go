package redisbus

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/chat"
)

// leaseLooks is how many of a member's looks a lease and a heartbeat last: a member counts as dead
// when it has been silent for so long.
const leaseLooks = 4

func (b *Driver) leaseTime() time.Duration { return leaseLooks * b.cfg.MemberEvery }

// leaseStep takes or renews the lease of a partition; see lease.lua.
func (m *member) leaseStep(p int) step {
	k := m.b.keys
	return step{p, leaseScript, []string{k.lease(p, m.group), k.read(p)}, []any{m.id, m.b.leaseTime().Milliseconds(), m.group}}
}

// renew takes or extends the lease, and returns the Seq that the group has acknowledged.
func (p *partition) renew(ctx context.Context) (done string, err error) {
	asked := time.Now()
	s := p.m.leaseStep(p.number)
	var answer any
	err = p.m.b.retry.Do(ctx, "lease a partition", func(ctx context.Context) (err error) {
		answer, err = p.m.b.run(ctx, p.number, s.script, s.keys, s.args...)
		return err
	})
	if err != nil {
		return "", err
	}
	done, ok := answer.(string)
	if !ok {
		return "", driver.ErrLost
	}
	p.leased(asked)
	return done, nil
}

// leased notes that the lease was granted in answer to a request made at asked.
func (p *partition) leased(asked time.Time) {
	p.lease.Store(asked.Add(p.m.b.leaseTime()).UnixNano())
}

// Commit implements driver.Partition.
func (p *partition) Commit(ctx context.Context) error { return p.commit(ctx, p.at) }

// Handled implements driver.Partition.
func (p *partition) Handled(ctx context.Context, e bus.Entry, failed error) error {
	seq := strconv.FormatUint(e.Seq, 10)
	if failed == nil {
		return p.commit(ctx, seq)
	}
	record := encodeRecord(bus.NewEntry{Sender: e.Sender, ID: e.ID, Data: e.Data})
	return p.commit(ctx, seq, deadLetters, e.Room, e.Seq, record, chat.FirstBytes(failed.Error(), maxReason))
}

// commit acknowledges everything through seq, and parks an entry if one is given.
func (p *partition) commit(ctx context.Context, seq string, park ...any) error {
	k := p.m.b.keys
	args := append([]any{p.m.id, p.m.b.leaseTime().Milliseconds(), p.m.group, p.done, seq}, park...)
	keys := []string{k.lease(p.number, p.m.group), k.read(p.number), k.dead(p.number, p.m.group)}
	err := p.write(ctx, "acknowledge entries", commitScript, keys, args)
	if err == nil {
		p.done = seq
	}
	return err
}

// Redriven implements driver.Partition.
func (p *partition) Redriven(ctx context.Context, l *driver.Letter, failed error) error {
	k := p.m.b.keys
	args := []any{p.m.id, p.m.b.leaseTime().Milliseconds(), l.ID}
	if failed != nil {
		args = append(args, deadLetters, chat.FirstBytes(failed.Error(), maxReason))
	}
	keys := []string{k.lease(p.number, p.m.group), k.again(p.number, p.m.group), k.dead(p.number, p.m.group)}
	return p.write(ctx, "acknowledge a redriven entry", ackRedrivenScript, keys, args)
}

// write runs a script that answers 1 and extends the lease if this member has the partition. Even
// when ctx has ended it tries once.
func (p *partition) write(ctx context.Context, what string, script *redis.Script, keys []string, args []any) error {
	b, asked, granted := p.m.b, time.Now(), false
	try := func(ctx context.Context) error {
		n, err := script.Run(ctx, b.at(p.number), keys, args...).Int()
		granted = n == 1
		return err
	}
	err := b.retry.Do(ctx, what, try)
	if err != nil && (ctx.Err() != nil || b.host.Life.Err() != nil) {
		once, cancel := attempt(context.WithoutCancel(ctx))
		defer cancel()
		err = try(once)
	}
	switch {
	case err != nil:
		return err
	case !granted:
		return driver.ErrLost
	}
	p.leased(asked)
	return nil
}

// Release implements driver.Partition. If that fails, the lease expires.
func (p *partition) Release() {
	ctx, cancel := attempt(context.Background())
	defer cancel()
	b := p.m.b
	if _, err := b.run(ctx, p.number, releaseScript, []string{b.keys.lease(p.number, p.m.group)}, p.m.id); err != nil {
		b.log.Debug("could not release a partition", zap.Int("partition", p.number), zap.Error(err))
	}
}
