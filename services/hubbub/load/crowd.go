// Package load has people talk in a Hubbub from the outside, and accounts for every message: which were acknowledged,
// and whether everybody who was to see one saw it once, in order, live and in history.
//
// It speaks the public protocol only, through libs/client; it starts no server.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// Plan says how big a crowd is and how it talks.
type Plan struct {
	URL     string   // of the HTTP side: http://host:port
	Edges   []string // the same for WebSockets, which are spread over them; empty: URL
	Users   int      // guests; their sockets are their devices
	Sockets int
	Rooms   int
	Size    int     // sockets in each room
	Rate    float64 // messages per second, of all sockets together
	Bytes   int     // of a message's text, at least
	Ramp    float64 // sockets that are opened per second
	Seed    uint64  // of what is left to chance: who is in which room
}

// Validate returns what is wrong with the plan.
func (p *Plan) Validate() error {
	switch {
	case p.Users < 1 || p.Sockets < p.Users:
		return errors.New("there must be a user, and a socket for each")
	case p.Rooms < 1 || p.Size < 1 || p.Size > p.Sockets:
		return errors.New("there must be a room, with at least one socket in it, and at most all of them")
	case p.Rate < 0 || p.Bytes < 0 || p.Bytes > maxBytes:
		return fmt.Errorf("rate and size are not negative, and a size is at most %d bytes", maxBytes)
	case p.Ramp <= 0:
		return errors.New("the ramp is the number of sockets opened per second: it must be above 0")
	}
	return nil
}

// maxBytes is the longest text that every Hubbub takes by default.
const maxBytes = 16 << 10

// gathering bounds the HTTP calls that run at the same time while a crowd gathers: logging in costs the server much.
const gathering = 8

// Crowd is people in rooms. Its methods are called by one goroutine at a time, unless they say otherwise.
type Crowd struct {
	plan    Plan
	rooms   []*room
	users   []*client.Session
	sockets []*socket
	meter   meter
}

// Gather makes the rooms and guests of a plan, connects all sockets, and joins them to their rooms. progress is told of
// how many sockets there are. When it fails or ctx ends, what was gathered is let go; what the server has of it stays.
func Gather(ctx context.Context, plan Plan, progress func(sockets int)) (_ *Crowd, err error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	if len(plan.Edges) == 0 {
		plan.Edges = []string{plan.URL}
	}
	c := &Crowd{plan: plan}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	api := client.NewAPI(plan.URL, nil)
	if err := c.meet(ctx, api); err != nil {
		return nil, err
	}
	return c, c.connect(ctx, progress)
}

// meet makes guests and rooms.
func (c *Crowd) meet(ctx context.Context, api *client.API) error {
	run := chat.NewID()
	c.users = make([]*client.Session, c.plan.Users)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	for i := range c.users {
		g.Go(func() (err error) {
			c.users[i], err = retry(gctx, func() (*client.Session, error) { return api.Guest(gctx, fmt.Sprintf("load-%d", i)) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("log in as a guest at %s: %w", c.plan.URL, err)
	}
	owner, err := retry(ctx, func() (*client.Session, error) {
		return api.Register(ctx, "load."+run[len(run)-12:], chat.NewID())
	})
	if err != nil {
		return fmt.Errorf("register the owner of the rooms: %w", err)
	}
	for i := range c.plan.Rooms {
		r, err := retry(ctx, func() (client.Room, error) {
			return owner.CreateRoom(ctx, fmt.Sprintf("load %s %d", run[len(run)-12:], i), "", false)
		})
		if err != nil {
			return fmt.Errorf("create room %d: %w", i, err)
		}
		c.rooms = append(c.rooms, newRoom(r.ID))
	}
	return nil
}

// connect opens the sockets, no faster than the ramp, and joins them to their rooms.
func (c *Crowd) connect(ctx context.Context, progress func(int)) error {
	members := c.seats()
	c.sockets = make([]*socket, c.plan.Sockets)
	for i := range c.sockets {
		c.sockets[i] = newSocket(c, i, members[i])
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	var mu sync.Mutex
	there := 0
	tick := time.NewTicker(max(time.Microsecond, time.Duration(float64(time.Second)/c.plan.Ramp)))
	defer tick.Stop()
	for _, s := range c.sockets {
		select {
		case <-tick.C:
		case <-gctx.Done():
			return errors.Join(g.Wait(), ctx.Err())
		}
		g.Go(func() error {
			if err := s.enter(gctx); err != nil {
				return fmt.Errorf("socket %d: %w", s.number, err)
			}
			mu.Lock()
			defer mu.Unlock()
			there++
			progress(there)
			return nil
		})
	}
	return g.Wait()
}

// seats says which rooms each socket is in.
func (c *Crowd) seats() [][]*room {
	rng := rand.New(rand.NewPCG(c.plan.Seed, 1))
	order := rng.Perm(c.plan.Sockets)
	members := make([][]*room, c.plan.Sockets)
	for i, r := range c.rooms {
		for k := range c.plan.Size {
			s := order[(i*c.plan.Size+k)%len(order)]
			members[s] = append(members[s], r)
		}
	}
	return members
}

// Close lets everybody go.
func (c *Crowd) Close() {
	var wait sync.WaitGroup
	for _, s := range c.sockets {
		if s != nil {
			wait.Go(s.leave)
		}
	}
	wait.Wait()
}

// Talk has everybody who is in a room say something now and then, until ctx ends, and returns when everything said has
// been acknowledged or given up.
func (c *Crowd) Talk(ctx context.Context) {
	var talkers []*socket
	for _, s := range c.sockets {
		if len(s.seats) > 0 {
			talkers = append(talkers, s)
		}
	}
	if c.plan.Rate == 0 || len(talkers) == 0 {
		<-ctx.Done()
		return
	}
	pause := time.Duration(float64(len(talkers)) / c.plan.Rate * float64(time.Second))
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

// Sockets returns how many sockets the crowd has.
func (c *Crowd) Sockets() int { return len(c.sockets) }

// retry calls do until it succeeds, or fails in a way that does not pass, or ctx ends.
func retry[T any](ctx context.Context, do func() (T, error)) (T, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		v, err := do()
		if err == nil || !mayPass(err) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// mayPass reports whether a call of a part that is away, or that limits how often it is called, is worth another try.
func mayPass(err error) bool {
	switch chat.CodeOf(err) {
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal: // the last also when there was no answer at all
		return true
	}
	return false
}
