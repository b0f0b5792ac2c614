package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// RoomAt is a room to join, and the position to join it after: see Client.Join.
type RoomAt struct {
	Room  string
	After *wire.Position // nil: from now on
}

// Joined is the result of joining one room, as Client.Join returns it.
type Joined struct {
	Room  string
	Event wire.Event
	Err   error
}

// JoinAll joins several rooms, as Join does each, and returns when all are live, refused or given
// up. It sends few messages if the server accepts several rooms in one. The results are in the
// order of the rooms; if a room is named twice, the last counts.
func (c *Client) JoinAll(ctx context.Context, rooms []RoomAt) []Joined {
	out := make([]Joined, len(rooms))
	waits := make([]*room, len(rooms))
	c.link.mu.Lock()
	for i, at := range rooms {
		out[i].Room = at.Room
		waits[i], out[i].Err = c.joins.begin(at)
	}
	c.joins.ask(waits)
	c.link.mu.Unlock()
	for i, r := range waits {
		if r != nil {
			out[i].Event, out[i].Err = c.joins.finish(ctx, r)
		}
	}
	return out
}

// joins keeps the rooms of a client joined, over any number of connections.
type joins struct {
	link  *link
	rooms map[string]*room // by name; guarded by link.mu
}

// lost notes that no room is live any more. link.mu is held.
func (j *joins) lost() {
	for _, r := range j.rooms {
		r.live = false
	}
}

// isReady reports whether commands for a room may be sent: it is live, or was not joined. link.mu
// is held.
func (j *joins) isReady(name string) bool {
	r := j.rooms[name]
	return r == nil || r.live
}

// begin starts joining a room; finish waits for that. link.mu is held.
func (j *joins) begin(at RoomAt) (*room, error) {
	if !chat.ValidID(at.Room) {
		return nil, fmt.Errorf("join: %w", chat.E(chat.CodeBadRequest, "not the id of a room"))
	}
	if j.link.err != nil {
		return nil, fmt.Errorf("join: %w", j.link.err)
	}
	r := &room{name: at.Room, done: make(chan error, 1)}
	r.waits = r.done
	if at.After != nil {
		r.place(*at.After)
	}
	if old := j.rooms[at.Room]; old != nil {
		r.watched, r.own = old.watched, old.own
		j.forget(old, errors.New("joined again"))
	}
	j.rooms[at.Room] = r
	j.resync(r)
	return r, nil
}

// finish waits until a room that was begun is live. If that fails the room is not joined.
func (j *joins) finish(ctx context.Context, r *room) (joined wire.Event, err error) {
	select {
	case err = <-r.waits:
	case <-ctx.Done():
		err = ctx.Err()
	case <-j.link.ctx.Done():
		err = j.link.why()
	}
	j.link.mu.Lock()
	defer j.link.mu.Unlock()
	r.done = nil
	if err != nil {
		j.forget(r, err)
		return wire.Event{}, fmt.Errorf("join: %w", err)
	}
	return r.end, nil
}

// asking is a join that was sent for the goroutine that joins the room, which then waits for the
// answer.
type asking struct {
	conn   *Conn
	id     string
	reply  <-chan wire.Event
	before uint64 // through which the room was complete
}

// ask sends the joins of the rooms that goroutines are joining, in as few messages as the server
// accepts. Without a connection, resume sends them when there is one. link.mu is held.
func (j *joins) ask(rooms []*room) {
	if j.link.conn == nil {
		return
	}
	var joins []wire.RoomJoin
	for _, r := range rooms {
		if r == nil || r.left || !r.syncing {
			continue
		}
		req := j.joinRequest(r)
		after, _ := req.After.(*wire.Position)
		r.asking = &asking{conn: j.link.conn, id: req.ID, reply: j.link.expect(req.ID), before: r.held}
		joins = append(joins, wire.RoomJoin{ID: req.ID, Room: r.name, After: after})
	}
	conn, limits := j.link.conn, wire.Limits{}
	if l := j.link.welcome.Limits; l != nil {
		limits = *l
	}
	if len(joins) > 0 {
		j.link.start(func() {
			if writeJoins(conn, joins, limits) != nil {
				j.link.drop(conn)
			}
		})
	}
}

// joinRequest returns the next join of a room. link.mu is held.
func (j *joins) joinRequest(r *room) wire.Request {
	req := wire.Request{Type: wire.Join.String(), Room: r.name, ID: j.link.requestID()}
	r.asked = req.ID
	if r.placed {
		after := r.last
		req.After = &after
	}
	return req
}

// listOverhead is the size of a join around its list of rooms, in bytes.
const listOverhead = len(`{"type":"join","rooms":[]}`)

// writeJoins sends joins, as many in a message as the server's limits allow. A server of an earlier
// release accepts one in each.
func writeJoins(conn *Conn, joins []wire.RoomJoin, limits wire.Limits) error {
	if limits.Joins < 2 || len(joins) == 1 {
		for _, j := range joins {
			r := wire.Request{Type: wire.Join.String(), ID: j.ID, Room: j.Room}
			if j.After != nil {
				r.After = j.After
			}
			if err := say(conn, r); err != nil {
				return err
			}
		}
		return nil
	}
	var some []wire.RoomJoin
	size := listOverhead
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		err := say(conn, wire.Request{Type: wire.Join.String(), Rooms: some})
		some, size = some[:0], listOverhead
		return err
	}
	for _, j := range joins {
		b, err := json.Marshal(j)
		if err != nil {
			return fmt.Errorf("encode a join: %w", err)
		}
		if len(some) == limits.Joins || size+len(b)+1 > limits.Frame {
			if err := flush(); err != nil {
				return err
			}
		}
		some, size = append(some, j), size+len(b)+1
	}
	return flush()
}
