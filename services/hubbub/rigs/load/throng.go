package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/client"
)

// throng is a crowd of very many, whose sockets are those of the swarms of one process or several.
// Its methods are called by one goroutine at a time, unless they say otherwise.
type throng struct {
	plan    Plan
	seating *seating
	users   []*client.Session
	rooms   []*room
	parts   []*remote
	began   time.Time // of the measurement
	stop    context.CancelFunc
	wait    sync.WaitGroup
}

// placement says what the sockets of a throng come from.
type placement struct {
	// children that run program; 1: this process itself, unless there is a network
	processes int
	program   string   // this one
	network   *network // nil: this machine's own
}

// assembleThrong makes the rooms and users of a plan and the processes of its sockets, and tells
// how far it is. No socket is connected.
func assembleThrong(ctx context.Context, plan Plan, place placement, tell func(string)) (_ *throng, err error) {
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
	t := &throng{plan: plan, seating: newSeating(&plan), stop: func() {}, began: time.Now()}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	if t.users, t.rooms, err = meet(ctx, plan, tell); err != nil {
		return nil, err
	}
	if err := t.admit(ctx, tell); err != nil {
		return nil, err
	}
	return t, t.start(ctx, place, edges)
}

// resolve returns where the sockets connect.
func resolve(ctx context.Context, plan *Plan) ([]Edge, error) {
	var edges []Edge
	for _, u := range plan.Edges {
		at, err := url.Parse(u)
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		port := at.Port()
		if port == "" {
			port = "80"
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", at.Hostname())
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		// 127.0.0.1 rather than ::1, whose network has one address only.
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
		addr, err := netip.ParseAddrPort(net.JoinHostPort(addrs[0].Unmap().String(), port))
		if err != nil {
			return nil, fmt.Errorf("address of an edge: %w", err)
		}
		edges = append(edges, Edge{Addr: addr, Host: at.Host})
	}
	return edges, nil
}

// admit makes every user a member of the rooms that sockets of theirs are in.
func (t *throng) admit(ctx context.Context, tell func(string)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	for i, r := range t.rooms {
		known := make(map[int]bool)
		t.seating.each(i, func(socket int) { known[t.seating.user(socket)] = true })
		for u := range known {
			g.Go(func() error {
				if _, err := retry(ctx, func() (int, error) { return 0, t.users[u].JoinRoom(ctx, r.id) }); err != nil {
					return fmt.Errorf("become a member of a room: %w", err)
				}
				return nil
			})
		}
		tell(fmt.Sprintf("%d of %d rooms have their members", i, len(t.rooms)))
	}
	return g.Wait()
}

func (t *throng) start(ctx context.Context, place placement, edges []Edge) error {
	for range place.processes {
		r, err := place.part()
		if err != nil {
			return err
		}
		t.parts = append(t.parts, r)
	}
	tokens, err := t.tokens(ctx)
	if err != nil {
		return err
	}
	o := Order{Plan: t.plan, Parts: place.processes, Tokens: tokens, Edges: edges}
	for _, r := range t.rooms {
		o.Rooms = append(o.Rooms, r.id)
	}
	if _, err := each(t.parts, func(i int, r *remote) (int, error) {
		mine := o
		mine.Part, mine.From = i, place.from(i, edges)
		return call[int](r, "Obey", mine)
	}); err != nil {
		return err
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.wait.Go(func() { t.renew(keep, tokens) })
	return nil
}

// part starts a part.
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

// from returns the first of the addresses that the sockets of a part come from; none: what the
// system takes. One address has too few ports for very many sockets.
func (p *placement) from(part int, edges []Edge) netip.Addr {
	switch {
	case p.network != nil:
		return p.network.from(part)
	case slices.ContainsFunc(edges, func(e Edge) bool { return !e.Addr.Addr().Is4() || !e.Addr.Addr().IsLoopback() }):
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{127, 77, byte(part), 1})
}

func (t *throng) tokens(ctx context.Context) ([]string, error) {
	tokens := make([]string, len(t.users))
	for i, u := range t.users {
		token, err := u.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get a token: %w", err)
		}
		tokens[i] = token
	}
	return tokens, nil
}

// renew gives the parts new tokens before the old ones end, until ctx does.
func (t *throng) renew(ctx context.Context, had []string) {
	for await.Sleep(ctx, time.Second) == nil {
		tokens, err := t.tokens(ctx)
		if err != nil || slices.Equal(tokens, had) {
			continue // a directory that is away comes back
		}
		had = tokens
		_, _ = each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Renew", tokens) })
	}
}

// errGone says that sockets do not come back.
var errGone = errors.New("sockets do not come back by themselves")

// state adds up how far the parts are.
func (t *throng) state() (sum Progress, err error) {
	all, err := each(t.parts, func(_ int, r *remote) (Progress, error) { return call[Progress](r, "Progress", 0) })
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
// fails, some may be.
func (t *throng) Enter(ctx context.Context) error {
	if _, err := each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Enter", 0) }); err != nil {
		return err
	}
	return t.there(ctx)
}

// there waits until all sockets are in their rooms. It gives up when none has come for long.
func (t *throng) there(ctx context.Context) error {
	patience := t.plan.Patience + time.Duration(2/t.plan.Ramp*float64(time.Second))
	most, came := -1, time.Now()
	for {
		now, err := t.state()
		if err != nil {
			return err
		}
		if now.In > most {
			most, came = now.In, time.Now()
		}
		switch {
		case now.Gone > 0:
			return fmt.Errorf("%d %w: %s", now.Gone, errGone, now.Why)
		case now.In == t.plan.Sockets:
			return nil
		case time.Since(came) > patience:
			return fmt.Errorf("for %s no socket has come into its rooms: %s", patience.Round(time.Second), now.Last)
		}
		if await.Sleep(ctx, t.moment()) != nil {
			return ctx.Err()
		}
	}
}

// moment is how long to wait before all parts are asked again.
func (t *throng) moment() time.Duration { return time.Duration(15+5*len(t.parts)) * time.Millisecond }

// Open returns how many sockets are in their rooms. It is safe for concurrent use.
func (t *throng) Open() int {
	now, _ := t.state() // of a process that has died nothing is known
	return now.In
}

// Close lets everybody go.
func (t *throng) Close() {
	t.stop()
	t.wait.Wait()
	_, _ = each(t.parts, func(_ int, r *remote) (int, error) {
		r.close()
		return 0, nil
	})
	t.parts = nil
}

// Talk has everybody speak until ctx ends, and returns when everything said has been acknowledged
// or given up. An error says that a process has died.
func (t *throng) Talk(ctx context.Context) error {
	from := time.Now().Add(50 * time.Millisecond)
	if _, err := each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Talk", from) }); err != nil {
		return err
	}
	for await.Sleep(ctx, time.Second) == nil {
		if _, err := t.state(); err != nil {
			return err
		}
	}
	if _, err := each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Hush", 0) }); err != nil {
		return err
	}
	for {
		now, err := t.state()
		if err != nil || now.Busy == 0 {
			return err
		}
		time.Sleep(t.moment())
	}
}

// Reconnect cuts all sockets off at once and waits until they have resumed.
func (t *throng) Reconnect(ctx context.Context) error { return t.ReconnectSome(ctx) }

// ReconnectSome is Reconnect of some, by number; of all, if there are none.
func (t *throng) ReconnectSome(ctx context.Context, sockets ...int) error {
	if _, err := each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Reconnect", sockets) }); err != nil {
		return err
	}
	if len(sockets) > 0 {
		return nil // there are always some on their way
	}
	return t.there(ctx)
}

// Restart begins the measurement anew.
func (t *throng) Restart() {
	t.began = time.Now()
	_, _ = each(t.parts, func(_ int, r *remote) (int, error) { return call[int](r, "Restart", 0) })
}

// Measured returns what was done since Restart. It is safe for concurrent use.
func (t *throng) Measured() Measured {
	all, err := each(t.parts, func(_ int, r *remote) (m Measured, err error) {
		s, err := call[Shipped](r, "Measure", 0)
		if err != nil {
			return m, err
		}
		return s.unpack(), nil
	})
	if err != nil { // of a process that has died nothing is known
		all = slices.DeleteFunc(all, func(m Measured) bool { return slices.Contains(m.times[:], nil) })
	}
	return together(t.began, all)
}

// Judge waits until everybody has everything, but no longer than patience, and compares what was
// acknowledged, what history has and what each socket saw from the beginning. It is called once,
// when nobody talks any more.
func (t *throng) Judge(ctx context.Context, patience time.Duration) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = t.there(ctx) // who is not there is found below to have missed something
	acks, err := each(t.parts, func(_ int, r *remote) ([]map[string]uint64, error) { return call[[]map[string]uint64](r, "Acked", 0) })
	if err != nil {
		return v, err
	}
	through := make(map[int]uint64)
	for _, part := range acks {
		for i, said := range part {
			for id, seq := range said {
				t.rooms[i].ledger.acked(id, seq)
				through[i] = max(through[i], seq)
			}
		}
	}
	if err := t.caught(ctx, through); err != nil {
		return v, err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	for i, r := range t.rooms {
		g.Go(func() error {
			one, err := t.judge(gctx, i, r, through[i])
			mu.Lock()
			defer mu.Unlock()
			v.Add(one)
			return err
		})
	}
	err = g.Wait()
	return v, err
}

// judge is Judge of one room, which history has through a seq.
func (t *throng) judge(ctx context.Context, i int, r *room, through uint64) (v Verdict, err error) {
	messages, err := r.read(ctx, t.users[0], through)
	if err != nil {
		return v, fmt.Errorf("history of room %s: %w", r.id, err)
	}
	r.judgeRecord(messages, &v)
	seen, err := each(t.parts, func(_ int, p *remote) (Verdict, error) {
		return call[Verdict](p, "Judge", Record{Room: i, Messages: marksOf(messages)})
	})
	for _, s := range seen {
		v.Add(s)
	}
	return v, err
}

// caught waits until all sockets have seen their rooms through these seqs, or ctx ends.
func (t *throng) caught(ctx context.Context, through map[int]uint64) error {
	for {
		all, err := each(t.parts, func(_ int, r *remote) (bool, error) { return call[bool](r, "Caught", through) })
		if err != nil || !slices.Contains(all, false) || await.Sleep(ctx, t.moment()) != nil {
			return err
		}
	}
}

// swarms reports whether a plan can be carried out by swarms.
func swarms(plan *Plan) bool {
	encrypted := func(u string) bool { return !strings.HasPrefix(u, "http://") }
	return haveSwarm && !encrypted(plan.URL) && !slices.ContainsFunc(plan.Edges, encrypted)
}
