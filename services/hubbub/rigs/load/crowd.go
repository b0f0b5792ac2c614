// Package load has people talk in a Hubbub from the outside, and accounts for every message: which
// were acknowledged, and whether everybody who was to see one saw it once, in order, live and in
// history.
//
// It speaks the public protocol only, through libs/client; it starts no server.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/services/hubbub/check"
)

// Plan says how big a crowd is and how it talks.
type Plan struct {
	URL     string   // of the HTTP side: http://host:port
	Edges   []string // the same for WebSockets, which are spread over them; empty: URL
	Users   int      // guests; their sockets are their devices
	Sockets int
	Rooms   int
	Size    int     // sockets in each room, or in the largest
	Zipf    bool    // the sizes of the rooms follow Zipf's law
	Rate    float64 // messages per second, of all sockets together
	Bytes   int     // of a message's text, at least
	Ramp    float64 // sockets that are opened per second
	Seed    uint64  // of what is left to chance: who is in which room

	Token    string        // of the one user whose all sockets are; empty: guests
	Patience time.Duration // how long nobody may come in before Enter gives up; 0: a minute
	Speakers int           // sockets that say something; 0: all that are in a room
	Think    time.Duration // between two messages of a socket, instead of Rate; 0: Rate
}

func (p *Plan) size(room int) int { return Size{p.Size, p.Zipf}.of(room, p.Sockets) }

// complete fills in what is left out.
func (p *Plan) complete() {
	if len(p.Edges) == 0 {
		p.Edges = []string{p.URL}
	}
	if p.Patience == 0 {
		p.Patience = time.Minute
	}
}

// Validate returns what is wrong with the plan, by the names of the flags that say it.
func (p *Plan) Validate() error {
	var f check.Flags
	check.Within(&f, "sockets", p.Sockets, 1, maxSockets)
	check.Within(&f, "users", p.Users, 1, max(1, p.Sockets))
	check.Within(&f, "rooms", p.Rooms, 1, maxRooms)
	check.Within(&f, "room-size", p.Size, 1, max(1, p.Sockets))
	check.Within(&f, "rate", p.Rate, 0, maxRate)
	check.Within(&f, "size", p.Bytes, 0, maxBytes)
	check.Within(&f, "speakers", p.Speakers, 0, maxSockets)
	check.Within(&f, "think", p.Think, 0, maxThink)
	check.Above(&f, "ramp", p.Ramp, 0, maxRate)
	return f.Err()
}

// Bounds of a plan. They are far beyond what there are machines for, and keep what is worked out
// from them finite.
const (
	maxSockets = 100_000_000
	maxRooms   = 10_000_000
	maxRate    = 100_000_000
	maxThink   = 24 * time.Hour
)

// maxBytes is the longest text that every Hubbub takes by default.
const maxBytes = 16 << 10

// Crowd is people in rooms. Its methods are called by one goroutine at a time, unless they say
// otherwise.
type Crowd struct {
	plan    Plan
	rooms   []*room
	users   []*client.Session
	sockets []*socket
	open    atomic.Int64 // sockets that came in
	meter   meter
}

// Gather is assemble and Enter. When it fails or ctx ends, what was gathered is let go; what the
// server has of it stays.
func Gather(ctx context.Context, plan Plan) (*Crowd, error) {
	c, err := assemble(ctx, plan, func(string) {})
	if err != nil {
		return nil, err
	}
	if err := c.Enter(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// assemble makes the rooms and users of a plan, and tells how far it is. No socket is connected.
func assemble(ctx context.Context, plan Plan, tell func(string)) (*Crowd, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	plan.complete()
	c := &Crowd{plan: plan}
	var err error
	if c.users, c.rooms, err = meet(ctx, plan, tell); err != nil {
		return nil, err
	}
	members := c.seats()
	c.sockets = make([]*socket, plan.Sockets)
	for i := range c.sockets {
		c.sockets[i] = newSocket(c, i, members[i])
	}
	return c, nil
}

// Enter connects all sockets, no faster than the ramp, and joins them to their rooms. When it
// fails, some may be.
func (c *Crowd) Enter(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	tick := time.NewTicker(max(time.Microsecond, time.Duration(float64(time.Second)/c.plan.Ramp)))
	defer tick.Stop()
	for _, s := range c.sockets {
		select {
		case <-tick.C:
		case <-gctx.Done():
			return errors.Join(g.Wait(), ctx.Err())
		}
		g.Go(func() error {
			began := time.Now()
			try, cancel := context.WithTimeout(gctx, c.plan.Patience)
			defer cancel()
			if err := s.enter(try); err != nil {
				return fmt.Errorf("socket %d: %w", s.number, err)
			}
			c.open.Add(1)
			c.meter.entered(time.Since(began))
			return nil
		})
	}
	return g.Wait()
}

// Open returns how many sockets were connected and in their rooms. It is safe for concurrent use.
func (c *Crowd) Open() int { return int(c.open.Load()) }

// seats says which rooms each socket is in.
func (c *Crowd) seats() [][]*room {
	rng := rand.New(rand.NewPCG(c.plan.Seed, 1))
	order := rng.Perm(c.plan.Sockets)
	members := make([][]*room, c.plan.Sockets)
	at := 0
	for i, r := range c.rooms {
		for range c.plan.size(i) {
			s := order[at%len(order)]
			members[s] = append(members[s], r)
			at++
		}
	}
	return members
}

// Close lets everybody go.
func (c *Crowd) Close() {
	var wait sync.WaitGroup
	for _, s := range c.sockets {
		wait.Go(s.leave)
	}
	wait.Wait()
}

// Talk has everybody who is in a room say something now and then, until ctx ends, and returns when
// everything said has been acknowledged or given up.
func (c *Crowd) Talk(ctx context.Context) {
	var talkers []*socket
	for _, s := range c.sockets {
		if len(s.seats) > 0 {
			talkers = append(talkers, s)
		}
	}
	if n := c.plan.Speakers; n > 0 && n < len(talkers) {
		talkers = talkers[:n]
	}
	if c.plan.Rate == 0 && c.plan.Think == 0 || len(talkers) == 0 {
		<-ctx.Done()
		return
	}
	pause := c.plan.Think
	if pause == 0 {
		pause = time.Duration(float64(len(talkers)) / c.plan.Rate * float64(time.Second))
	}
	var wait sync.WaitGroup
	for i, s := range talkers {
		// They begin one after the other, so that their messages are spread evenly.
		first := time.Now().Add(pause * time.Duration(i) / time.Duration(len(talkers)))
		wait.Go(func() { s.talk(ctx, first, pause) })
	}
	wait.Wait()
}

// Reconnect cuts all sockets off at once and waits until they have resumed.
func (c *Crowd) Reconnect(ctx context.Context) error {
	var g errgroup.Group
	for _, s := range c.sockets {
		g.Go(func() error { return s.reconnect(ctx) })
	}
	return g.Wait()
}

// ReconnectSome is Reconnect of some, by number.
func (c *Crowd) ReconnectSome(ctx context.Context, sockets ...int) error {
	var g errgroup.Group
	for _, i := range sockets {
		g.Go(func() error { return c.sockets[i].reconnect(ctx) })
	}
	return g.Wait()
}

// Sockets returns how many sockets the crowd has.
func (c *Crowd) Sockets() int { return len(c.sockets) }

// retry calls do until it succeeds, or fails in a way that does not pass, or ctx ends.
func retry[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		v, err := do()
		if err == nil || !mayPass(err) {
			return v, err
		}
		if ended := await.Sleep(ctx, pause); ended != nil {
			return v, errors.Join(err, ended)
		}
	}
}

// mayPass reports whether a call of a part that is away, or that limits how often it is called, is
// worth another try.
func mayPass(err error) bool {
	switch chat.CodeOf(err) {
	// the last also when there was no answer at all
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal:
		return true
	}
	return false
}
