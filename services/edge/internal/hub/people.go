package hub

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// who answers who is online in a room, over all edges.
func (s *Shard) who(slot uint32, c *wire.Command) {
	id, room, next := string(c.ID), string(c.Room), string(c.Next)
	s.withAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		if err == nil && !a.Read {
			err = errForbidden
		}
		if err != nil {
			s.replyErrorTo(slot, id, err)
			return
		}
		later(s, s.conn.Ref(slot), func(ctx context.Context) (json.RawMessage, error) {
			return api.Call[presence.WhoRequest, json.RawMessage](ctx, s.hub.bus, presence.ServiceWho, presence.WhoRequest{Room: room, After: next})
		}, func(slot uint32, who json.RawMessage, err error) {
			s.replyRaw(slot, id, err, func() ([]byte, error) { return wire.AppendWho(s.enc[:0], id, room, who) })
		})
	})
}

// pushUsers tells one socket who is online in a room.
func (s *Shard) pushUsers(slot uint32, id, room string, who presence.Who) {
	names := make([]string, len(who.Users))
	for i, u := range who.Users {
		names[i] = u.Name
	}
	text := strconv.Itoa(who.Count) + " online: " + strings.Join(names, ", ")
	if who.Count > len(names) {
		text += " and others"
	}
	users, err := json.Marshal(who.Users)
	if err != nil { // strings only: it cannot
		users = nil
	}
	s.enc = wire.AppendNotice(s.enc[:0], id, room, "users", text, who.Count, users)
	s.conn.Push(slot, s.enc)
}

// watch turns the presence events of a room on or off.
func (s *Shard) watch(slot uint32, c *wire.Command) {
	room := string(c.Room)
	id := s.findFeed(slot, presenceFeed, room)
	switch {
	case !c.On:
		for _, w := range s.withdraw(slot, presenceFeed, room) { // turned on and off again
			s.ack(slot, []byte(w.id))
		}
		if id != none {
			s.unwatch(slot, id)
		}
		s.ack(slot, c.ID)
		return
	case id != none && s.fan.Listening(id):
		s.ack(slot, c.ID)
		return
	}
	w := &wanted{kind: presenceFeed, id: string(c.ID), room: room}
	s.whenAdmitted(slot, w, func(slot uint32, _ directory.Access) {
		ses := s.sessions.At(slot)
		id := s.findFeed(slot, presenceFeed, room)
		if id == none { // else a second watch has come meanwhile
			if int(ses.watches) >= s.hub.opts.Rooms {
				s.refuseWanted(slot, w, errRooms)
				return
			}
			id = s.addSub(slot, presenceFeed, room)
			ses.watches++
		}
		r := s.conn.Ref(slot)
		s.feed(id).whenLive(func(err error) { s.conn.Post(func() { s.watching(r, w, err) }) })
	})
}

// watching goes on with watch when the room's presence is followed.
func (s *Shard) watching(r conn.Ref, w *wanted, err error) {
	ses := s.alive(r)
	if ses == nil || !s.unwant(r.Slot, w) {
		return
	}
	id := s.findFeed(r.Slot, presenceFeed, w.room)
	switch {
	// an earlier try to follow it failed meanwhile, which took the sub away
	case err == nil && id == none:
		err = errBusy
		fallthrough
	case err != nil:
		if id != none && !s.fan.Listening(id) {
			s.unwatch(r.Slot, id)
		}
		s.replyErrorTo(r.Slot, w.id, err)
		return
	case !s.fan.Listening(id):
		_, pos := s.fan.View(id).Head()
		s.fan.Seek(id, pos)
		s.fan.Listen(id)
	}
	s.ack(r.Slot, []byte(w.id))
}

func (s *Shard) unwatch(slot, id uint32) {
	s.sessions.At(slot).watches--
	s.dropSub(id)
}

// followPresence subscribes to what the presence service says of the feed's room.
func (f *feed) followPresence(ctx context.Context) (bus.Subscription, error) {
	return f.hub.bus.Subscribe(ctx, presence.ChannelOf(f.room), func(data []byte) {
		mem := f.hub.fan.Scratch().Get()
		defer f.hub.fan.Scratch().Put(mem)
		event, err := wire.AppendPresence((*mem)[:0], f.room, data)
		*mem = event[:0]
		if err == nil {
			f.Live(event)
		}
	})
}

// status sets what the socket shows of its user.
func (s *Shard) status(slot uint32, c *wire.Command) {
	who := s.sessions.At(slot).who
	st := presence.Status(c.Status).Code()
	if st == presence.Invisible.Code() && who.chosen() != st {
		s.hub.reporter.Saw(who.user()) // from now on the user looks like one who has left
	}
	s.show(slot, st, false)
	s.ack(slot, c.ID)
}

// presenceOf returns a session as the presence service is told of it.
func (s *Shard) presenceOf(slot uint32) presence.Session {
	ses := s.sessions.At(slot)
	p := presence.Session{
		ID: ses.number, User: ses.who.user(), Name: ses.who.name(), Device: ses.who.device(), Status: presence.StatusOf(ses.who.shown()), Since: ses.who.since(),
	}
	for id := s.fan.First(slot); id != none; id = s.fan.Next(id) {
		if s.fan.Confirmed(id) {
			p.Rooms = append(p.Rooms, s.feed(id).room)
		}
	}
	return p
}

// snapshotPart is how many sessions a shard looks at in one turn for a snapshot.
const snapshotPart = 1024

// sessions yields all sessions that have said hello, for the reporter; it is called by other
// goroutines.
func (h *Hub) sessions(yield func(presence.Session) bool) {
	for _, s := range h.shards {
		for from, more := uint32(0), true; more; from += snapshotPart {
			part := make(chan []presence.Session, 1)
			s.conn.Post(func() {
				var all []presence.Session
				end := min(from+snapshotPart, s.conn.Slots())
				for slot := from; slot < end; slot++ {
					if s.conn.State(slot) == conn.Ready {
						p := s.presenceOf(slot)
						p.Rooms = slices.Clip(p.Rooms)
						all = append(all, p)
					}
				}
				more = end == from+snapshotPart
				part <- all
			})
			select {
			case all := <-part:
				for _, p := range all {
					if !yield(p) {
						return
					}
				}
			case <-h.ended:
				return
			}
		}
	}
}
