package roster

import (
	"cmp"
	"container/heap"
	"slices"

	"hubbub.internal/libs/api/presence"
)

// Cursor is a place in the order in which a room's people are listed: by name, and then by id.
type Cursor struct{ Name, User string }

func (c Cursor) compare(d Cursor) int {
	return cmp.Or(cmp.Compare(c.Name, d.Name), cmp.Compare(c.User, d.User))
}

// Online returns how many are online in a room, as others see it.
func (r *Roster) Online(roomID string) int {
	i, ok := r.rooms.find(roomID)
	if !ok {
		return 0
	}
	return int(r.rooms.items[i].online)
}

// Who returns the first limit of those who are online in a room after a place, by name, as others
// see them. more says that there are further ones. It looks at everybody in the room.
func (r *Roster) Who(roomID string, after Cursor, limit int) (people []presence.Person, more bool) {
	i, ok := r.rooms.find(roomID)
	if !ok {
		return nil, false
	}
	room := &r.rooms.items[i]
	first := lastFirst{r: r}
	for _, place := range room.seats.slots {
		if !place.online() {
			continue
		}
		u := place.user - 1
		at := r.cursor(u)
		if at.compare(after) <= 0 {
			continue
		}
		switch {
		case len(first.users) < limit:
			heap.Push(&first, u)
		case limit > 0 && at.compare(r.cursor(first.users[0])) < 0:
			first.users[0] = u
			heap.Fix(&first, 0)
			more = true
		default:
			more = true
		}
	}
	slices.SortFunc(first.users, func(a, b uint32) int { return r.cursor(a).compare(r.cursor(b)) })
	people = make([]presence.Person, len(first.users))
	for k, u := range first.users {
		people[k] = r.person(u, r.status(u))
	}
	return people, more
}

// Going returns at most limit of those who have left a room without its watchers having been told,
// as they were told of last.
func (r *Roster) Going(roomID string, limit int) []presence.Person {
	i, ok := r.rooms.find(roomID)
	if !ok {
		return nil
	}
	var people []presence.Person
	for _, place := range r.rooms.items[i].seats.slots {
		if place.user != 0 && place.refs() == 0 && place.told() != offline && len(people) < limit {
			people = append(people, r.person(place.user-1, place.told()))
		}
	}
	return people
}

func (r *Roster) cursor(u uint32) Cursor { return Cursor{r.users.items[u].name, r.users.name(u)} }

// lastFirst is a heap of users whose first is the last by name: the one that a better one replaces.
type lastFirst struct {
	r     *Roster
	users []uint32
}

func (h *lastFirst) Len() int { return len(h.users) }
func (h *lastFirst) Less(i, j int) bool {
	return h.r.cursor(h.users[i]).compare(h.r.cursor(h.users[j])) > 0
}
func (h *lastFirst) Swap(i, j int) { h.users[i], h.users[j] = h.users[j], h.users[i] }
func (h *lastFirst) Push(x any)    { h.users = append(h.users, x.(uint32)) }
func (h *lastFirst) Pop() any {
	u := h.users[len(h.users)-1]
	h.users = h.users[:len(h.users)-1]
	return u
}

// User returns a user's name, what others see of the user, and the connected devices, oldest first,
// at most presence.MaxDevices. self is what the user sees of themself: Invisible instead of
// Offline.
func (r *Roster) User(id string) (name string, seen, self presence.Status, devices []presence.Device) {
	u, ok := r.users.find(id)
	if !ok {
		return "", presence.Offline, presence.Offline, nil
	}
	owner := &r.users.items[u]
	seen, self = statuses[r.status(u)], statuses[owner.top]
	for i := owner.sessions; i != none; i = r.sessions.items[i].next {
		devices = append(devices, presence.Device{Kind: r.devices.name(r.sessions.items[i].device), Since: r.sessions.items[i].since})
	}
	slices.SortFunc(devices, func(a, b presence.Device) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Kind, b.Kind))
	})
	return owner.name, seen, self, devices[:min(len(devices), presence.MaxDevices)]
}

// Invisible reports whether a user is connected and hides it.
func (r *Roster) Invisible(id string) bool {
	u, ok := r.users.find(id)
	return ok && r.users.items[u].top == presence.Invisible.Code()
}

// Active reports whether a user is using one of their devices, and whether one of them says that
// the user is not to be disturbed.
func (r *Roster) Active(id string) (active, dnd bool) {
	u, ok := r.users.find(id)
	if !ok {
		return false, false
	}
	for i := r.users.items[u].sessions; i != none; i = r.sessions.items[i].next {
		active = active || r.sessions.items[i].status == presence.Online.Code()
		dnd = dnd || r.sessions.items[i].status == presence.DND.Code()
	}
	return active, dnd
}

// RoomsOf returns the ids of at most limit rooms that a user is in, each once.
func (r *Roster) RoomsOf(id string, limit int) []string {
	u, ok := r.users.find(id)
	if !ok {
		return nil
	}
	var rooms []uint32
	for i := r.users.items[u].sessions; i != none && len(rooms) < limit; i = r.sessions.items[i].next {
		for _, room := range r.sessions.items[i].rooms {
			if len(rooms) < limit && !slices.Contains(rooms, room) {
				rooms = append(rooms, room)
			}
		}
	}
	ids := make([]string, len(rooms))
	for k, room := range rooms {
		ids[k] = r.rooms.name(room)
	}
	return ids
}

// Share reports whether two users are in a room together.
func (r *Roster) Share(a, b string) bool {
	ua, ok := r.users.find(a)
	if !ok {
		return false
	}
	ub, ok := r.users.find(b)
	if !ok {
		return false
	}
	for i := r.users.items[ua].sessions; i != none; i = r.sessions.items[i].next {
		for _, room := range r.sessions.items[i].rooms {
			if place := r.seat(Seat{room, ub}); place != nil && place.refs() > 0 {
				return true
			}
		}
	}
	return false
}

// Size returns how many sessions, users and rooms there are.
func (r *Roster) Size() (sessions, users, rooms int) {
	return r.sessions.len(), r.users.len(), r.rooms.len()
}
