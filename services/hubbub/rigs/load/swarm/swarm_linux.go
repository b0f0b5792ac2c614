package swarm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/wire"
)

// readBytes is what is read from a socket at once.
const readBytes = 256 << 10

type state uint8

const (
	stIdle state = iota // not opened yet
	stDialing
	stUpgrading
	stGreeting // hello was said
	stJoining
	stIn
	stWaiting // to connect again
	stGone
)

// client is one of very many.
type client struct {
	fd    int32
	turn  uint32 // grows with each connection, so that timers of an earlier one are void
	state state
	tries uint8 // to connect that failed in a row
	out   bool  // epoll tells when it can be written to
	known bool  // it was in its rooms once
	left  uint16
	since int64 // nanos: when it was to be in its rooms
	part  *part // nil: none
	talk  *talk // nil: it never said anything
}

// part is what is half read or half written.
type part struct{ in, out []byte }

// Swarm is a set of clients. Run owns them; the other methods may be called from any goroutine
// while it runs, and after it by one.
type Swarm struct {
	cfg     Config
	ep      int
	wake    int // an eventfd
	clients []client
	seats   []uint32 // client i has the places seats[i] to seats[i+1]
	places  []place
	rooms   []room
	inRoom  [][]uint32 // by room: the places in it; made when it is first asked for
	timers  timers
	busy    atomic.Int64 // messages not yet acknowledged or given up

	buf    []byte
	frame  []byte
	events []unix.EpollEvent
	cache  struct { // of the last frame with a message in it: most clients get the same
		frame []byte
		event wire.Event
	}
	seed fault

	mu    sync.Mutex
	posts []func()
	ended bool
}

// New returns a swarm of which nobody is connected. Run frees what it holds.
func New(cfg Config) (*Swarm, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err == nil {
		err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1})
	}
	if err != nil {
		_, _ = unix.Close(ep), unix.Close(wake)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &Swarm{
		cfg: cfg, ep: ep, wake: wake, clients: make([]client, cfg.Clients), seats: make([]uint32, cfg.Clients+1),
		rooms: make([]room, len(cfg.Rooms)),
		buf:   make([]byte, readBytes), events: make([]unix.EpollEvent, 512),
	}
	for i, id := range cfg.Rooms {
		s.rooms[i].id = id
	}
	total := 0
	for i := range s.clients {
		s.clients[i].fd = -1
		total += len(cfg.Seats(i))
	}
	s.places = make([]place, 0, total)
	for i := range s.clients {
		for _, r := range cfg.Seats(i) {
			s.places = append(s.places, place{room: int32(r)})
		}
		s.seats[i+1] = uint32(len(s.places))
	}
	s.cfg.Seats = nil // what it holds is not needed any more
	return s, nil
}

func (s *Swarm) placesOf(i int) []place { return s.places[s.seats[i]:s.seats[i+1]] }

// Run has the clients live until ctx ends, and closes their connections.
func (s *Swarm) Run(ctx context.Context) error {
	defer s.close()
	stop := context.AfterFunc(ctx, func() { s.post(func() {}) })
	defer stop()
	for ctx.Err() == nil {
		n, err := unix.EpollWait(s.ep, s.events, s.timers.next(time.Now()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range s.events[:max(n, 0)] {
			if e.Fd < 0 {
				s.obey()
				continue
			}
			s.ready(int(e.Fd), e.Events)
		}
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

func (s *Swarm) close() {
	for i := range s.clients {
		s.cut(i)
	}
	_, _ = unix.Close(s.ep), unix.Close(s.wake)
	s.mu.Lock()
	s.ended = true
	posts := s.posts
	s.posts = nil
	s.mu.Unlock()
	for _, f := range posts {
		f()
	}
}

// post has Run call f, or calls it when Run is over.
func (s *Swarm) post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		f()
		return
	}
	s.posts = append(s.posts, f)
	if len(s.posts) == 1 {
		one := binary.NativeEndian.AppendUint64(nil, 1)
		_, _ = unix.Write(s.wake, one)
	}
}

// ask is post, and waits.
func (s *Swarm) ask(f func()) {
	done := make(chan struct{})
	s.post(func() {
		defer close(done)
		f()
	})
	<-done
}

func (s *Swarm) obey() {
	var b [8]byte
	_, _ = unix.Read(s.wake, b[:])
	s.mu.Lock()
	posts := s.posts
	s.posts = nil
	s.mu.Unlock()
	for _, f := range posts {
		f()
	}
}

// Open has clients connect that never were: those from one number to before another.
func (s *Swarm) Open(from, to int) {
	s.post(func() {
		for i := from; i < to; i++ {
			if c := &s.clients[i]; c.state == stIdle {
				c.since = time.Now().UnixNano()
				s.dial(i)
			}
		}
	})
}

// Reconnect cuts clients off, has them come back and resume, and returns when they are cut off.
// Those that are not in their rooms do that anyway.
func (s *Swarm) Reconnect(clients ...int) {
	s.ask(func() {
		for _, i := range clients {
			if s.clients[i].state == stIn {
				s.lose(i)
				s.dial(i)
			}
		}
	})
}

// Say has a client send a message when those that it was told to send before are through. It is
// repeated over reconnects until it is acknowledged, refused or given up: the Watcher is told.
func (s *Swarm) Say(m Say) {
	s.busy.Add(1)
	s.post(func() { s.say(m) })
}

// Busy returns how many messages are neither acknowledged nor given up.
func (s *Swarm) Busy() int { return int(s.busy.Load()) }

// Caught reports whether every client has seen its rooms through these seqs, by room. One that is
// gone never will.
func (s *Swarm) Caught(through map[int]uint64) (all bool) {
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

// Seen returns what the clients saw of a room since they came.
func (s *Swarm) Seen(r int) (all []Seen) {
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
			// whose place it is
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

// seatsOf returns the places in a room, by their number among all.
func (s *Swarm) seatsOf(r int) []uint32 {
	if s.inRoom == nil {
		s.inRoom = make([][]uint32, len(s.rooms))
		for k := range s.places {
			room := s.places[k].room
			s.inRoom[room] = append(s.inRoom[room], uint32(k))
		}
	}
	return s.inRoom[r]
}
