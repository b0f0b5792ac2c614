package follow

import (
	"bytes"
	"cmp"
	"slices"
	"sync"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// recent is how many of a room's entries before the last one are remembered, so that a hint that
// repeats one of them is dropped without asking the log. A bus that retries repeats within a few
// entries.
const recent = 4

// A room is the engine's state of one room's log. It is small: an edge has 100,000 of them.
type room struct {
	name string

	mu      sync.Mutex
	state   state
	filling bool   // queued for a fill, or being filled: hints are held back
	epoch   uint32 // the engine's epoch when the log last confirmed the last entry
	again   bool   // hints were dropped during the fill, so it has to read once more
	heldID  []byte
	// Seq of the last entry delivered, or the head at the join; heldID is its ID, if known
	held uint64
	// nothing is missing up to here, >= held: comparisons and fills have shown it
	through uint64
	// a hint said that the log reaches here: a fill that ends before it reads again
	want  uint64
	first uint64 // the first hint with an unknown place since want was 0
	// 1 + a head below held about which the log has been asked: the last entry was removed or
	// trimmed
	low      uint64
	lowAsked uint64         // the same, while the log is being asked
	past     [recent]uint64 // marks of the entries delivered before held, a ring
	pastNext uint8
	heard    bool  // a hint came since the last comparison
	deaf     uint8 // comparisons in a row that found the room behind although no hint had come
	// hints held back, in order of arrival, all from the engine's epoch backEpoch
	back      []driver.Entry
	backEpoch uint32
	followers []*subscription
	waiters   []*subscription // followers whose Follow waits for the join
}

type state uint8

const (
	joining state = iota // not yet subscribed, or its head not yet known: hints are held back
	live
	gone // no longer in the table; get another from there
)

// hint takes a live entry.
func (r *room) hint(e *Engine, en driver.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = true
	switch {
	case r.state == gone:
	case r.state == joining:
		r.holdBack(e, en)
	case r.filling:
		// an older entry is known already, or comes out in the fill, which checks held against the
		// log
		if en.Seq > r.held {
			r.holdBack(e, en)
		}
	default:
		r.accept(e, en)
	}
}

// accept judges a hint while the room is not being filled. r.mu is held.
func (r *room) accept(e *Engine, en driver.Entry) {
	switch {
	case en.Seq > r.held && en.Prev == r.held && en.Prev != 0 && r.epoch == e.epoch.Load():
		r.deliver(en)
	case en.Seq > r.held:
		e.metrics.gaps.Inc()
		r.holdBack(e, en)
		r.fill(e)
	case r.known(en.Seq, en.ID):
		e.metrics.repeats.Inc()
	// an unknown entry at a place already passed: it is very late, or the log was rewound
	default:
		r.remember(mark(en.Seq, en.ID)) // ask about it once
		r.fill(e)
	}
}

// deliver delivers an entry to the followers. r.mu is held.
func (r *room) deliver(en driver.Entry) {
	en.Prev = r.held
	if r.held != 0 {
		r.remember(mark(r.held, r.heldID))
	}
	r.held, r.through = en.Seq, max(r.through, en.Seq)
	r.heldID = append(r.heldID[:0], en.ID...)
	r.low, r.lowAsked = 0, 0
	for _, s := range r.followers {
		s.f.Entry(en)
	}
}

// rewind starts the room anew at head. r.mu is held.
func (r *room) rewind(head Head) {
	r.moveTo(head)
	for _, s := range r.followers {
		s.f.Rewound(r.name, head.Seq)
	}
}

// moveTo sets held to head. r.mu is held.
func (r *room) moveTo(head Head) {
	r.held, r.through = head.Seq, max(head.Seq, head.Through, head.Front)
	r.heldID = append(r.heldID[:0], head.ID...)
	r.past, r.want, r.first, r.low, r.lowAsked = [recent]uint64{}, 0, 0, 0, 0
}

// distrust notes that something should have come live and did not. r.mu is held.
func (r *room) distrust(e *Engine) { r.epoch = e.epoch.Load() - 1 }

// missing reports whether entries may be missing before those of a truncated replay from through.
// r.mu is held.
//
// If the driver knows that retention removed entries of the room itself, they are missing. A coarse
// driver only knows that it removed entries of any room, and a log that is small and busy turns
// over between two comparisons. Then the engine assumes that the room has missed nothing as long as
// its subscription has been undisturbed since the log last confirmed it, and all that came live is
// there: otherwise idle rooms would be told of a loss again and again. What came live and is not
// there although retention has not come as far was removed since.
func (r *room) missing(e *Engine, rep driver.Replayed, front uint64) bool {
	if !e.opts.Coarse || r.epoch != e.epoch.Load() {
		return true
	}
	last := r.held
	if n := len(rep.Entries); n > 0 {
		last = rep.Entries[n-1].Seq
	}
	taken := func(seq uint64) bool {
		return seq > r.held && seq <= front && (seq <= last || !rep.More) && !slices.ContainsFunc(rep.Entries, func(o driver.Entry) bool { return o.Seq == seq })
	}
	return taken(r.first) || taken(r.want) || slices.ContainsFunc(r.back, func(en driver.Entry) bool { return taken(en.Prev) })
}

// miss goes on with the entries of a truncated replay, and tells the followers. r.mu is held.
func (r *room) miss(e *Engine, rep driver.Replayed) {
	through := rep.Through
	if len(rep.Entries) > 0 {
		through = rep.Entries[0].Seq - 1
	}
	if through <= r.held {
		return // nothing fits between them
	}
	e.metrics.missed.Inc()
	e.log.Warn("retention removed entries of a room before they were delivered", zap.String("room", r.name),
		zap.Uint64("held", r.held), zap.Uint64("through", through))
	if r.held != 0 {
		r.remember(mark(r.held, r.heldID))
	}
	r.held, r.heldID, r.through = through, r.heldID[:0], max(r.through, through)
	r.low, r.lowAsked = 0, 0
	for _, s := range r.followers {
		s.f.Missed(r.name, through)
	}
}

// known reports whether the entry was delivered. r.mu is held.
func (r *room) known(seq uint64, id string) bool {
	if seq == r.held {
		return len(r.heldID) == 0 || string(r.heldID) == id
	}
	return slices.Contains(r.past[:], mark(seq, id))
}

func (r *room) remember(m uint64) {
	r.past[r.pastNext%recent] = m
	r.pastNext++
}

// mark is a fingerprint of an entry's identity (FNV-1a, which needs no seed and no allocation).
func mark[T string | []byte](seq uint64, id T) uint64 {
	h := uint64(14695981039346656037)
	for i := range 8 {
		h = (h ^ (seq >> (8 * i) & 0xff)) * 1099511628211
	}
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}

// holdBack keeps a hint until the room has been filled. r.mu is held.
func (r *room) holdBack(e *Engine, en driver.Entry) {
	if en.Prev == 0 || en.Prev < r.held {
		r.want = max(r.want, en.Seq) // its place is unknown: the log has to say
		if r.first == 0 || en.Seq < r.first {
			r.first = en.Seq
		}
		return
	}
	r.expire(e)
	n := int64(len(en.Data))
	if len(r.back) >= e.opts.HoldBack || e.held.Load()+n > e.opts.HoldBytes {
		r.dropBack(e)
		r.again = true
		r.distrust(e)
		e.metrics.overflows.Inc()
		return
	}
	e.held.Add(n)
	en.Data = bytes.Clone(en.Data)
	r.back = append(r.back, en)
}

// expire drops hints from before the last Suspect: their log may have been rewound since. r.mu is
// held.
func (r *room) expire(e *Engine) {
	epoch := e.epoch.Load()
	if len(r.back) > 0 && r.backEpoch != epoch {
		r.dropBack(e)
		r.again = true
	}
	r.backEpoch = epoch
}

// dropBack drops the hints that are held back. r.mu is held.
func (r *room) dropBack(e *Engine) {
	for _, en := range r.back {
		e.held.Add(-int64(len(en.Data)))
	}
	r.back = nil
}

// settle delivers the held-back entries as far as each follows the one before, after the log was
// read through covered, and reports whether the room needs no further fill. r.mu is held.
func (r *room) settle(e *Engine, covered uint64) bool {
	covered = max(covered, r.held)
	r.expire(e)
	back := r.back
	r.back = nil
	slices.SortStableFunc(back, func(a, b driver.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	for i, en := range back {
		if en.Seq > covered && en.Prev != r.held {
			r.back = slices.Clone(back[i:])
			return false
		}
		e.held.Add(-int64(len(en.Data)))
		if en.Seq > covered {
			r.deliver(en)
			covered = en.Seq
		}
	}
	r.through = max(r.through, covered)
	if r.again || r.want > covered {
		return false
	}
	r.want, r.first = 0, 0
	return true
}

// fill schedules a read of the room from the log, unless one is scheduled already. r.mu is held.
func (r *room) fill(e *Engine) {
	if !r.filling {
		r.filling = true
		e.fills.push(r)
	}
}

// close keeps new followers out of the room.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.followers, r.back = gone, nil, nil
	for _, s := range r.waiters {
		s.finish(0, driver.ErrClosed)
	}
	r.waiters = nil
}
