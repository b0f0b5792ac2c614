package client

import (
	"hash/maphash"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

const (
	// recentEntries is how many of a room's last entries are known by identity. It covers what one
	// join replays.
	recentEntries = 1024
	// maxAhead is how many entries are kept that came before the entry they follow.
	maxAhead = 1024
	// maxHoles is how often in a row the client asks again for a replay with a hole before it
	// accepts that the log has no more.
	maxHoles = 3
)

var seed = maphash.MakeSeed()

// room is the client's state of a room that it has joined. Client.mu guards it.
type room struct {
	name string
	own  bool // the user's own room: joined by the server

	last   wire.Position // the last entry delivered, or the position that the room was joined at
	held   uint64        // everything through this seq has been delivered; at least last.Seq
	placed bool          // last and held are set
	recent []uint64      // hashes of the identities of the last entries; a ring once it is full
	next   int           // the ring's next index

	live    bool   // joined on the connection, and complete
	syncing bool   // a goroutine is joining it
	asked   string // request id of the latest join
	// entries that came before the entry they follow, in the order of arrival
	ahead   []wire.Event
	flooded bool // some of them were dropped
	holes   int  // replays with a hole in a row
	watched bool

	asking *asking // the join that was sent for the goroutine; nil: it sends the next one itself

	waits <-chan error // receives from done, for finish
	done  chan error   // of the Join that waits for the room, with capacity 1; nil: none waits
	end   wire.Event   // the latest joined
	left  bool         // the client has left it
}

// place puts the room at a position: nothing before it will be delivered, and earlier entries are
// forgotten.
func (r *room) place(p wire.Position) {
	r.last, r.held, r.placed = p, p.Seq, true
	r.recent, r.next, r.ahead, r.flooded, r.holes = nil, 0, nil, false, 0
}

func identity(e *wire.Event) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(e.User)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(e.ID)
	return h.Sum64()
}

func (r *room) remember(id uint64) {
	if len(r.recent) < recentEntries {
		r.recent = append(r.recent, id)
		return
	}
	r.recent[r.next] = id
	r.next = (r.next + 1) % recentEntries
}

// verdict is what to do with an entry.
type verdict uint8

const (
	drop    verdict = iota
	deliver         // it is the next
	ahead           // something is missing before it
	rewound         // another entry stood at its place
)

// judge compares an entry with what was delivered before.
func (r *room) judge(e *wire.Event, id uint64) verdict {
	switch {
	case e.Seq <= r.held && slices.Contains(r.recent, id):
		return drop
	case e.Seq <= r.held:
		return rewound
	// a replay contains nothing from before a reset
	case e.Prev > r.held && e.Type != chat.TypeReset:
		return ahead
	}
	return deliver
}

// advance moves the room on to an entry, and reports whether to deliver it: not if it was delivered
// at another seq.
func (r *room) advance(e *wire.Event, id uint64) bool {
	known := slices.Contains(r.recent, id)
	r.last, r.held = wire.Position{Seq: e.Seq, ID: e.ID}, e.Seq
	if !known {
		r.remember(id)
	}
	return !known
}

// entry handles an entry of a room's log and returns what to deliver.
func (j *joins) entry(e wire.Event) (out []wire.Event) {
	j.link.mu.Lock()
	defer j.link.mu.Unlock()
	r := j.rooms[e.Room]
	switch {
	case r == nil:
		return nil // it was left
	case !r.placed && !r.live:
		r.keep(e) // joined will say where the room begins
		return nil
	case !r.placed:
		r.place(wire.Position{Seq: e.Prev}) // the user's own room, live without a join
	}
	id := identity(&e)
	switch r.judge(&e, id) {
	case deliver:
		if r.advance(&e, id) {
			out = append(out, e)
		}
	case ahead:
		r.keep(e)
		j.resync(r)
	case rewound:
		r.keep(e) // it counts if the join finds the log rewound
		if r.live {
			j.resync(r)
		}
	case drop:
	}
	return out
}

func (r *room) keep(e wire.Event) {
	if len(r.ahead) == maxAhead {
		r.flooded = true
		return
	}
	r.ahead = append(r.ahead, e)
}

// joined handles the answer to a join and returns what to deliver.
func (j *joins) joined(e wire.Event) (out []wire.Event) {
	j.link.mu.Lock()
	defer j.link.mu.Unlock()
	r := j.rooms[e.Room]
	// unasked; a join in progress finds out by itself
	if r != nil && e.ID == "" && e.Rewind && r.live {
		r.place(wire.Position{Seq: e.Seq})
		return []wire.Event{e}
	}
	if r == nil || r.asked != e.ID || j.link.pending[e.ID] == nil {
		return nil // the room was left or joined anew, or an earlier attempt was given up
	}
	r.end = e
	switch {
	case e.Rewind:
		kept := r.ahead
		r.place(wire.Position{Seq: e.Seq})
		r.ahead = kept
		out = append(out, e)
	case !r.placed:
		kept, flooded := r.ahead, r.flooded
		r.place(wire.Position{Seq: e.Seq})
		r.ahead, r.flooded = kept, flooded
	case r.hole(e.Seq) && r.holes < maxHoles:
		// The replay lacks an entry that later ones name. Ask again from where it is complete.
		r.holes++
		r.ahead, r.flooded = nil, false
		return nil
	default:
		out = r.drain(out, e.Seq)
		r.held = max(r.held, e.Seq)
		r.holes = 0
	}
	if e.More {
		r.ahead, r.flooded = nil, false // the server sends it again
		return out
	}
	r.live = true
	out = r.drain(out, 0)
	if len(r.ahead) > 0 || r.flooded {
		r.ahead, r.flooded = nil, false
		r.live = false // the goroutine that joins sees it and goes on
	}
	j.link.announce()
	return out
}

// hole reports whether an entry through seq waits for one before it.
func (r *room) hole(seq uint64) bool {
	return slices.ContainsFunc(r.ahead, func(e wire.Event) bool { return r.held < e.Seq && e.Seq <= seq })
}

// drain delivers kept entries: those through a seq whatever they follow, the others as long as each
// follows the one before.
func (r *room) drain(out []wire.Event, through uint64) []wire.Event {
	kept := r.ahead
	slices.SortStableFunc(kept, func(a, b wire.Event) int {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	for len(kept) > 0 {
		e := kept[0]
		if id := identity(&e); e.Seq > r.held {
			if e.Seq > through && r.judge(&e, id) == ahead {
				break
			}
			if r.advance(&e, id) {
				out = append(out, e)
			}
		}
		kept = kept[1:]
	}
	r.ahead = kept
	return out
}
