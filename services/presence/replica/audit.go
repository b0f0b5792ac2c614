package replica

import (
	"context"
	"errors"
	"maps"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/await"
)

// The audit compares what this replica holds with the table of sockets that each edge really has,
// session by session and with all that is told of one: its user, device, status and rooms. The
// digests that heal everything else compare what was told; this finds what an edge did not tell,
// and what a replica did not do. It changes nothing: what it finds is a fault of the program, which
// metrics and the log show.

// finding is what the last audit of an edge found.
type finding struct {
	// sessions that only the replica has, that only the edge has, and that are not alike
	ghosts, missing, differing int
	since                      time.Time // when the oldest was first found
}

func (f finding) any() bool { return f.ghosts+f.missing+f.differing > 0 }

// differences are the sessions of an edge that are not held as the edge has them.
type differences struct {
	ghosts, missing map[uint64]bool // by id
	differing       map[unlike]bool
}

// unlike is a session whose facts are others here and there.
type unlike struct{ id, here, there uint64 }

// audit compares with every edge, one after the other, every so often until ctx ends.
func (r *Replica) audit(ctx context.Context) {
	if r.cfg.Audit <= 0 {
		return
	}
	tick := time.NewTicker(r.cfg.Audit)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, e := range r.auditable() {
			switch err := r.auditEdge(ctx, e); {
			case err == nil:
				r.metrics.audits.WithLabelValues("ok").Inc()
			case ctx.Err() == nil && !errors.Is(err, errAway):
				r.metrics.audits.WithLabelValues("failed").Inc()
				r.log.Warn("could not compare the sessions of an edge with the edge", zap.String("edge", e.id), zap.Error(err))
			}
		}
	}
}

// auditable returns the edges that are there, and forgets what was found of others.
func (r *Replica) auditable() []*edge {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := range r.found {
		if r.edges.known[e.id] != e {
			delete(r.found, e)
		}
	}
	if !r.ready {
		return nil
	}
	all := make([]*edge, 0, len(r.edges.known))
	for _, e := range r.edges.known {
		all = append(all, e)
	}
	return all
}

// auditEdge compares with an edge. What differs is compared again after a while: only what changes
// cannot explain, and so is just the same both times, counts.
func (r *Replica) auditEdge(ctx context.Context, e *edge) error {
	d, err := r.compare(ctx, e)
	if err == nil && len(d.ghosts)+len(d.missing)+len(d.differing) > 0 {
		if err := await.Sleep(ctx, 2*r.cfg.Heartbeat); err != nil {
			return err
		}
		var again differences
		again, err = r.compare(ctx, e)
		keep(d.ghosts, again.ghosts)
		keep(d.missing, again.missing)
		keep(d.differing, again.differing)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	before := r.found[e]
	now := finding{ghosts: len(d.ghosts), missing: len(d.missing), differing: len(d.differing), since: before.since}
	if !now.any() {
		delete(r.found, e)
	} else {
		if now.since.IsZero() {
			now.since = time.Now()
		}
		r.found[e] = now
	}
	r.mu.Unlock()
	if now.any() && now != before {
		r.log.Error("the sessions of an edge differ from those that the edge has: this is a fault of the program, so please report it",
			zap.String("edge", e.id), zap.Int("ghosts", now.ghosts), zap.Int("missing", now.missing), zap.Int("differing", now.differing))
	}
	return nil
}

// compare returns how what is held of an edge differs from what it has. Sessions that came, went or
// changed meanwhile may be among them.
func (r *Replica) compare(ctx context.Context, e *edge) (differences, error) {
	d := differences{ghosts: make(map[uint64]bool), missing: make(map[uint64]bool), differing: make(map[unlike]bool)}
	r.mu.RLock()
	req := presence.SnapshotRequest{Min: e.applied}
	for _, id := range r.roster.IDs(e.sessions) {
		d.ghosts[id] = true // until the edge names it
	}
	r.mu.RUnlock()
	var change presence.Change
	for {
		one, cancel := context.WithTimeout(ctx, fetchTimeout)
		c, err := presence.FetchSnapshot(one, r.bus, e.id, e.incarnation, req)
		cancel()
		if err != nil {
			return d, err
		}
		var there []unlike
		if err := c.Each(&change, func(c *presence.Change) { there = append(there, unlike{id: c.ID, there: c.Digest()}) }); err != nil {
			return d, err
		}
		if err := r.compareChunk(e, there, &d); err != nil {
			return d, err
		}
		req.ID, req.Index = c.ID, c.Index+1
		if req.Index == c.Chunks {
			return d, nil
		}
	}
}

// compareChunk compares some of the sessions that an edge has.
func (r *Replica) compareChunk(e *edge, there []unlike, d *differences) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.edges.known[e.id] != e {
		return errAway
	}
	for _, s := range there {
		delete(d.ghosts, s.id)
		here, held := r.roster.DigestOf(e.sessions, s.id)
		switch {
		case !held:
			d.missing[s.id] = true
		case here != s.there:
			s.here = here
			d.differing[s] = true
		}
	}
	return nil
}

// keep removes from a what is not in b.
func keep[K comparable](a, b map[K]bool) {
	maps.DeleteFunc(a, func(k K, _ bool) bool { return !b[k] })
}

// total sums up what the last audits found. The caller holds mu.
func (r *Replica) total() finding {
	var all finding
	for e, f := range r.found {
		if r.edges.known[e.id] != e {
			continue // it is gone, with all that was held of it
		}
		all.ghosts, all.missing, all.differing = all.ghosts+f.ghosts, all.missing+f.missing, all.differing+f.differing
		if all.since.IsZero() || f.since.Before(all.since) {
			all.since = f.since
		}
	}
	return all
}
