package roster

import (
	"slices"

	"hubbub.internal/libs/api/presence"
)

// Apply makes one change of an edge true. One about a session that is not there is passed over,
// except its entering.
func (r *Roster) Apply(e *Edge, c *presence.Change) {
	i, ok := r.sessions.find(e, c.ID)
	switch {
	case c.Kind == presence.Entered:
		r.enter(e, c, i, ok)
	case !ok:
	case c.Kind == presence.Joined:
		r.join(e, i, r.rooms.get(c.Room))
	case c.Kind == presence.Left:
		if room, ok := r.rooms.find(string(c.Room)); ok {
			r.leave(e, i, room)
		}
	case c.Kind == presence.StatusChanged:
		r.setStatus(e, i, c.Status.Code())
	case c.Kind == presence.Exited:
		r.exit(e, i)
	}
}

func (r *Roster) enter(e *Edge, c *presence.Change, i uint32, known bool) {
	if known {
		s := &r.sessions.items[i]
		if r.users.name(s.user) == string(c.User) && r.devices.name(s.device) == string(c.Device) && s.since == c.Since {
			s.mark = e.mark
			r.rename(s.user, c)
			r.setRooms(e, i, c.Rooms)
			r.setStatus(e, i, c.Status.Code())
			return
		}
		r.exit(e, i)
	}
	i = r.sessions.alloc()
	u, d := r.users.get(c.User), r.devices.get(c.Device)
	r.devices.items[d].refs++
	first := r.users.items[u].sessions
	if r.users.items[u].refs == 0 {
		first = none
	}
	r.sessions.items[i] = session{
		id: c.ID, since: c.Since, user: u, device: d, next: first, prev: none,
		mark: e.mark, status: c.Status.Code(),
	}
	if first != none {
		r.sessions.items[first].prev = i
	}
	owner := &r.users.items[u]
	owner.refs++
	owner.sessions = i
	r.rename(u, c)
	e.sessions.add(i+1, r.sessions.hash)
	e.digest += r.fact(i) + presence.StatusFact(c.ID, c.Status)
	before := r.status(u)
	if rank[c.Status.Code()] > rank[owner.top] {
		owner.top = c.Status.Code()
	}
	if len(c.Rooms) > 0 {
		r.sessions.items[i].rooms = make([]uint32, 0, len(c.Rooms))
	}
	r.setRooms(e, i, c.Rooms)
	r.settle(u, before)
}

// rename takes over the name that a session tells, unless a later one has told one.
func (r *Roster) rename(u uint32, c *presence.Change) {
	owner := &r.users.items[u]
	if owner.name == string(c.Name) {
		return
	}
	for i := owner.sessions; i != none; i = r.sessions.items[i].next {
		if r.sessions.items[i].since > c.Since {
			return
		}
	}
	owner.name = string(c.Name)
}

func (r *Roster) exit(e *Edge, i uint32) {
	s := r.sessions.items[i]
	e.digest -= r.fact(i) + presence.StatusFact(s.id, statuses[s.status])
	for _, room := range s.rooms {
		e.digest -= presence.RoomFact(s.id, presence.Hash(r.rooms.name(room)))
	}
	e.sessions.remove(e.sessions.find(mixBits(s.id), func(k uint32) bool { return k == i+1 }), r.sessions.hash)
	if s.prev != none {
		r.sessions.items[s.prev].next = s.next
	} else {
		r.users.items[s.user].sessions = s.next
	}
	if s.next != none {
		r.sessions.items[s.next].prev = s.prev
	}
	r.sessions.release(i)
	if d := &r.devices.items[s.device]; d.refs == 1 {
		r.devices.remove(s.device)
	} else {
		d.refs--
	}
	before := r.status(s.user)
	r.lower(s.user, s.status)
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
	for _, room := range slices.Clone(r.sessions.items[i].rooms) {
		if _, found := slices.BinarySearch(want, room); !found {
			r.leave(e, i, room)
		}
	}
	for _, room := range want {
		r.join(e, i, room)
	}
}

func (r *Roster) join(e *Edge, i, room uint32) {
	s := &r.sessions.items[i]
	at, found := slices.BinarySearch(s.rooms, room)
	if found {
		return
	}
	s.rooms = slices.Insert(s.rooms, at, room)
	e.digest += presence.RoomFact(s.id, presence.Hash(r.rooms.name(room)))
	place := r.seat(Seat{room, s.user})
	if place == nil {
		seats := &r.rooms.items[room].seats
		place = &seats.slots[seats.add(newSeat(s.user), seat.hash)]
		r.users.items[s.user].refs++
	}
	place.setRefs(place.refs() + 1)
	if place.refs() == 1 {
		r.settleSeat(Seat{room, s.user})
	}
}

func (r *Roster) leave(e *Edge, i, room uint32) {
	s := &r.sessions.items[i]
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
	place := r.seat(Seat{room, u})
	place.setRefs(place.refs() - 1)
	if place.refs() == 0 {
		r.settleSeat(Seat{room, u})
	}
}

func (r *Roster) setStatus(e *Edge, i uint32, status uint8) {
	s := &r.sessions.items[i]
	if s.status == status {
		return
	}
	e.digest += presence.StatusFact(s.id, statuses[status]) - presence.StatusFact(s.id, statuses[s.status])
	before, old := r.status(s.user), s.status
	s.status = status
	if owner := &r.users.items[s.user]; rank[status] >= rank[owner.top] {
		owner.top = status
	} else {
		r.lower(s.user, old)
	}
	r.settle(s.user, before)
}
