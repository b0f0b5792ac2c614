package roster

import "hubbub.internal/libs/api/presence"

// rank orders statuses by code: what a user chose on any device (invisible, then do-not-disturb)
// goes before what the devices found out by themselves (online, then idle).
var rank = func() (all [len(statuses)]uint8) {
	for i, s := range []presence.Status{presence.Idle, presence.Online, presence.DND, presence.Invisible} {
		all[s.Code()] = uint8(i) + 1
	}
	return all
}()

// status is what others see of a user.
func (r *Roster) status(u uint32) uint8 {
	if top := r.users.items[u].top; top != presence.Invisible.Code() {
		return top
	}
	return offline
}

// lower finds the highest status of a user again after a session has lost one.
func (r *Roster) lower(u uint32, lost uint8) {
	owner := &r.users.items[u]
	if lost != owner.top {
		return
	}
	owner.top = offline
	for i := owner.sessions; i != none && owner.top != lost; i = r.sessions.items[i].next {
		if s := r.sessions.items[i].status; rank[s] > rank[owner.top] {
			owner.top = s
		}
	}
}

// settle follows up a change of a user's status in the rooms that the user is in.
func (r *Roster) settle(u uint32, before uint8) {
	if r.status(u) == before {
		return
	}
	for i := r.users.items[u].sessions; i != none; i = r.sessions.items[i].next {
		for _, room := range r.sessions.items[i].rooms {
			r.settleSeat(Seat{room, u})
		}
	}
}

// settleSeat follows up a change of a seat, or of the status of the user on it.
func (r *Roster) settleSeat(at Seat) {
	room, place := &r.rooms.items[at.room], r.seat(at)
	online := place.refs() > 0 && r.status(at.user) != offline
	if online != place.online() {
		place.setOnline(online)
		if online {
			room.online++
		} else {
			room.online--
		}
	}
	differs := r.seen(at.user, *place) != place.told()
	if differs && place.refs() > 0 { // of who has left, who asks is told what watchers know
		place.setMoved(true)
	}
	if differs || place.moved() {
		r.change(at)
	} else {
		r.clear(at)
	}
}

// seen is what others see of a user in a room.
func (r *Roster) seen(u uint32, place seat) uint8 {
	if place.refs() == 0 {
		return offline
	}
	return r.status(u)
}

// clear gives up a seat that nobody sits on and nobody knows of.
func (r *Roster) clear(at Seat) {
	if place := r.seat(at); place.refs() > 0 || place.told() != offline || place.moved() {
		return
	}
	seats := &r.rooms.items[at.room].seats
	seats.remove(seats.find(newSeat(at.user).hash(), func(s seat) bool { return s.user == at.user+1 }), seat.hash)
	if seats.n == 0 {
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
