package load

import (
	"time"

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

	Token string // access token of the one user of all sockets; empty: guests
	// how long Enter waits for a further socket before it gives up; 0: a minute
	Patience time.Duration
	Speakers int           // sockets that send messages; 0: all that are in a room
	Think    time.Duration // between two messages of a socket, instead of Rate; 0: Rate
	Library  bool          // the sockets are those of libs/client, not of a swarm
}

func (p *Plan) size(room int) int { return Size{p.Size, p.Zipf}.of(room, p.Sockets) }

// complete sets the defaults.
func (p *Plan) complete() {
	if len(p.Edges) == 0 {
		p.Edges = []string{p.URL}
	}
	if p.Patience == 0 {
		p.Patience = time.Minute
	}
}

// Validate returns what is wrong with the plan, by the names of the flags.
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

// Bounds of a plan. They are far beyond what any machine can do, and keep the values that are
// computed from them finite.
const (
	maxSockets = 100_000_000
	maxRooms   = 10_000_000
	maxRate    = 100_000_000
	maxThink   = 24 * time.Hour
)

// maxBytes is the longest text that every Hubbub accepts by default.
const maxBytes = 16 << 10
