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

// Order configures a part of a crowd. Of n parts, part i has the sockets i, i+n, i+2n …
type Order struct {
	Plan   Plan
	Part   int
	Parts  int
	Rooms  []string     // ids
	Tokens []string     // of the users
	Edges  []fleet.Edge // socket i connects to edge i modulo their number
	From   netip.Addr   // source address of the sockets: see fleet.Config
}

// Progress is how far a part is.
type Progress struct {
	In   int    // sockets in their rooms
	Gone int    // sockets that do not come back
	Why  string // why the first of those does not come back
	Last string // why the last connection was lost, or could not be made
	Busy int    // messages on their way
}

// part holds some of a crowd's sockets, in this process or a child. The crowd calls its methods
// over net/rpc, which prescribes their form: one argument, a pointer to the reply, and an error.
// They return at once.
type part struct {
	order   Order
	seating *seating
	meter   meter
	fleet   fleet.Fleet
	ctx     context.Context
	end     context.CancelFunc
	ended   chan struct{}
	wait    sync.WaitGroup // for the goroutines of Enter and Talk

	mu     sync.Mutex
	hush   func() // ends Talk; nil: the part does not talk
	tokens []string
	now    Progress
	acks   []map[string]uint64 // by room: the seq of each message, by id
}

// newFleet returns the kind of fleet that the plan wants.
func (p *part) newFleet(cfg fleet.Config) (fleet.Fleet, error) {
	if p.order.Plan.Library {
		return fleet.NewLibrary(cfg), nil
	}
	return fleet.NewRaw(cfg)
}

var errNoOrder = errors.New("a part needs its order first")

// Begin configures the part and starts its fleet. It is the first call, and happens once.
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

// open opens the sockets, no faster than the ramp, and no faster than the server accepts them. With
// many parts each polls less often, since all share a machine.
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

// has returns how many of the crowd's first sockets belong to the part.
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

// Progress returns how far the part is.
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

// Measure returns the measurement since Restart.
func (p *part) Measure(_ int, s *Shipped) error {
	m := p.meter.measured()
	*s = m.ship()
	return nil
}

// Talk begins to send the messages of the part's sockets, from a time until Hush.
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

// Hush ends Talk. Messages on their way are still acknowledged.
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

// lookahead is how far ahead of time a part skips the messages of other parts.
const lookahead = 100 * time.Millisecond

// talk goes through the messages of the whole crowd, and sends those of its own sockets. A late
// message does not delay the next ones: its latency counts from when it was due (no coordinated
// omission).
func (p *part) talk(ctx context.Context, from time.Time) {
	n := p.seating.speakers()
	if n == 0 || p.seating.perSecond() == 0 {
		return
	}
	// All parts draw the same random numbers.
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
			wait -= lookahead // without a wait, a part without speakers would loop at full speed
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
	After    uint64 // messages through this Seq have been judged
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
