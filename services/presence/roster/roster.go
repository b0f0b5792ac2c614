// Package roster holds who is where: the sessions of every edge, the users they belong to and the
// rooms they are in, in little memory for each.
//
// It knows no bus, no clock and no permission, and decides nothing: package replica says what is
// true of an edge, and package announce what is told to the rooms. A Roster is not safe for
// concurrent use: its owner locks.
package roster

import "hubbub.internal/libs/api/presence"

// none is the index of nothing.
const none = ^uint32(0)

// A status within the roster: what presence.Status.Code returns, or 0 for offline.
const offline = 0

// statuses are by code.
var statuses = func() (all [5]presence.Status) {
	for _, s := range []presence.Status{presence.Online, presence.Idle, presence.DND, presence.Invisible} {
		all[s.Code()] = s
	}
	all[offline] = presence.Offline
	return all
}()

// Roster is the state. Every id in it is stored once; sessions, users and rooms name each other by
// index.
type Roster struct {
	sessions sessions
	users    table[user]
	rooms    table[room]
	devices  table[device]
	change   func(Seat)
	scratch  []uint32
}

// user is somebody with a session, or whose leaving has not been told yet. 32 bytes.
type user struct {
	name     string // as the session that began last told it
	sessions uint32 // the first of the list
	refs     uint32 // sessions and seats
	top      uint8  // the highest status of the sessions, see rank
}

// room is one that somebody is in, or whose last leaving has not been told yet.
type room struct {
	seats  set[seat]
	online uint32 // users in it whom others see
	told   uint32 // users in it whom watchers have been told of
}

// device is a kind of device.
type device struct{ refs uint32 }

// New returns an empty roster. change is called whenever what others see of a user in a room may
// differ from what the room's watchers have been told, from within the method that changed it; it
// may call Pending and Tell.
func New(change func(Seat)) *Roster {
	return &Roster{change: change}
}

// BeginSnapshot starts to compare an edge with a snapshot: every session that is in it is applied
// as Entered, and EndSnapshot removes the others.
func (r *Roster) BeginSnapshot(e *Edge) { e.mark++ }

// EndSnapshot removes the sessions of the edge that were not applied since BeginSnapshot.
func (r *Roster) EndSnapshot(e *Edge) {
	for _, i := range e.all() {
		if r.sessions.items[i].mark != e.mark {
			r.exit(e, i)
		}
	}
}

// Drop removes all sessions of an edge.
func (r *Roster) Drop(e *Edge) {
	for _, i := range e.all() {
		r.exit(e, i)
	}
}

// IDs returns the edge's numbers of its sessions, in no order.
func (r *Roster) IDs(e *Edge) []uint64 {
	ids := e.all()
	out := make([]uint64, len(ids))
	for k, i := range ids {
		out[k] = r.sessions.items[i].id
	}
	return out
}

// DigestOf returns the sum of the facts of one session of an edge, found out anew, and whether it
// is held.
func (r *Roster) DigestOf(e *Edge, id uint64) (uint64, bool) {
	i, ok := r.sessions.find(e, id)
	if !ok {
		return 0, false
	}
	s := &r.sessions.items[i]
	d := r.fact(i) + presence.StatusFact(id, statuses[s.status])
	for _, room := range s.rooms {
		d += presence.RoomFact(id, presence.Hash(r.rooms.name(room)))
	}
	return d, true
}

// Visible returns the ids of the users with a session on an edge whom no session anywhere hides,
// each as often as there are sessions of theirs.
func (r *Roster) Visible(e *Edge) []string {
	var users []string
	for _, i := range e.all() {
		if u := r.sessions.items[i].user; r.status(u) != offline {
			users = append(users, r.users.name(u))
		}
	}
	return users
}

func (r *Roster) fact(i uint32) uint64 {
	s := &r.sessions.items[i]
	return presence.Fact(s.id, presence.Hash(r.users.name(s.user)), presence.Hash(r.devices.name(s.device)), s.since)
}
