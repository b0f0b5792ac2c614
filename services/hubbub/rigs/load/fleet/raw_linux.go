package fleet

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/swarm"
)

type state uint8

const (
	stIdle     state = iota // not opened yet
	stOpening               // the connection, or the upgrade, is under way
	stGreeting              // hello was sent
	stJoining
	stIn
	stWaiting // to connect again
	stGone
)

// rawClient is a client. It is small, because there are very many.
type rawClient struct {
	turn  uint32 // grows with each connection, so that timers of an earlier one are void
	state state
	tries uint8  // failed attempts to connect in a row
	known bool   // it was in its rooms once
	left  uint16 // joins without an answer
	since int64  // since when it is on its way into its rooms, in nanoseconds since 1970
	talk  *talk  // nil: it never sent a message
}

// Raw is a fleet over one swarm.
type Raw struct {
	cfg     Config
	conns   *swarm.Swarm
	clients []rawClient
	seats   []uint32 // client i has the places seats[i] to seats[i+1]
	places  []place
	rooms   []room
	inRoom  [][]uint32 // by room: the places in it; nil before the first use
	timers  timers
	busy    atomic.Int64 // messages not yet acknowledged or given up
	cache   struct {     // the last frame with an entry, decoded: most clients get the same one
		frame []byte
		event wire.Event
	}
	seed fault

	mu    sync.Mutex
	posts []func()
	ended bool
}

var _ Fleet = (*Raw)(nil)

// maxFrame is the longest frame that is accepted from a server, in bytes: Hubbub's are far shorter.
const maxFrame = 1 << 20

// NewRaw returns a fleet without connections. Run frees its resources.
func NewRaw(cfg Config) (*Raw, error) {
	s := &Raw{cfg: cfg, clients: make([]rawClient, cfg.Clients), seats: make([]uint32, cfg.Clients+1), rooms: make([]room, len(cfg.Rooms))}
	var err error
	if s.conns, err = swarm.New(s, cfg.Clients, maxFrame); err != nil {
		return nil, err
	}
	for i, id := range cfg.Rooms {
		s.rooms[i].id = id
	}
	total := 0
	for i := range s.clients {
		total += len(cfg.Seats(i))
	}
	s.places = make([]place, 0, total)
	for i := range s.clients {
		for _, r := range cfg.Seats(i) {
			s.places = append(s.places, place{room: int32(r)})
		}
		s.seats[i+1] = uint32(len(s.places))
	}
	s.cfg.Seats = nil // frees what the function refers to
	return s, nil
}

func (s *Raw) placesOf(i int) []place { return s.places[s.seats[i]:s.seats[i+1]] }

// Run implements Fleet.
func (s *Raw) Run(ctx context.Context) error {
	defer s.close()
	stop := context.AfterFunc(ctx, func() { s.post(func() {}) })
	defer stop()
	for ctx.Err() == nil {
		if err := s.conns.Poll(s.timers.next(time.Now())); err != nil {
			return err
		}
		s.runPosts()
		for now := time.Now(); ; {
			t, ok := s.timers.pop(now)
			if !ok {
				break
			}
			s.elapsed(t)
		}
	}
	return nil
}

func (s *Raw) close() {
	for i := range s.clients {
		s.conns.Cut(i)
	}
	s.mu.Lock()
	s.ended = true
	posts := s.posts
	s.posts = nil
	s.mu.Unlock()
	for _, f := range posts {
		f()
	}
	s.conns.Close()
}

// post makes Run call f, or calls it when Run is over.
func (s *Raw) post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		f()
		return
	}
	s.posts = append(s.posts, f)
	if len(s.posts) == 1 {
		s.conns.Wake()
	}
}

// ask posts f and waits until it has been called.
func (s *Raw) ask(f func()) {
	done := make(chan struct{})
	s.post(func() {
		defer close(done)
		f()
	})
	<-done
}

// runPosts calls what was posted since the last call.
func (s *Raw) runPosts() {
	s.mu.Lock()
	posts := s.posts
	s.posts = nil
	s.mu.Unlock()
	for _, f := range posts {
		f()
	}
}

// Open implements Fleet.
func (s *Raw) Open(from, to int) {
	s.post(func() {
		for i := from; i < to; i++ {
			if c := &s.clients[i]; c.state == stIdle {
				c.since = time.Now().UnixNano()
				s.dial(i)
			}
		}
	})
}

// Reconnect implements Fleet.
func (s *Raw) Reconnect(clients ...int) {
	s.ask(func() {
		for _, i := range clients {
			if s.clients[i].state == stIn {
				s.lose(i)
				s.dial(i)
			}
		}
	})
}

// Say implements Fleet.
func (s *Raw) Say(m Say) {
	s.busy.Add(1)
	s.post(func() { s.say(m) })
}

// Busy implements Fleet.
func (s *Raw) Busy() int { return int(s.busy.Load()) }

// Caught implements Fleet.
func (s *Raw) Caught(through map[int]uint64) (all bool) {
	s.ask(func() {
		for i := range s.clients {
			if st := s.clients[i].state; st == stGone || st == stIdle {
				continue
			}
			for k := range s.placesOf(i) {
				p := &s.placesOf(i)[k]
				if at, ok := p.position(&s.rooms[p.room]); !ok || at.Seq < through[int(p.room)] {
					return
				}
			}
		}
		all = true
	})
	return all
}

// Seen implements Fleet.
func (s *Raw) Seen(r int) (all []Seen) {
	type stretch struct {
		start    uint64
		from, at uint32
		rewinds  uint16
	}
	s.ask(func() {
		same := make(map[stretch]int)
		for _, seat := range s.seatsOf(r) {
			p := &s.places[seat]
			if !p.joined {
				continue
			}
			// the client of the place
			i := sort.Search(s.cfg.Clients, func(i int) bool { return s.seats[i+1] > seat })
			key := stretch{p.start, p.from, p.at, p.rewinds}
			if at, ok := same[key]; ok && p.odd == nil {
				all[at].Clients = append(all[at].Clients, i)
				continue
			}
			if p.odd == nil {
				same[key] = len(all)
			}
			all = append(all, Seen{Clients: []int{i}, Start: p.start, Seqs: p.seen(&s.rooms[r]), Rewinds: int(p.rewinds)})
		}
	})
	return all
}

// Forget implements Fleet.
func (s *Raw) Forget(r int) {
	s.ask(func() {
		for _, seat := range s.seatsOf(r) {
			s.places[seat].forget(&s.rooms[r])
		}
	})
}

// seatsOf returns the places in a room, by their number among all.
func (s *Raw) seatsOf(r int) []uint32 {
	if s.inRoom == nil {
		s.inRoom = make([][]uint32, len(s.rooms))
		for k := range s.places {
			room := s.places[k].room
			s.inRoom[room] = append(s.inRoom[room], uint32(k))
		}
	}
	return s.inRoom[r]
}
