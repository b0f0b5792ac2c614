package roster

import "hubbub.internal/libs/api/presence"

// The roster remembers of each seat what watchers have been told, so that what is told next is the difference, however
// often things changed in between, and so that a replica that tells nobody can take over from one that does.

// Pending returns what watchers of the seat's room are to be told, and whether there is anything: what others see now
// differs from what they were told last. gone says that the user has left the room, and not merely become invisible.
func (r *Roster) Pending(at Seat) (p presence.Person, gone, any bool) {
	place, ok := r.seat(at)
	if !ok {
		return p, false, false
	}
	now := r.seen(at.user, place)
	return r.person(at.user, now), place.refs == 0, now != place.told
}

// Tell notes that watchers have been told what others see of the seat now.
func (r *Roster) Tell(at Seat) {
	place, ok := r.seat(at)
	if !ok {
		return
	}
	room := &r.rooms.items[at.room]
	now := r.seen(at.user, place)
	switch {
	case place.told == offline && now != offline:
		room.told++
	case place.told != offline && now == offline:
		room.told--
	}
	place.told = now
	room.seats[at.user] = place
	r.clear(at, place)
}

// Room returns the id of a seat that is there.
func (r *Roster) Room(at Seat) string { return r.rooms.name(at.room) }

// Told returns how many are online in a room as far as its watchers have been told.
func (r *Roster) Told(room string) int {
	i, ok := r.rooms.index[room]
	if !ok {
		return 0
	}
	return int(r.rooms.items[i].told)
}

// Current returns what others see of a user in a room now.
func (r *Roster) Current(room, user string) presence.Person {
	ui, ok := r.users.index[user]
	if !ok {
		return presence.Person{User: user, Status: presence.Offline}
	}
	var now uint8
	if ri, ok := r.rooms.index[room]; ok {
		now = r.seen(ui, r.rooms.items[ri].seats[ui])
	}
	return r.person(ui, now)
}

func (r *Roster) seat(at Seat) (seat, bool) {
	if int(at.room) >= len(r.rooms.items) {
		return seat{}, false
	}
	place, ok := r.rooms.items[at.room].seats[at.user]
	return place, ok
}

func (r *Roster) person(u uint32, status uint8) presence.Person {
	return presence.Person{User: r.users.name(u), Name: r.users.items[u].name, Status: statuses[status]}
}
