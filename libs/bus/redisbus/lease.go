package redisbus

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

// leaseLooks is for how many of a member's looks a lease and a sign of life last: so long has a
// member to be silent before it is taken for dead.
const leaseLooks = 4

func (b *Bus) leaseTime() time.Duration { return leaseLooks * b.cfg.MemberEvery }

// leaseStep takes or renews the lease of a partition; see lease.lua.
func (m *member) leaseStep(p int) step {
	k := m.b.keys
	return step{p, leaseScript, []string{k.lease(p, m.group), k.read(p)}, []any{m.id, m.b.leaseTime().Milliseconds(), m.group}}
}

// mine returns nil if this member has the lease. errLost: another has it.
func (p *partition) mine(ctx context.Context) error {
	if time.Now().UnixNano() < p.lease.Load() {
		return nil
	}
	_, err := p.ask(ctx) // this process slept, or the server was away
	return err
}

// take renews the lease and goes back to what is acknowledged.
func (p *partition) take(ctx context.Context) error {
	done, err := p.ask(ctx)
	if err == nil {
		p.done, p.at = done, done
	}
	return err
}

func (p *partition) ask(ctx context.Context) (done string, err error) {
	asked := time.Now()
	s := p.m.leaseStep(p.number)
	answer, err := p.m.b.run(ctx, "lease a partition", p.number, s.script, s.keys, s.args...)
	if err != nil {
		return "", err
	}
	done, ok := answer.(string)
	if !ok {
		return "", errLost
	}
	p.leased(asked)
	return done, nil
}

// leased notes that the lease was granted in answer to a request made at asked.
func (p *partition) leased(asked time.Time) {
	p.lease.Store(asked.Add(p.m.b.leaseTime()).UnixNano())
}

// commit acknowledges everything through seq, and parks an entry if one is given. Even when ctx has
// ended it tries once: what the handler has taken should not come again.
func (p *partition) commit(ctx context.Context, seq string, park *bus.DeadLetter) error {
	b, k := p.m.b, p.m.b.keys
	asked := time.Now()
	args := []any{p.m.id, b.leaseTime().Milliseconds(), p.m.group, p.done, seq}
	if park != nil {
		args = append(args, deadLetters, park.Entry.Room, park.Entry.Seq, encodeRecord(bus.NewEntry{
			Sender: park.Entry.Sender, ID: park.Entry.ID, Data: park.Entry.Data,
		}), cut(park.Reason, maxReason))
	}
	keys := []string{k.lease(p.number, p.m.group), k.read(p.number), k.dead(p.number, p.m.group)}
	if err := p.write(ctx, "acknowledge entries", asked, commitScript, keys, args); err != nil {
		return err
	}
	p.done = seq
	return nil
}

// write runs a script that answers 1 and prolongs the lease if the partition is this member's. Even
// when ctx has ended it tries once.
func (p *partition) write(ctx context.Context, what string, asked time.Time, script *redis.Script, keys []string, args []any) error {
	b := p.m.b
	var granted bool
	try := func(ctx context.Context) error {
		n, err := script.Run(ctx, b.at(p.number), keys, args...).Int()
		granted = n == 1
		return err
	}
	err := b.retry(ctx, what, try)
	if err != nil && (ctx.Err() != nil || b.ctx.Err() != nil) {
		once, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
		defer cancel()
		err = try(once)
	}
	switch {
	case err != nil:
		return err
	case !granted:
		return errLost
	}
	p.leased(asked)
	return nil
}

// release lets the next member have the partition at once. If that fails, the lease expires.
func (p *partition) release() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	k := p.m.b.keys
	if err := releaseScript.Run(ctx, p.m.b.at(p.number), []string{k.lease(p.number, p.m.group)}, p.m.id).Err(); err != nil {
		p.log.Debug("could not release a partition", zap.String("partition", strconv.Itoa(p.number)), zap.Error(err))
	}
}
