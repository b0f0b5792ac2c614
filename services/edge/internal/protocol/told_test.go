package protocol

import (
	"slices"
	"strings"
	"sync"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/edge/internal/conn"
)

// told is what the edge has told the presence service of its sessions.
type told struct {
	mu       sync.Mutex
	sessions map[uint64]*presence.Session
	number   uint64 // of the last change
	lost     bool   // a report was: the bus was away, and a replica would ask for a snapshot
	faults   []string
}

// receive applies a report.
func (p *told) receive(msg []byte) (beat *presence.Heartbeat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == nil {
		p.sessions = map[uint64]*presence.Session{}
	}
	r, err := presence.DecodeReport(msg)
	if err != nil {
		p.faults = append(p.faults, err.Error())
		return nil
	}
	if r.Changes == nil {
		return r.Heartbeat
	}
	p.lost = p.lost || r.Changes.From != p.number
	if p.number = r.Changes.From + r.Changes.N; p.lost {
		return nil
	}
	fault := func(c *presence.Change, what string) {
		p.faults = append(p.faults, string(c.User)+string(c.Room)+" "+what)
	}
	err = r.Changes.Each(&presence.Change{}, func(c *presence.Change) {
		s := p.sessions[c.ID]
		if (c.Kind == presence.Entered) != (s == nil) {
			fault(c, "enters twice, or is not there")
			return
		}
		switch c.Kind {
		case presence.Entered:
			s = &presence.Session{ID: c.ID, User: string(c.User), Name: string(c.Name), Device: string(c.Device), Status: c.Status, Since: c.Since}
			for _, room := range c.Rooms {
				s.Rooms = append(s.Rooms, string(room))
			}
			p.sessions[c.ID] = s
		case presence.Joined:
			if slices.Contains(s.Rooms, string(c.Room)) {
				fault(c, "is joined twice")
			}
			s.Rooms = append(s.Rooms, string(c.Room))
		case presence.Left:
			at := slices.Index(s.Rooms, string(c.Room))
			if at < 0 {
				fault(c, "is left and was not joined")
				return
			}
			s.Rooms = slices.Delete(s.Rooms, at, at+1)
		case presence.StatusChanged:
			if s.Status == c.Status {
				fault(c, "has the same status again")
			}
			s.Status = c.Status
		case presence.Exited:
			delete(p.sessions, c.ID)
		}
	})
	if err != nil {
		p.faults = append(p.faults, err.Error())
	}
	return nil
}

// checkTold holds what the presence service was told against the sessions that there are.
func (r *rig) checkTold() {
	r.t.Helper()
	r.settle()
	var beat *presence.Heartbeat
	for _, msg := range r.hub.sess.Reporter.Heartbeat() { // and what was not sent yet
		beat = r.told.receive(msg)
	}
	r.told.mu.Lock()
	defer r.told.mu.Unlock()
	if r.told.lost || beat != nil && beat.Number != r.told.number {
		return
	}
	if len(r.told.faults) > 0 {
		r.t.Errorf("the presence service is told: %s", strings.Join(r.told.faults, "; "))
	}
	count, digest := uint64(0), uint64(0)
	for _, s := range r.shards {
		for slot := range s.conn.Slots() {
			if s.conn.State(slot) != conn.Ready {
				continue
			}
			count++
			want := s.presenceOf(slot)
			got := r.told.sessions[want.ID]
			if got == nil {
				r.t.Errorf("the presence service was not told of %s", want.User)
				continue
			}
			slices.Sort(want.Rooms)
			slices.Sort(got.Rooms)
			if got.User != want.User || got.Status != want.Status || !slices.Equal(got.Rooms, want.Rooms) {
				r.t.Errorf("the presence service was told %+v, it is %+v", *got, want)
			}
		}
	}
	for _, s := range r.told.sessions {
		c := presence.Change{ID: s.ID, User: []byte(s.User), Device: []byte(s.Device), Status: s.Status, Since: s.Since}
		for _, room := range s.Rooms {
			c.Rooms = append(c.Rooms, []byte(room))
		}
		digest += c.Digest()
	}
	if uint64(len(r.told.sessions)) != count || beat == nil || beat.Count != count || beat.Digest != digest {
		r.t.Errorf("the presence service was told of %d sessions with the digest %d, there are %d; the heartbeat is %+v", len(r.told.sessions), digest, count, beat)
	}
}
