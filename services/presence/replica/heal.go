package replica

import (
	"time"

	"hubbub.internal/libs/api/presence"
)

// heal is a snapshot that is being applied to an edge.
type heal struct {
	edge  *edge
	need  uint64 // the least number that it has to include
	first presence.Chunk
}

// due returns the edges whose snapshot is to be asked for now, at most limit of them, and marks
// them as being asked.
func (es *edges) due(now time.Time, limit int) []*heal {
	var out []*heal
	for _, e := range es.known {
		if len(out) == limit {
			break
		}
		if e.wanted && !e.fetching && !now.Before(e.at) {
			e.fetching = true
			out = append(out, &heal{edge: e, need: e.need})
		}
	}
	return out
}

// current reports whether the edge is still the process that is asked.
func (es *edges) current(h *heal) bool { return es.known[h.edge.id] == h.edge }

// begin starts to apply a snapshot with its first chunk.
func (es *edges) begin(h *heal, first presence.Chunk) error {
	if !es.current(h) {
		return errAway
	}
	h.first = first
	es.roster.BeginSnapshot(h.edge.sessions)
	return es.chunk(h, first)
}

// chunk applies one chunk.
func (es *edges) chunk(h *heal, c presence.Chunk) error {
	if !es.current(h) {
		return errAway
	}
	return c.Each(&es.change, func(c *presence.Change) { es.roster.Apply(h.edge.sessions, c) })
}

// finish ends a snapshot, all of whose chunks are applied, and goes on with the changes that came
// meanwhile.
func (es *edges) finish(now time.Time, h *heal) error {
	if !es.current(h) {
		return errAway
	}
	e := h.edge
	es.roster.EndSnapshot(e.sessions)
	e.applied, e.settled = h.first.From, h.first.To
	e.newest = max(e.newest, e.settled)
	e.fetching, e.wanted, e.gap = false, false, false
	// It counts as a failure until a heartbeat has shown that it was right, so that an edge whose
	// digest is never right is not asked all the time.
	e.failures++
	es.drain(now, e)
	return nil
}

// fail puts the next attempt off.
func (es *edges) fail(now time.Time, h *heal) {
	if !es.current(h) {
		return
	}
	h.edge.fetching = false
	h.edge.failures++
	h.edge.at = now.Add(es.nextRetry(h.edge.failures))
}
