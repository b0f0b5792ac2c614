package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/rigs/load/fleet"
)

// Order is what a part of a great crowd is to be. Of n parts, part i has the sockets i, i+n, i+2n …
type Order struct {
	Plan   Plan
	Part   int
	Parts  int
	Rooms  []string     // ids
	Tokens []string     // of the users
	Edges  []fleet.Edge // socket i connects to that numbered i modulo their number
	From   netip.Addr   // what the sockets come from: see fleet.Config
}

// Progress says how far a part is.
type Progress struct {
	In   int    // sockets in their rooms
	Gone int    // that do not come back
	Why  string // the first of them did not
	Last string // why the last connection ended that did, or was not made
	Busy int    // messages on their way
}

// part is some of a great crowd's sockets, in this process or a child: its methods are called over
// net/rpc, where only those with one argument, a pointer to the reply, and an error can be. They
// return at once.
type part struct {
	order   Order
	seating *seating
	meter   meter
	fleet   fleet.Fleet
	ctx     context.Context
	end     context.CancelFunc
	ended   chan struct{}
	wait    sync.WaitGroup // of what was begun and goes on

	mu     sync.Mutex
	hush   func() // nil: it does not talk
	tokens []string
	now    Progress
	acks   []map[string]uint64 // by room, message
}

// newFleet returns the kind of fleet that the plan wants.
func (p *part) newFleet(cfg fleet.Config) (fleet.Fleet, error) {
	if p.order.Plan.Library {
		return fleet.NewLibrary(cfg), nil
	}
	return fleet.NewRaw(cfg)
}

var errNoOrder = errors.New("a part is given its order first")

// Begin makes the part what it is to be. It is called first, and once.
func (p *part) Begin(o Order, _ *int) (err error) {
	p.order, p.tokens = o, o.Tokens
	p.seating = newSeating(&p.order.Plan)
	p.acks = make([]map[string]uint64, len(o.Rooms))
	mine := p.has(o.Plan.Sockets)
	seats := make([][]int, mine)
	for r := range o.Rooms {
		p.acks[r] = make(map[string]uint64)
		p.seating.each(r, func(g int) {
			if g%o.Parts == o.Part {
				seats[g/o.Parts] = append(seats[g/o.Parts], r)
			}
		})
	}
	p.fleet, err = p.newFleet(fleet.Config{
		Clients: mine, Rooms: o.Rooms, From: o.From, Watcher: watcher{p},
		Seats: func(i int) []int { return seats[i] },
		Edge:  func(i int) fleet.Edge { return o.Edges[p.global(i)%len(o.Edges)] },
		Token: func(i int) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.tokens[p.seating.user(p.global(i))]
		},
	})
	if err != nil {
		return err
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		_ = p.fleet.Run(p.ctx)
	}()
	return nil
}

// Enter begins to open the sockets.
func (p *part) Enter(int, *int) error {
	if p.fleet == nil {
		return errNoOrder
	}
	p.wait.Go(func() { p.open(p.ctx) })
	return nil
}

func (p *part) global(i int) int { return i*p.order.Parts + p.order.Part }

// mostOpening is how many sockets of a crowd may be on their way into their rooms at the same time:
// more would only wait.
const mostOpening = 1000

// open opens the sockets, no faster than the ramp, and no faster than the server takes them. With
// many parts each looks more seldom what it may do, since all share a machine.
func (p *part) open(ctx context.Context) {
	plan, began, opened := &p.order.Plan, time.Now(), 0
	for mine := p.has(plan.Sockets); opened < mine; {
		due := p.has(min(plan.Sockets, 1+int(time.Since(began).Seconds()*plan.Ramp)))
		if n := min(due, p.arrived()+max(1, mostOpening/p.order.Parts)); n > opened {
			p.fleet.Open(opened, n)
			opened = n
		}
		if await.Sleep(ctx, time.Duration(p.order.Parts)*time.Millisecond) != nil {
			return
		}
	}
}

// has returns how many of the crowd's first sockets are the part's.
func (p *part) has(first int) int { return (first - p.order.Part + p.order.Parts - 1) / p.order.Parts }

func (p *part) arrived() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.In + p.now.Gone
}

// Close ends everything.
func (p *part) Close(int, *int) error {
	if p.fleet != nil {
		_ = p.Hush(0, nil)
		p.end()
		p.wait.Wait()
		<-p.ended
	}
	return nil
}

// Progress says how far it is.
func (p *part) Progress(_ int, now *Progress) error {
	if p.fleet == nil {
		return errNoOrder
	}
	busy := p.fleet.Busy()
	p.mu.Lock()
	defer p.mu.Unlock()
	*now = p.now
	now.Busy = busy
	return nil
}

// Renew gives the part new tokens of the users.
func (p *part) Renew(tokens []string, _ *int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = tokens
	return nil
}

// Restart begins the measurement anew.
func (p *part) Restart(int, *int) error {
	p.meter.with((*Measured).reset)
	return nil
}

// Measure returns what was done since Restart.
func (p *part) Measure(_ int, s *Shipped) error {
	m := p.meter.measured()
	*s = m.ship()
	return nil
}

// Talk sends the messages of the crowd that are due to its sockets, from a time until Hush.
func (p *part) Talk(from time.Time, _ *int) error {
	if p.fleet == nil {
		return errNoOrder
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	p.wait.Go(func() {
		defer close(done)
		p.talk(ctx, from)
	})
	p.hush = func() {
		cancel()
		<-done
	}
	return nil
}

// Hush ends what Talk began. What was said is still acknowledged.
func (p *part) Hush(int, *int) error {
	p.mu.Lock()
	hush := p.hush
	p.hush = nil
	p.mu.Unlock()
	if hush != nil {
		hush()
	}
	return nil
}

// lookahead is how far ahead of time a part goes through what the others say.
const lookahead = 100 * time.Millisecond

// talk goes through all messages of the whole crowd, and says those of its own sockets. A message
// that is late does not move the next ones: its wait counts from when it was due (no coordinated
// omission).
func (p *part) talk(ctx context.Context, from time.Time) {
	n := p.seating.speakers()
	if n == 0 || p.seating.perSecond() == 0 {
		return
	}
	// All parts roll the same dice.
	dice := rand.New(rand.NewPCG(p.order.Plan.Seed, 3))
	at := 0.0
	for k := 0; ; k++ {
		g := p.seating.speaker(k)
		if p.order.Plan.Think > 0 {
			g = dice.IntN(n)
		}
		at += p.seating.gap(dice.Float64())
		due := from.Add(time.Duration(at * float64(time.Second)))
		wait, mine := time.Until(due), g%p.order.Parts == p.order.Part
		if !mine {
			wait -= lookahead // with none of its own to say it would go through them without end
		}
		if wait > 0 && await.Sleep(ctx, wait) != nil || ctx.Err() != nil {
			return
		}
		if !mine {
			continue
		}
		p.meter.sent()
		p.fleet.Say(fleet.Say{
			Client: g / p.order.Parts, Seat: k / n, Due: due,
			Text: func(number int) string { return textOf(g, number, due, p.order.Plan.Bytes) },
		})
	}
}

// Reconnect cuts some sockets off, by their number in the crowd, or all, if none is named.
func (p *part) Reconnect(sockets []int, _ *int) error {
	var mine []int
	for _, g := range sockets {
		if g%p.order.Parts == p.order.Part {
			mine = append(mine, g/p.order.Parts)
		}
	}
	if len(sockets) == 0 {
		for g := p.order.Part; g < p.order.Plan.Sockets; g += p.order.Parts {
			mine = append(mine, g/p.order.Parts)
		}
	}
	p.fleet.Reconnect(mine...)
	return nil
}

// Acked returns what was acknowledged since the last call, by room and message.
func (p *part) Acked(_ int, acks *[]map[string]uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.acks {
		*acks = append(*acks, maps.Clone(m))
		clear(m)
	}
	return nil
}

// Caught reports whether all sockets have seen their rooms through these seqs.
func (p *part) Caught(through map[int]uint64, all *bool) error {
	*all = p.fleet.Caught(through)
	return nil
}

// Record is what history has of a room.
type Record struct {
	Room     int
	After    uint64 // what has been judged already ends with this Seq
	Messages []Mark
}

// Judge compares what the sockets saw of a room since the last Judge with history.
func (p *part) Judge(r Record, v *Verdict) error {
	room := p.order.Rooms[r.Room]
	for _, s := range p.fleet.Seen(r.Room) {
		v.Rewinds += s.Rewinds * len(s.Clients)
		for _, i := range s.Clients {
			before := *v
			v.compare(room, fmt.Sprintf("socket %d", p.global(i)), s.Seqs, max(s.Start, r.After), r.Messages)
			if v.Lost+v.Doubled+v.Misordered == before.Lost+before.Doubled+before.Misordered {
				v.Delivered += len(s.Seqs) * (len(s.Clients) - 1) // the others saw the same
				break
			}
		}
	}
	p.fleet.Forget(r.Room)
	return nil
}
