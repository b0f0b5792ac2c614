package replica

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/presence/roster"
)

// Bounds against what a broken edge may send.
const (
	maxEdges      = 4096
	maxHeld       = 8 << 20 // bytes of changes of one edge that wait for a snapshot
	maxTombstones = 2 * maxEdges
)

// The reasons for which a report is refused, as the metric names them.
const (
	refusedDamaged  = "damaged"         // not a report, or of another version
	refusedOld      = "old_incarnation" // from a process of the edge that a later one has replaced
	refusedLate     = "after_goodbye"   // from a process that has said that it is gone
	refusedReplayed = "replayed"        // a heartbeat that was there before
	refusedRepeated = "repeated"        // changes that were applied before
	refusedDigest   = "digest_version"  // only the digest is passed over
	refusedTooMany  = "too_many_edges"
)

// errAway says that a snapshot is of a process that is no longer this edge's, or that changes have
// gone on too far.
var errAway = errors.New("the edge has moved on meanwhile")

// edges is the state machine: what is known of each edge. It has no clock and no bus; its owner
// locks.
type edges struct {
	roster    *roster.Roster
	expiry    time.Duration
	jitter    time.Duration // the longest wait before the first request for a snapshot
	refuse    func(reason string)
	healed    func(cause string) // a snapshot was asked for, and why
	known     map[string]*edge
	gone      map[string]tombstone
	lost      []Lost          // edges that went without a goodbye
	change    presence.Change // scratch
	nextRetry func(failures int) time.Duration
}

// Lost is a process of an edge that is gone and did not say so.
type Lost struct {
	Users []string  // those who were on it for others to see, some of them several times
	At    time.Time // when it was last heard
}

// edge is one process of an edge.
type edge struct {
	id          string
	incarnation uint64
	sessions    *roster.Edge
	beat        uint64    // of the last heartbeat
	heard       time.Time // when that came
	applied     uint64    // every change through this one is in sessions
	// from this change on, sessions is exact: while less is applied a snapshot runs ahead
	settled uint64
	newest  uint64 // the highest number heard of

	held      []heldChanges // what a snapshot is to go on with, by number
	heldBytes int

	wanted   bool      // a snapshot is wanted
	gap      bool      // only because changes are missing: their late arrival will do
	need     uint64    // it has to include every change through this one
	at       time.Time // not before
	fetching bool
	failures int // snapshots asked for since the digest was last right
}

type heldChanges struct {
	changes presence.Changes
	size    int
}

// tombstone remembers the last process of an edge that is gone, so that what it said does not bring
// it back.
type tombstone struct {
	incarnation uint64
	beat        uint64
	goodbye     bool
	until       time.Time
}

func newEdges(r *roster.Roster, expiry, jitter time.Duration, refuse, healed func(string)) *edges {
	return &edges{
		roster: r, expiry: expiry, jitter: jitter, refuse: refuse, healed: healed,
		known: make(map[string]*edge), gone: make(map[string]tombstone), nextRetry: retryAfter,
	}
}

// retryAfter is how long to wait after so many snapshots that failed or did not make the digest
// right.
func retryAfter(failures int) time.Duration {
	d := min(250*time.Millisecond<<min(failures, 8), 30*time.Second)
	return d/2 + rand.N(d/2)
}

// receive takes a message of an edge, which it keeps nothing of.
func (es *edges) receive(now time.Time, msg []byte) {
	report, err := presence.DecodeReport(msg)
	if err != nil {
		es.refuse(refusedDamaged)
		return
	}
	e := es.find(now, &report)
	switch {
	case e == nil:
	case report.Goodbye:
		es.remove(now, e, true)
	case report.Heartbeat != nil:
		es.heartbeat(now, e, report.Heartbeat)
	default:
		es.changes(now, e, msg, report.Changes)
	}
}

// find returns the process that speaks, which replaces an older one of the same edge, or nil if it
// may not speak.
func (es *edges) find(now time.Time, r *presence.Report) *edge {
	e := es.known[string(r.Edge)]
	if e != nil && e.incarnation == r.Incarnation {
		return e
	}
	if e != nil && r.Incarnation < e.incarnation {
		es.refuse(refusedOld)
		return nil
	}
	stone, buried := es.gone[string(r.Edge)]
	if e == nil && buried && now.Before(stone.until) {
		switch {
		case r.Incarnation < stone.incarnation:
			es.refuse(refusedOld)
			return nil
		case r.Incarnation == stone.incarnation && stone.goodbye:
			es.refuse(refusedLate)
			return nil
		case r.Incarnation == stone.incarnation && r.Heartbeat != nil && r.Heartbeat.Beat <= stone.beat:
			es.refuse(refusedReplayed)
			return nil
		}
	}
	if e != nil {
		es.lose(now, e, true)
	} else if len(es.known) >= maxEdges {
		es.refuse(refusedTooMany)
		return nil
	}
	id := string(r.Edge)
	if r.Goodbye {
		es.bury(now, id, tombstone{incarnation: r.Incarnation, goodbye: true})
		return nil
	}
	// A process begins with no session and at number 0, so what is missing shows by the numbers.
	e = &edge{id: id, incarnation: r.Incarnation, sessions: roster.NewEdge(), heard: now}
	if buried && stone.incarnation == r.Incarnation {
		e.beat = stone.beat
	}
	delete(es.gone, id)
	es.known[id] = e
	return e
}

// lose removes an edge that did not say goodbye. final: nothing brings this process of it back.
func (es *edges) lose(now time.Time, e *edge, final bool) {
	es.lost = append(es.lost, Lost{Users: es.roster.Visible(e.sessions), At: e.heard})
	es.remove(now, e, final)
}

func (es *edges) remove(now time.Time, e *edge, goodbye bool) {
	es.roster.Drop(e.sessions)
	delete(es.known, e.id)
	es.bury(now, e.id, tombstone{incarnation: e.incarnation, beat: e.beat, goodbye: goodbye})
}

func (es *edges) bury(now time.Time, id string, t tombstone) {
	if len(es.gone) >= maxTombstones {
		return
	}
	t.until = now.Add(4 * es.expiry)
	es.gone[id] = t
}

func (es *edges) heartbeat(now time.Time, e *edge, h *presence.Heartbeat) {
	if h.Beat <= e.beat {
		es.refuse(refusedReplayed)
		return
	}
	e.beat, e.heard = h.Beat, now
	e.newest = max(e.newest, h.Number)
	switch {
	case h.Number < e.applied:
		// Everything that a heartbeat counts is sent before it: this one was overtaken, or a
		// snapshot ran ahead of it.
	case h.Number > e.applied:
		es.want(now, e, h.Number, true)
	case e.wanted || h.Number < e.settled:
	case h.DigestVersion != presence.DigestVersion:
		es.refuse(refusedDigest)
		if uint64(e.sessions.Count()) != h.Count {
			es.want(now, e, h.Number, false)
		}
	case h.Digest != e.sessions.Digest() || h.Count != uint64(e.sessions.Count()):
		es.want(now, e, h.Number, false)
	default:
		e.failures = 0
	}
}

// want asks for a snapshot that includes every change through need.
func (es *edges) want(now time.Time, e *edge, need uint64, gap bool) {
	e.need = max(e.need, need)
	if e.wanted {
		e.gap = e.gap && gap
		return
	}
	e.wanted, e.gap = true, gap
	e.at = now.Add(time.Duration(rand.Int64N(int64(es.jitter) + 1)))
	if e.failures > 0 {
		e.at = now.Add(es.nextRetry(e.failures))
	}
	if gap {
		es.healed("missing")
	} else {
		es.healed("digest")
	}
}

// changes applies changes, or holds a copy of them until those before them are there.
func (es *edges) changes(now time.Time, e *edge, msg []byte, cs *presence.Changes) {
	last := cs.From + cs.N
	e.newest = max(e.newest, last)
	if last <= e.applied {
		es.refuse(refusedRepeated)
		return
	}
	if err := cs.Each(&es.change, func(*presence.Change) {}); err != nil {
		es.refuse(refusedDamaged)
		es.want(now, e, last, false)
		return
	}
	if cs.From <= e.applied {
		es.apply(e, cs)
		if !e.wanted {
			return
		}
	} else {
		es.want(now, e, cs.From, true)
	}
	// A snapshot is on its way, which these go on from.
	at, found := slices.BinarySearchFunc(e.held, cs.From, func(h heldChanges, from uint64) int { return cmp.Compare(h.changes.From, from) })
	if found {
		es.refuse(refusedRepeated)
		return
	}
	if e.heldBytes+len(msg) > maxHeld {
		// The snapshot has to be newer than all of this.
		e.held, e.heldBytes = nil, 0
		e.need, e.gap = max(e.need, e.newest), false
		return
	}
	e.held = slices.Insert(e.held, at, heldChanges{cs.Clone(), len(msg)})
	e.heldBytes += len(msg)
	if e.gap && !e.fetching {
		es.drain(now, e) // what was missing has perhaps only been late
	}
}

// apply applies changes that are right and of which the first ones may have been applied before.
func (es *edges) apply(e *edge, cs *presence.Changes) {
	// was checked when it came
	_ = cs.Each(&es.change, func(c *presence.Change) { es.roster.Apply(e.sessions, c) })
	e.applied = cs.From + cs.N
}

// drain applies what is held as far as the numbers go on without a gap, and gives up the wish for a
// snapshot when nothing is missing any more.
func (es *edges) drain(now time.Time, e *edge) {
	for len(e.held) > 0 && e.held[0].changes.From <= e.applied {
		h := e.held[0]
		e.held = slices.Delete(e.held, 0, 1)
		e.heldBytes -= h.size
		if h.changes.From+h.changes.N > e.applied {
			es.apply(e, &h.changes)
		}
	}
	switch {
	case len(e.held) == 0 && e.applied >= e.need:
		e.wanted = false
	case e.wanted: // already; its time is not put off by everything that comes
	case len(e.held) > 0:
		es.want(now, e, e.held[0].changes.From, true)
	default:
		es.want(now, e, e.need, true)
	}
}

// expire removes the edges that have been silent for too long, and forgets tombstones.
func (es *edges) expire(now time.Time) (removed int) {
	for _, e := range es.known {
		if now.Sub(e.heard) >= es.expiry {
			es.lose(now, e, false)
			removed++
		}
	}
	for id, t := range es.gone {
		if now.After(t.until) {
			delete(es.gone, id)
		}
	}
	return removed
}

// forgive gives every edge the time that this replica could not hear it.
func (es *edges) forgive(now time.Time) {
	for _, e := range es.known {
		e.heard = now
	}
}

// synced reports whether every edge's sessions are known.
func (es *edges) synced() bool {
	for _, e := range es.known {
		if e.wanted || e.applied < e.settled {
			return false
		}
	}
	return true
}
