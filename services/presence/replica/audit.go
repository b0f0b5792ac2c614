package replica

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
)

// The audit compares what this replica holds with the table of sockets that each edge really has, by their ids. The
// digests that heal everything else compare what was told; this finds what an edge did not tell, and what a replica
// did not do. It changes nothing: what it finds is a fault of the program, which metrics and the log show.

// finding is what the last audit of an edge found.
type finding struct {
	ghosts, missing int       // sessions that only the replica has, and only the edge
	since           time.Time // when the oldest was first found
}

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
			if err := r.auditEdge(ctx, e); err != nil && ctx.Err() == nil && !errors.Is(err, errAway) {
				r.log.Warn("an edge could not be compared with what is held of it", zap.String("edge", e.id), zap.Error(err))
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

// auditEdge compares with an edge. What differs is compared again after a while: only what changes cannot explain counts.
func (r *Replica) auditEdge(ctx context.Context, e *edge) error {
	ghosts, missing, err := r.compare(ctx, e)
	if err == nil && len(ghosts)+len(missing) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * r.cfg.Heartbeat):
		}
		var ghosts2, missing2 []uint64
		ghosts2, missing2, err = r.compare(ctx, e)
		ghosts, missing = both(ghosts, ghosts2), both(missing, missing2)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	before := r.found[e]
	now := finding{ghosts: len(ghosts), missing: len(missing), since: before.since}
	if now.ghosts+now.missing == 0 {
		delete(r.found, e)
	} else {
		if now.since.IsZero() {
			now.since = time.Now()
		}
		r.found[e] = now
	}
	r.mu.Unlock()
	if now.ghosts+now.missing > 0 && (now.ghosts != before.ghosts || now.missing != before.missing) {
		r.log.Error("sessions of an edge are not as it has them: this is a fault of the program",
			zap.String("edge", e.id), zap.Int("ghosts", now.ghosts), zap.Int("missing", now.missing))
	}
	return nil
}

// compare returns the ids of the sessions that only the replica has, and of those that only the edge has, sorted. Those
// that came and went meanwhile may be among them.
func (r *Replica) compare(ctx context.Context, e *edge) (ghosts, missing []uint64, err error) {
	r.mu.RLock()
	req := presence.SnapshotRequest{Min: e.applied}
	r.mu.RUnlock()
	var there []uint64
	var change presence.Change
	for {
		one, cancel := context.WithTimeout(ctx, fetchTimeout)
		c, err := presence.FetchSnapshot(one, r.bus, e.id, e.incarnation, req)
		cancel()
		if err != nil {
			return nil, nil, err
		}
		if err := c.Each(&change, func(c *presence.Change) { there = append(there, c.ID) }); err != nil {
			return nil, nil, err
		}
		req.ID, req.Index = c.ID, c.Index+1
		if req.Index == c.Chunks {
			break
		}
	}
	r.mu.RLock()
	if r.edges.known[e.id] != e {
		r.mu.RUnlock()
		return nil, nil, errAway
	}
	held := r.roster.IDs(e.sessions)
	r.mu.RUnlock()
	slices.Sort(there)
	slices.Sort(held)
	return without(held, there), without(there, held), nil
}

// without returns what is in a and not in b; both are sorted.
func without(a, b []uint64) []uint64 {
	var out []uint64
	for _, id := range a {
		for len(b) > 0 && b[0] < id {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != id {
			out = append(out, id)
		}
	}
	return out
}

// both returns what is in a and in b; both are sorted.
func both(a, b []uint64) []uint64 { return without(a, without(a, b)) }

// total sums up what the last audits found. The caller holds mu.
func (r *Replica) total() (ghosts, missing int, oldest time.Duration) {
	for e, f := range r.found {
		if r.edges.known[e.id] != e {
			continue // it is gone, with all that was held of it
		}
		ghosts, missing, oldest = ghosts+f.ghosts, missing+f.missing, max(oldest, time.Since(f.since))
	}
	return ghosts, missing, oldest
}
