// Package announce tells the watchers of rooms who came, went and changed: coalesced, without the
// flapping of those who reconnect, and for big rooms in numbers only.
//
// It knows no edge and no session: the roster knows what is to be told, and the first of the
// replicas tells it.
package announce

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/presence/roster"
)

const (
	maxUsers  = 256   // people in one message
	maxRecent = 65536 // changes that are remembered for a takeover
	turn      = 4096  // seats looked at while the roster is locked
)

// Config says when what is told.
type Config struct {
	Coalesce time.Duration // changes within it are told together
	Flap     time.Duration // who comes back within it has not been away
	Big      int           // online users above which a room is told numbers only
	BigEvery time.Duration // at most this often
	Takeover time.Duration // how long the first replica may be gone before another knows
}

// Deps are what an Announcer works with.
type Deps struct {
	Live    bus.Live
	Log     *zap.Logger
	Metrics prometheus.Registerer
	First   func() bool                // whether this replica speaks for all
	Update  func(func(*roster.Roster)) // calls with the roster locked
}

// Announcer tells watchers. It is safe for concurrent use.
type Announcer struct {
	cfg     Config
	deps    Deps
	metrics metrics

	// Only Run's goroutine uses these.
	first   bool
	recent  []told               // oldest first
	bigDue  map[string]struct{}  // big rooms with a new count
	bigTold map[string]time.Time // when a big room was last told its count

	mu      sync.Mutex // locked after the roster
	dirty   map[roster.Seat]struct{}
	leaving map[roster.Seat]time.Time
	left    []leaver // oldest first
}

// told is a change that watchers were told of, by this replica or the first one. user is empty for
// a count.
type told struct {
	room, user string
	at         time.Time
}

type leaver struct {
	seat roster.Seat
	at   time.Time
}

// New returns an announcer.
func New(cfg Config, deps Deps) *Announcer {
	return &Announcer{
		cfg: cfg, deps: deps, metrics: newMetrics(deps.Metrics),
		bigDue: make(map[string]struct{}), bigTold: make(map[string]time.Time),
		dirty: make(map[roster.Seat]struct{}), leaving: make(map[roster.Seat]time.Time),
	}
}

// Changed notes that what is seen of a seat may differ from what was told. It is called with the
// roster locked.
func (a *Announcer) Changed(r *roster.Roster, at roster.Seat) {
	_, gone, differs := r.Pending(at)
	if !differs {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !gone {
		a.dirty[at] = struct{}{}
		return
	}
	now := time.Now()
	a.leaving[at] = now
	a.left = append(a.left, leaver{at, now})
}

// Run tells watchers until ctx ends, when it returns nil.
func (a *Announcer) Run(ctx context.Context) error {
	tick := time.NewTicker(a.cfg.Coalesce)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			a.round(now)
		}
	}
}

func (a *Announcer) round(now time.Time) {
	first := a.deps.First()
	if first && !a.first {
		a.repeat(now)
	}
	a.first = first
	for seats := range slices.Chunk(a.due(now), turn) {
		a.tell(now, seats)
	}
	a.tellBig(now)
	a.trim(now)
}

// due takes the seats that are to be looked at.
func (a *Announcer) due(now time.Time) []dueSeat {
	a.mu.Lock()
	defer a.mu.Unlock()
	seats := make([]dueSeat, 0, len(a.dirty))
	for at := range a.dirty {
		seats = append(seats, dueSeat{seat: at})
	}
	clear(a.dirty)
	n := 0
	for ; n < len(a.left) && now.Sub(a.left[n].at) >= a.cfg.Flap; n++ {
		// Who came back and left again is in the list a second time.
		if l := a.left[n]; a.leaving[l.seat].Equal(l.at) {
			delete(a.leaving, l.seat)
			seats = append(seats, dueSeat{l.seat, true})
		}
	}
	a.left = slices.Delete(a.left, 0, n)
	return seats
}

type dueSeat struct {
	seat roster.Seat
	away bool // for so long that leaving is told
}

func (a *Announcer) tell(now time.Time, seats []dueSeat) {
	changed := make(map[string]*presence.Changed)
	a.deps.Update(func(r *roster.Roster) {
		for _, d := range seats {
			p, gone, differs := r.Pending(d.seat)
			if !differs || gone && !d.away {
				continue
			}
			room := r.Room(d.seat)
			r.Tell(d.seat)
			c := changed[room]
			if c == nil {
				c = &presence.Changed{}
				changed[room] = c
			}
			c.Users = append(c.Users, p)
		}
		for room, c := range changed {
			c.Count = r.Told(room)
		}
	})
	for room, c := range changed {
		if c.Count > a.cfg.Big {
			a.bigDue[room] = struct{}{}
			continue
		}
		for _, p := range c.Users {
			a.recent = append(a.recent, told{room, p.User, now})
		}
		a.publish(room, c)
	}
}

// tellBig tells big rooms their counts.
func (a *Announcer) tellBig(now time.Time) {
	due := make(map[string]*presence.Changed)
	for room := range a.bigDue {
		if now.Sub(a.bigTold[room]) >= a.cfg.BigEvery {
			delete(a.bigDue, room)
			a.bigTold[room] = now
			a.recent = append(a.recent, told{room, "", now})
			due[room] = &presence.Changed{}
		}
	}
	for room, at := range a.bigTold {
		if now.Sub(at) > a.cfg.BigEvery {
			delete(a.bigTold, room)
		}
	}
	if len(due) == 0 {
		return
	}
	a.deps.Update(func(r *roster.Roster) {
		for room, c := range due {
			c.Count = r.Told(room)
		}
	})
	for room, c := range due {
		a.publish(room, c)
	}
}

// repeat tells again what was to be told since the replica that spoke before may have been gone.
func (a *Announcer) repeat(now time.Time) {
	a.trim(now)
	changed := make(map[string]*presence.Changed)
	a.deps.Update(func(r *roster.Roster) {
		seen := make(map[told]bool, len(a.recent))
		for _, t := range a.recent {
			key := told{room: t.room, user: t.user}
			if seen[key] {
				continue
			}
			seen[key] = true
			c := changed[t.room]
			if c == nil {
				c = &presence.Changed{Count: r.Told(t.room)}
				changed[t.room] = c
			}
			if t.user != "" && c.Count <= a.cfg.Big {
				c.Users = append(c.Users, r.Current(t.room, t.user))
			}
		}
	})
	a.first = true
	for room, c := range changed {
		a.publish(room, c)
	}
}

// trim forgets what is too old for a takeover.
func (a *Announcer) trim(now time.Time) {
	n := max(0, len(a.recent)-maxRecent)
	for n < len(a.recent) && now.Sub(a.recent[n].at) > a.cfg.Takeover {
		n++
	}
	a.recent = slices.Delete(a.recent, 0, n)
}

// publish sends c, in parts if it is long, if this replica is the one that speaks.
func (a *Announcer) publish(room string, c *presence.Changed) {
	if !a.first {
		return
	}
	users := c.Users
	for {
		part := presence.Changed{Users: users[:min(len(users), maxUsers)], Count: c.Count}
		users = users[len(part.Users):]
		if part.Users == nil {
			part.Users = []presence.Person{}
		}
		msg, err := json.Marshal(part)
		if err == nil {
			err = a.deps.Live.Publish(presence.ChannelOf(room), msg)
		}
		a.metrics.told.Inc()
		if err != nil {
			a.metrics.lost.Inc()
			a.deps.Log.Debug("could not tell watchers of a change", zap.String("room", room), zap.Error(err))
		}
		if len(users) == 0 {
			return
		}
	}
}
