package roster

import "hubbub.internal/libs/api/presence"

// The roster remembers of each seat what watchers have been told, so that what is told next is the
// difference, however often things changed in between, and so that a replica that tells nobody can
// take over from one that does.
//
// Whoever begins to watch asks who is there, and may see what watchers are not told because it was
// over before: somebody who came and went at once would stay with them for ever. So watchers are
// told how it ended.

// Pending returns what watchers of the seat's room are to be told, and whether there is anything:
// what others see now, or saw meanwhile, differs from what watchers were told last. gone says that
// somebody whom watchers know has left the room, and not merely become invisible.
func (r *Roster) Pending(at Seat) (p presence.Person, gone, differs bool) {
	place := r.seat(at)
	if place == nil {
		return p, false, false
	}
	now := r.seen(at.user, *place)
	return r.person(at.user, now), place.refs() == 0 && place.told() != offline, place.moved() || now != place.told()
}

// Tell notes that watchers have been told what others see of the seat now.
func (r *Roster) Tell(at Seat) {
	place := r.seat(at)
	if place == nil {
		return
	}
	room := &r.rooms.items[at.room]
	now := r.seen(at.user, *place)
	switch {
	case place.told() == offline && now != offline:
		room.told++
	case place.told() != offline && now == offline:
		room.told--
	}
	place.setTold(now)
	place.setMoved(false)
	r.clear(at)
}

// Room returns the id of a seat that is there.
func (r *Roster) Room(at Seat) string { return r.rooms.name(at.room) }

// Told returns how many are online in a room as far as its watchers have been told.
func (r *Roster) Told(room string) int {
	i, ok := r.rooms.find(room)
	if !ok {
		return 0
	}
	return int(r.rooms.items[i].told)
}

// Current returns what others see of a user in a room now.
func (r *Roster) Current(room, user string) presence.Person {
	u, ok := r.users.find(user)
	if !ok {
		return presence.Person{User: user, Status: presence.Offline}
	}
	var now uint8
	if i, ok := r.rooms.find(room); ok {
		if place := r.seat(Seat{i, u}); place != nil {
			now = r.seen(u, *place)
		}
	}
	return r.person(u, now)
}

func (r *Roster) person(u uint32, status uint8) presence.Person {
	return presence.Person{User: r.users.name(u), Name: r.users.items[u].name, Status: statuses[status]}
}
