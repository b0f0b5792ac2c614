// Package roster holds who is where: the sessions of every edge, the users they belong to and the rooms they are in,
// in little memory for each.
//
// It knows no bus, no clock and no permission, and decides nothing: package replica says what is true of an edge, and
// package announce what is told to the rooms. A Roster is not safe for concurrent use: its owner locks.
package roster

import (
	"slices"

	"hubbub.internal/libs/api/presence"
)

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

// Roster is the state. Every id in it is stored once; sessions, users and rooms name each other by index.
type Roster struct {
	sessions []session
	free     []uint32 // indexes of sessions that are gone
	users    table[user]
	rooms    table[room]
	devices  table[device]
	change   func(Seat)
	scratch  []uint32
}

// session is one socket. 64 bytes.
type session struct {
	id         uint64 // the edge's number of it
	since      int64
	rooms      []uint32 // sorted
	user       uint32
	device     uint32
	next, prev uint32 // the user's other sessions
	mark       uint32 // the snapshot that named it last
	status     uint8
}

// user is somebody with a session, or whose leaving has not been told yet.
type user struct {
	name      string
	nameSince int64     // of the session that told the name: the latest wins
	sessions  uint32    // the first of the list
	refs      uint32    // sessions and seats
	has       [5]uint32 // sessions by status
}

// room is one that somebody is in, or whose last leaving has not been told yet.
type room struct {
	seats  map[uint32]seat // by user
	online uint32          // users in it whom others see
	told   uint32          // users in it whom watchers have been told of
}

// seat is a user's place in a room.
type seat struct {
	refs   uint32 // the user's sessions in the room
	told   uint8  // the status that watchers know
	online bool   // counted in room.online
}

// device is a kind of device.
type device struct{ refs uint32 }

// Seat names a user's place in a room, as long as that lasts.
type Seat struct{ room, user uint32 }

// New returns an empty roster. change is called whenever what others see of a user in a room may differ from what the
// room's watchers have been told, from within the method that changed it; it may call Pending and Tell.
func New(change func(Seat)) *Roster {
	return &Roster{users: newTable[user](), rooms: newTable[room](), devices: newTable[device](), change: change}
}

// Edge is what the roster holds of one process of an edge. It belongs to one Roster.
type Edge struct {
	sessions map[uint64]uint32
	digest   uint64
	mark     uint32
}

// NewEdge returns an edge without sessions.
func NewEdge() *Edge { return &Edge{sessions: make(map[uint64]uint32)} }

// Count returns how many sessions the edge has, and Digest the sum of all their facts: equal to the edge's own when the
// roster holds what the edge has.
func (e *Edge) Count() int { return len(e.sessions) }

// Digest returns the sum of the facts of all sessions, as package presence defines it.
func (e *Edge) Digest() uint64 { return e.digest }

// Apply makes one change of an edge true. One about a session that is not there is passed over, except its entering.
func (r *Roster) Apply(e *Edge, c *presence.Change) {
	i, ok := e.sessions[c.ID]
	switch {
	case c.Kind == presence.Entered:
		r.enter(e, c, i, ok)
	case !ok:
	case c.Kind == presence.Joined:
		r.join(e, i, r.rooms.get(c.Room))
	case c.Kind == presence.Left:
		if room, ok := r.rooms.index[string(c.Room)]; ok {
			r.leave(e, i, room)
		}
	case c.Kind == presence.StatusChanged:
		r.setStatus(e, i, c.Status.Code())
	case c.Kind == presence.Exited:
		r.exit(e, i)
	}
}

// BeginSnapshot starts to compare an edge with a snapshot: every session that is in it is applied as Entered, and
// EndSnapshot removes the others.
func (r *Roster) BeginSnapshot(e *Edge) { e.mark++ }

// EndSnapshot removes the sessions of the edge that were not applied since BeginSnapshot.
func (r *Roster) EndSnapshot(e *Edge) {
	for _, i := range e.sessions {
		if r.sessions[i].mark != e.mark {
			r.exit(e, i)
		}
	}
}

// Drop removes all sessions of an edge.
func (r *Roster) Drop(e *Edge) {
	for _, i := range e.sessions {
		r.exit(e, i)
	}
}

func (r *Roster) enter(e *Edge, c *presence.Change, i uint32, known bool) {
	if known {
		s := &r.sessions[i]
		if r.users.name(s.user) == string(c.User) && r.devices.name(s.device) == string(c.Device) && s.since == c.Since {
			s.mark = e.mark
			r.rename(s.user, c)
			r.setRooms(e, i, c.Rooms)
			r.setStatus(e, i, c.Status.Code())
			return
		}
		r.exit(e, i)
	}
	i = r.alloc()
	u, d := r.users.get(c.User), r.devices.get(c.Device)
	r.devices.items[d].refs++
	first := r.users.items[u].sessions
	if r.users.items[u].refs == 0 {
		first = none
	}
	r.sessions[i] = session{
		id: c.ID, since: c.Since, user: u, device: d, next: first, prev: none,
		mark: e.mark, status: c.Status.Code(),
	}
	if first != none {
		r.sessions[first].prev = i
	}
	owner := &r.users.items[u]
	owner.refs++
	owner.sessions = i
	r.rename(u, c)
	e.sessions[c.ID] = i
	e.digest += r.fact(i) + presence.StatusFact(c.ID, c.Status)
	before := r.status(u)
	owner.has[c.Status.Code()]++
	if len(c.Rooms) > 0 {
		r.sessions[i].rooms = make([]uint32, 0, len(c.Rooms))
	}
	r.setRooms(e, i, c.Rooms)
	r.settle(u, before)
}

func (r *Roster) rename(u uint32, c *presence.Change) {
	if owner := &r.users.items[u]; c.Since >= owner.nameSince {
		owner.nameSince = c.Since
		if owner.name != string(c.Name) {
			owner.name = string(c.Name)
		}
	}
}

func (r *Roster) exit(e *Edge, i uint32) {
	s := r.sessions[i]
	e.digest -= r.fact(i) + presence.StatusFact(s.id, statuses[s.status])
	for _, room := range s.rooms {
		e.digest -= presence.RoomFact(s.id, presence.Hash(r.rooms.name(room)))
	}
	delete(e.sessions, s.id)
	if s.prev != none {
		r.sessions[s.prev].next = s.next
	} else {
		r.users.items[s.user].sessions = s.next
	}
	if s.next != none {
		r.sessions[s.next].prev = s.prev
	}
	r.sessions[i] = session{}
	r.free = append(r.free, i)
	if d := &r.devices.items[s.device]; d.refs == 1 {
		r.devices.remove(s.device)
	} else {
		d.refs--
	}
	before := r.status(s.user)
	r.users.items[s.user].has[s.status]--
	for _, room := range s.rooms {
		r.unseat(room, s.user)
	}
	r.settle(s.user, before)
	r.release(s.user)
}

// setRooms makes the rooms of a session these.
func (r *Roster) setRooms(e *Edge, i uint32, names [][]byte) {
	want := r.scratch[:0]
	for _, name := range names {
		want = append(want, r.rooms.get(name))
	}
	r.scratch = want
	slices.Sort(want)
	for _, room := range slices.Clone(r.sessions[i].rooms) {
		if _, found := slices.BinarySearch(want, room); !found {
			r.leave(e, i, room)
		}
	}
	for _, room := range want {
		r.join(e, i, room)
	}
}

func (r *Roster) join(e *Edge, i, room uint32) {
	s := &r.sessions[i]
	at, found := slices.BinarySearch(s.rooms, room)
	if found {
		return
	}
	s.rooms = slices.Insert(s.rooms, at, room)
	e.digest += presence.RoomFact(s.id, presence.Hash(r.rooms.name(room)))
	items := r.rooms.items
	if items[room].seats == nil {
		items[room].seats = make(map[uint32]seat)
	}
	place, seated := items[room].seats[s.user]
	if !seated {
		r.users.items[s.user].refs++
	}
	place.refs++
	items[room].seats[s.user] = place
	if place.refs == 1 {
		r.settleSeat(Seat{room, s.user})
	}
}

func (r *Roster) leave(e *Edge, i, room uint32) {
	s := &r.sessions[i]
	at, found := slices.BinarySearch(s.rooms, room)
	if !found {
		return
	}
	s.rooms = slices.Delete(s.rooms, at, at+1)
	e.digest -= presence.RoomFact(s.id, presence.Hash(r.rooms.name(room)))
	r.unseat(room, s.user)
}

// unseat takes one session of a user out of a room.
func (r *Roster) unseat(room, u uint32) {
	place := r.rooms.items[room].seats[u]
	place.refs--
	r.rooms.items[room].seats[u] = place
	if place.refs == 0 {
		r.settleSeat(Seat{room, u})
	}
}

func (r *Roster) setStatus(e *Edge, i uint32, status uint8) {
	s := &r.sessions[i]
	if s.status == status {
		return
	}
	e.digest += presence.StatusFact(s.id, statuses[status]) - presence.StatusFact(s.id, statuses[s.status])
	before := r.status(s.user)
	owner := &r.users.items[s.user]
	owner.has[s.status]--
	owner.has[status]++
	s.status = status
	r.settle(s.user, before)
}

// status is what others see of a user: what the user chose on any device (invisible, then do-not-disturb) goes before
// what the devices found out by themselves (online, then idle).
func (r *Roster) status(u uint32) uint8 {
	has := &r.users.items[u].has
	switch {
	case has[presence.Invisible.Code()] > 0:
		return offline
	case has[presence.DND.Code()] > 0:
		return presence.DND.Code()
	case has[presence.Online.Code()] > 0:
		return presence.Online.Code()
	case has[presence.Idle.Code()] > 0:
		return presence.Idle.Code()
	}
	return offline
}

// settle follows up a change of a user's status in the rooms that the user is in.
func (r *Roster) settle(u uint32, before uint8) {
	if r.status(u) == before {
		return
	}
	for i := r.users.items[u].sessions; i != none; i = r.sessions[i].next {
		for _, room := range r.sessions[i].rooms {
			r.settleSeat(Seat{room, u})
		}
	}
}

// settleSeat follows up a change of a seat, or of the status of the user on it.
func (r *Roster) settleSeat(at Seat) {
	room := &r.rooms.items[at.room]
	place := room.seats[at.user]
	online := place.refs > 0 && r.status(at.user) != offline
	if online != place.online {
		place.online = online
		room.seats[at.user] = place
		if online {
			room.online++
		} else {
			room.online--
		}
	}
	if r.seen(at.user, place) != place.told {
		r.change(at)
	} else {
		r.clear(at, place)
	}
}

// seen is what others see of a user in a room.
func (r *Roster) seen(u uint32, place seat) uint8 {
	if place.refs == 0 {
		return offline
	}
	return r.status(u)
}

// clear gives up a seat that nobody sits on and nobody has been told of.
func (r *Roster) clear(at Seat, place seat) {
	if place.refs > 0 || place.told != offline {
		return
	}
	room := &r.rooms.items[at.room]
	delete(room.seats, at.user)
	if len(room.seats) == 0 {
		r.rooms.remove(at.room)
	}
	r.release(at.user)
}

// release gives up one reference to a user.
func (r *Roster) release(u uint32) {
	owner := &r.users.items[u]
	owner.refs--
	if owner.refs == 0 {
		r.users.remove(u)
	}
}

func (r *Roster) fact(i uint32) uint64 {
	s := &r.sessions[i]
	return presence.Fact(s.id, presence.Hash(r.users.name(s.user)), presence.Hash(r.devices.name(s.device)), s.since)
}

func (r *Roster) alloc() uint32 {
	if n := len(r.free); n > 0 {
		i := r.free[n-1]
		r.free = r.free[:n-1]
		return i
	}
	r.sessions = append(r.sessions, session{})
	return uint32(len(r.sessions) - 1)
}
