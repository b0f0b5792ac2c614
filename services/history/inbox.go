package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

const (
	// settleInbox is how long an inbox waits at most for what was acknowledged just before to be
	// taken in. What is not by then comes after InboxRoom.Through.
	settleInbox = time.Second
	// lookInbox is how often it is looked at meanwhile.
	lookInbox = 5 * time.Millisecond
)

// inboxes makes inboxes: what is new to a user in the user's rooms.
type inboxes struct {
	store     store.Store
	cache     *directoryapi.Cache
	directory *directoryapi.Client
	reads     *turns
	noting    *noting
	records   *records
	positions *positions
	follows   *follows
}

// of answers historyapi.ServiceInbox when it is the user's turn: with a historyapi.Inbox in
// JSON.
func (b *inboxes) of(ctx context.Context, req historyapi.InboxRequest) (json.RawMessage, error) {
	return inTurn(b.reads, func(r historyapi.InboxRequest) string { return r.User }, func(inbox json.RawMessage) int { return len(inbox) }, b.build)(ctx, req)
}

// build makes an inbox.
func (b *inboxes) build(ctx context.Context, req historyapi.InboxRequest) (json.RawMessage, error) {
	if err := checkInbox(&req); err != nil {
		return nil, err
	}
	mine, err := b.directory.Memberships(ctx, req.User)
	if err != nil {
		return nil, err
	}
	rooms, more := wantedRooms(mine.Rooms, req)
	found, err := b.settled(ctx, req.User, rooms, mine.Hidden)
	if err != nil {
		return nil, err
	}
	if err := b.unnameLast(ctx, found); err != nil {
		return nil, err
	}
	out := historyapi.Inbox{Rooms: make([]chat.InboxRoom, 0, len(found))}
	size := 0
	for i := range found {
		room, err := b.room(ctx, found[i])
		if err == nil && req.Mentioned && room.Mentions > 0 {
			room.Mentioned, err = b.sentAt(ctx, room.Room, found[i].LastMention)
		}
		if err != nil {
			return nil, err
		}
		if last := room.Last; last != nil {
			size += 6*len(last.Text) + 6*len(last.Name) // at most, in JSON
		}
		if size += 400; size > maxReply && i > 0 {
			more = true
			break
		}
		out.Rooms = append(out.Rooms, room)
	}
	if req.Room == "" && req.Next == "" {
		if out.Threads, out.MoreThreads, err = b.follows.unread(ctx, req.User, mine); err != nil {
			return nil, err
		}
	}
	if n := len(out.Rooms); more && n > 0 {
		out.Next = out.Rooms[n-1].Room
	}
	return json.Marshal(out)
}

func checkInbox(req *historyapi.InboxRequest) error {
	for _, id := range []string{req.Room, req.Next} {
		if id != "" && (!chat.ValidID(id) || chat.Reserved(id)) {
			return chat.E(chat.CodeBadRequest, "room and next are the ids of rooms")
		}
	}
	if req.Limit == 0 {
		req.Limit = historyapi.MaxInbox
	}
	if !chat.ValidID(req.User) || req.Limit < 1 || req.Limit > historyapi.MaxInbox {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", historyapi.MaxInbox))
	}
	return nil
}

// wantedRooms returns the rooms that an inbox is to have of those that a user is in, which are
// sorted, and whether there are more.
func wantedRooms(mine []directoryapi.Membership, req historyapi.InboxRequest) ([]directoryapi.Membership, bool) {
	by := func(m directoryapi.Membership, room string) int { return strings.Compare(m.Room, room) }
	if req.Room != "" {
		at, in := slices.BinarySearchFunc(mine, req.Room, by)
		if !in {
			return nil, false
		}
		return mine[at : at+1], false
	}
	at, in := slices.BinarySearchFunc(mine, req.Next, by)
	if in {
		at++
	}
	mine = mine[at:]
	return mine[:min(len(mine), req.Limit)], len(mine) > req.Limit
}

// settled returns what is new in rooms, with everything that was acknowledged before, if that
// is taken in soon enough.
func (b *inboxes) settled(ctx context.Context, user string, rooms []directoryapi.Membership, hidden []string) ([]store.Inbox, error) {
	names := make([]string, len(rooms))
	for i, m := range rooms {
		names[i] = m.Room
	}
	heads, err := b.records.heads(ctx, names)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(settleInbox); ; {
		resolved := b.noting.resolved()
		found, err := b.store.Inbox(ctx, user, names, hidden)
		if err != nil {
			return nil, err
		}
		behind, err := b.behind(ctx, found, heads)
		if err == nil && !behind {
			behind, err = b.isUnresolved(ctx, names)
		}
		if err != nil {
			return nil, err
		}
		if moved, err := b.positions.readResets(ctx, user, found); err != nil {
			return nil, err
		} else if moved {
			continue
		}
		settled := !behind && resolved == b.noting.resolved()
		if settled || time.Now().After(deadline) {
			return found, b.beginUnknown(ctx, user, rooms, found, heads, hidden)
		}
		if err := await.Sleep(ctx, lookInbox); err != nil {
			return nil, err
		}
	}
}

// isUnresolved reports whether it is not known yet whom messages of some rooms mention.
func (b *inboxes) isUnresolved(ctx context.Context, rooms []string) (bool, error) {
	if b.noting.any(rooms) {
		return true, nil
	}
	return b.store.IsUnresolved(ctx, rooms)
}

// behind reports whether rooms have entries in the log that what was found does not have. It takes
// those off heads that have none.
func (b *inboxes) behind(ctx context.Context, found []store.Inbox, heads map[string]uint64) (bool, error) {
	for _, in := range found {
		if heads[in.Room] <= in.Through {
			continue
		}
		r, err := b.records.of(ctx, in.Room)
		if err != nil {
			return false, err
		}
		if len(r.tail) > 0 || r.last.Seq > in.Through {
			return true, nil
		}
		delete(heads, in.Room) // the log's last entry is none that is kept
	}
	return false, nil
}

// beginUnknown makes a read position in the rooms where there is none, and the record is not
// behind.
func (b *inboxes) beginUnknown(ctx context.Context, user string, rooms []directoryapi.Membership, found []store.Inbox, heads map[string]uint64, hidden []string) error {
	for i := range found {
		if found[i].Known || heads[found[i].Room] > found[i].Through {
			continue
		}
		if err := b.positions.beginSince(ctx, user, rooms[i], found[i]); err != nil {
			return err
		}
		now, err := b.store.Inbox(ctx, user, []string{rooms[i].Room}, hidden)
		if err != nil {
			return err
		}
		found[i] = now[0]
	}
	return nil
}

// unnameLast takes the names of users who have deleted their accounts out of the last messages.
func (b *inboxes) unnameLast(ctx context.Context, found []store.Inbox) error {
	var last []*store.Entry
	for i := range found {
		if found[i].Last != nil {
			last = append(last, found[i].Last)
		}
	}
	b.cache.Unnamed(ctx, len(last), func(i int) (string, []byte) { return last[i].Sender, last[i].Data },
		func(i int, data []byte) { last[i].Data = data })
	return nil
}

// room is what clients get of a room. Of a message without a text, the edits are read: it was
// edited, or deleted.
func (b *inboxes) room(ctx context.Context, in store.Inbox) (chat.InboxRoom, error) {
	room := chat.InboxRoom{
		Room: in.Room, Read: in.Read, Through: in.Through, Unread: in.Unread, More: in.More, FirstUnread: in.FirstUnread,
		Mentions: in.Mentions, FirstMention: in.FirstMention,
	}
	var err error
	room.Last, err = b.records.latest(ctx, in.Last)
	return room, err
}

// sentAt returns when a stored message was sent, in UTC milliseconds; 0: it was removed meanwhile.
func (b *inboxes) sentAt(ctx context.Context, room string, seq uint64) (int64, error) {
	at, err := b.store.At(ctx, room, seq)
	if err != nil {
		return 0, err
	}
	var ts int64
	for _, message := range at {
		e, err := chat.DecodeEntry(message.Data, message.Seq, 0)
		if err != nil {
			return 0, fmt.Errorf("message %d of room %s: %w", seq, room, err)
		}
		ts = max(ts, e.TS)
	}
	return ts, nil
}
