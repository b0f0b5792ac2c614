package load

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/rigs/load/fleet"
)

// placement says which processes open the sockets of a crowd.
type placement struct {
	// child processes that run program; 1: this process opens the sockets itself, unless there is a
	// network
	processes int
	program   string   // path of this program
	network   *network // nil: that of this machine
}

// assemble creates the rooms and users of a plan, starts the processes of its sockets, and reports
// its progress to tell. It connects no socket.
func assemble(ctx context.Context, plan Plan, place placement, tell func(string)) (_ *Crowd, err error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	plan.complete()
	edges, err := resolve(ctx, &plan)
	if err != nil {
		return nil, err
	}
	if place.network != nil {
		if err := place.network.reaches(ctx, edges); err != nil {
			return nil, err
		}
	}
	c := &Crowd{plan: plan, seating: newSeating(&plan), stop: func() {}, began: time.Now()}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if c.users, c.rooms, err = meet(ctx, plan, tell); err != nil {
		return nil, err
	}
	if err := c.admit(ctx, tell); err != nil {
		return nil, err
	}
	return c, c.start(ctx, place, edges)
}

// resolve returns the addresses that the sockets connect to.
func resolve(ctx context.Context, plan *Plan) ([]fleet.Edge, error) {
	var edges []fleet.Edge
	for _, u := range plan.Edges {
		at, err := url.Parse(u)
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		port := at.Port()
		switch {
		case port != "":
		case at.Scheme == "https":
			port = "443"
		default:
			port = "80"
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", at.Hostname())
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		// Prefer 127.0.0.1 to ::1: in IPv6 loopback is one address only.
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
		addr, err := netip.ParseAddrPort(net.JoinHostPort(addrs[0].Unmap().String(), port))
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		edges = append(edges, fleet.Edge{Addr: addr, Host: at.Host, URL: u})
	}
	return edges, nil
}

// admit makes every user a member of the rooms that the user's sockets join.
func (c *Crowd) admit(ctx context.Context, tell func(string)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	for i, r := range c.rooms {
		known := make(map[int]bool)
		c.seating.each(i, func(socket int) { known[c.seating.user(socket)] = true })
		for u := range known {
			g.Go(func() error {
				if _, err := retry(ctx, func() (int, error) { return 0, c.users[u].JoinRoom(ctx, r.id) }); err != nil {
					return fmt.Errorf("become a member of a room: %w", err)
				}
				return nil
			})
		}
		tell(fmt.Sprintf("%d of %d rooms have their members", i, len(c.rooms)))
	}
	return g.Wait()
}

func (c *Crowd) start(ctx context.Context, place placement, edges []fleet.Edge) error {
	for range place.processes {
		r, err := place.part()
		if err != nil {
			return err
		}
		c.parts = append(c.parts, r)
	}
	tokens, err := c.tokens(ctx)
	if err != nil {
		return err
	}
	o := Order{Plan: c.plan, Parts: place.processes, Tokens: tokens, Edges: edges}
	for _, r := range c.rooms {
		o.Rooms = append(o.Rooms, r.id)
	}
	if _, err := each(c.parts, func(i int, r *remote) (int, error) {
		mine := o
		mine.Part, mine.From = i, place.from(i, edges)
		return call[int](r, "Begin", mine)
	}); err != nil {
		return err
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.wait.Go(func() { c.renew(keep, tokens) })
	return nil
}

// part starts a part: a child process, or this one.
func (p *placement) part() (*remote, error) {
	if p.processes == 1 && p.network == nil {
		return within(), nil
	}
	cmd := exec.Command(p.program, "load", "--part")
	cmd.SysProcAttr = childAttributes()
	cmd.Stderr = os.Stderr
	if p.network != nil {
		return childPart(cmd, p.network.start)
	}
	return childPart(cmd, (*exec.Cmd).Start)
}

// from returns the first source address of a part's sockets; the zero Addr: the system chooses. One
// address has too few ports for very many sockets.
func (p *placement) from(part int, edges []fleet.Edge) netip.Addr {
	switch {
	case p.network != nil:
		return p.network.from(part)
	case slices.ContainsFunc(edges, func(e fleet.Edge) bool { return !e.Addr.Addr().Is4() || !e.Addr.Addr().IsLoopback() }):
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{127, 77, byte(part), 1})
}

func (c *Crowd) tokens(ctx context.Context) ([]string, error) {
	tokens := make([]string, len(c.users))
	for i, u := range c.users {
		token, err := u.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get a token: %w", err)
		}
		tokens[i] = token
	}
	return tokens, nil
}

// renew gives the parts new tokens before the old ones expire, until ctx ends.
func (c *Crowd) renew(ctx context.Context, old []string) {
	for await.Sleep(ctx, time.Second) == nil {
		tokens, err := c.tokens(ctx)
		if err != nil || slices.Equal(tokens, old) {
			continue // try again: a directory that is away comes back
		}
		old = tokens
		_, _ = each(c.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Renew", tokens) })
	}
}

// swarms reports whether raw clients, over swarms, can carry out a plan.
func swarms(plan *Plan) bool {
	encrypted := func(u string) bool { return !strings.HasPrefix(u, "http://") }
	return haveSwarm && !encrypted(plan.URL) && !slices.ContainsFunc(plan.Edges, encrypted)
}
