// Package load simulates people who talk in a Hubbub, from the outside, and accounts for every
// message: whether it was acknowledged, and whether every socket that should have seen it saw it
// once, in order, live and in history.
//
// It speaks the public protocol only, through the fleets of package fleet; it starts no server.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/client"
)

// Crowd is a set of users in rooms. Fleets, in one process or several, hold their sockets. One
// goroutine at a time may call its methods, unless they say otherwise.
type Crowd struct {
	plan    Plan
	seating *seating
	users   []*client.Session
	rooms   []*room
	parts   []*remote
	began   time.Time // of the measurement
	stop    context.CancelFunc
	wait    sync.WaitGroup
}

// Gather assembles a crowd in this process and connects it. When it fails or ctx ends, it
// disconnects all sockets; the users and rooms stay on the server.
func Gather(ctx context.Context, plan Plan) (*Crowd, error) {
	c, err := assemble(ctx, plan, placement{processes: 1}, func(string) {})
	if err != nil {
		return nil, err
	}
	if err := c.Enter(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// errGone says that sockets do not come back.
var errGone = errors.New("sockets do not come back by themselves")

// state sums the progress of all parts.
func (c *Crowd) state() (sum Progress, err error) {
	all, err := each(c.parts, func(_ int, r *remote) (Progress, error) { return call[Progress](r, "Progress", 0) })
	for _, p := range all {
		sum.In += p.In
		sum.Gone += p.Gone
		sum.Busy += p.Busy
		if sum.Why == "" {
			sum.Why = p.Why
		}
		if sum.Last == "" {
			sum.Last = p.Last
		}
	}
	return sum, err
}

// Enter connects all sockets, no faster than the ramp, and joins them to their rooms. When it
// fails, some sockets may be connected.
func (c *Crowd) Enter(ctx context.Context) error {
	if _, err := each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Enter", 0) }); err != nil {
		return err
	}
	return c.there(ctx)
}

// there waits until all sockets are in their rooms. It gives up when no further one arrives for
// long.
func (c *Crowd) there(ctx context.Context) error {
	patience := c.plan.Patience + time.Duration(2/c.plan.Ramp*float64(time.Second))
	most, came := -1, time.Now()
	for {
		now, err := c.state()
		if err != nil {
			return err
		}
		if now.In > most {
			most, came = now.In, time.Now()
		}
		switch {
		case now.Gone > 0:
			return fmt.Errorf("%d %w: %s", now.Gone, errGone, now.Why)
		case now.In == c.plan.Sockets:
			return nil
		case time.Since(came) > patience:
			return fmt.Errorf("for %s no socket has come into its rooms: %s", patience.Round(time.Second), now.Last)
		}
		if await.Sleep(ctx, c.moment()) != nil {
			return ctx.Err()
		}
	}
}

// moment is the pause between two polls of all parts.
func (c *Crowd) moment() time.Duration { return time.Duration(15+5*len(c.parts)) * time.Millisecond }

// Sockets returns how many sockets the crowd has.
func (c *Crowd) Sockets() int { return c.plan.Sockets }

// Open returns how many sockets are in their rooms. It is safe for concurrent use.
func (c *Crowd) Open() int {
	now, _ := c.state() // a process that has died reports nothing
	return now.In
}

// Close disconnects all sockets and ends the processes.
func (c *Crowd) Close() {
	c.stop()
	c.wait.Wait()
	_, _ = each(c.parts, func(_ int, r *remote) (int, error) {
		r.close()
		return 0, nil
	})
	c.parts = nil
}

// Talk makes the sockets send until ctx ends, and returns when every message is acknowledged or
// given up. An error says that a process has died.
func (c *Crowd) Talk(ctx context.Context) error {
	from := time.Now().Add(50 * time.Millisecond)
	if _, err := each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Talk", from) }); err != nil {
		return err
	}
	for await.Sleep(ctx, time.Second) == nil {
		if _, err := c.state(); err != nil {
			return err
		}
	}
	if _, err := each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Hush", 0) }); err != nil {
		return err
	}
	for {
		now, err := c.state()
		if err != nil || now.Busy == 0 {
			return err
		}
		time.Sleep(c.moment())
	}
}

// Reconnect cuts all sockets off at once and waits until they have resumed.
func (c *Crowd) Reconnect(ctx context.Context) error { return c.ReconnectSome(ctx) }

// ReconnectSome is Reconnect for the sockets with these numbers; without numbers, for all.
func (c *Crowd) ReconnectSome(ctx context.Context, sockets ...int) error {
	if _, err := each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Reconnect", sockets) }); err != nil {
		return err
	}
	if len(sockets) > 0 {
		return nil // with churn some sockets are always on their way: do not wait
	}
	return c.there(ctx)
}

// Restart begins the measurement anew.
func (c *Crowd) Restart() {
	c.began = time.Now()
	_, _ = each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Restart", 0) })
}

// Measured returns the measurement since Restart. It is safe for concurrent use.
func (c *Crowd) Measured() Measured {
	all, err := each(c.parts, func(_ int, r *remote) (m Measured, err error) {
		s, err := call[Shipped](r, "Measure", 0)
		if err != nil {
			return m, err
		}
		return s.unpack(), nil
	})
	if err != nil { // a process that has died reports nothing
		all = slices.DeleteFunc(all, func(m Measured) bool { return slices.Contains(m.times[:], nil) })
	}
	return together(c.began, all)
}
