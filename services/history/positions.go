package history

import (
	"context"
	"fmt"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// positions keeps how far users have read rooms.
type positions struct {
	store     store.Store
	directory *directoryapi.Client
	jobs      *jobs
	records   *records
	news      *announcer
}

// begin makes the read positions of the memberships that begin with entries that were stored.
func (p *positions) begin(ctx context.Context, entries []store.Entry) error {
	for _, e := range entries {
		if e.Type != chat.TypeMember {
			continue
		}
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil || event.From == 0 || event.Role == "" || !chat.ValidID(event.Member) {
			continue // another role, or of an earlier release: see beginSince
		}
		if err := p.store.BeginRead(ctx, e.Room, event.Member, e.Seq, event.From); err != nil {
			return err
		}
	}
	return nil
}

// beginSince makes a read position where there is none: in the rooms that everybody is in, whose
// memberships no entry begins, and for memberships of an earlier release. What was sent before the
// membership began, by the clocks, is not new.
func (p *positions) beginSince(ctx context.Context, user string, m directoryapi.Membership, in store.Inbox) error {
	from, err := p.seqBefore(ctx, m.Room, m.Since, in)
	if err != nil {
		return err
	}
	// A position that an entry makes meanwhile stays.
	return p.store.BeginRead(ctx, m.Room, user, 1, from)
}

// seqBefore returns a Seq of a room before which messages are of before a time, in UTC
// milliseconds, and after which they are not. Times of messages hardly ever go back, so it is
// searched for.
func (p *positions) seqBefore(ctx context.Context, room string, ts int64, in store.Inbox) (uint64, error) {
	if in.Last == nil {
		return in.Through, nil
	}
	if last, err := chat.DecodeEntry(in.Last.Data, in.Last.Seq, 0); err != nil {
		return 0, fmt.Errorf("message %d of room %s: %w", in.Last.Seq, room, err)
	} else if last.TS < ts {
		return max(in.Through, in.Last.Seq), nil
	}
	return firstLate(ts, in.Last.Seq, func(after uint64) ([]store.Entry, error) { return p.store.Oldest(ctx, room, after, 1) })
}

// seqAt returns the Seq of the first message that is not older than a time, in UTC milliseconds; if
// there is none, that of the last message.
func (r *record) seqAt(ctx context.Context, ts int64) (uint64, error) {
	newest, err := r.newest(ctx, everything, 1)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	last := newest[len(newest)-1]
	if e, err := chat.DecodeEntry(last.Data, last.Seq, 0); err != nil || e.TS < ts {
		return last.Seq, err
	}
	next := func(after uint64) ([]store.Entry, error) { return r.oldest(ctx, after, 1) }
	before, err := firstLate(ts, last.Seq, next)
	if err != nil {
		return 0, err
	}
	found, err := next(before)
	if err != nil || len(found) == 0 {
		return last.Seq, err
	}
	return found[0].Seq, nil
}

// firstLate returns a Seq before which messages are of before a time, and after which they are not,
// among those through last, which is not of before. next returns the message after a Seq.
func firstLate(ts int64, last uint64, next func(after uint64) ([]store.Entry, error)) (uint64, error) {
	// Is the first message after a seq of the time or later? Not after low, and after high.
	late := func(seq uint64) (bool, uint64, error) {
		found, err := next(seq)
		if err != nil || len(found) == 0 {
			return true, 0, err
		}
		e, err := chat.DecodeEntry(found[0].Data, found[0].Seq, 0)
		if err != nil {
			return false, 0, fmt.Errorf("message %d of room %s: %w", found[0].Seq, found[0].Room, err)
		}
		return e.TS >= ts, found[0].Seq, nil
	}
	low, high := uint64(0), last-1
	if is, _, err := late(low); err != nil || is {
		return low, err
	}
	for low+1 < high {
		middle := low + (high-low)/2
		is, seq, err := late(middle)
		switch {
		case err != nil:
			return 0, err
		case is:
			high = middle
		default:
			low = max(middle, seq-1)
		}
	}
	return high, nil
}

// mark answers historyapi.ServiceMark.
func (p *positions) mark(ctx context.Context, req historyapi.MarkRequest) (historyapi.MarkReply, error) {
	var out historyapi.MarkReply
	bad := !chat.ValidID(req.User) || req.Seq > bus.MaxSeq || req.Room != "" && (!chat.ValidID(req.Room) || chat.Reserved(req.Room))
	if bad || req.Room == "" && req.Seq > 0 || req.Unread && (req.Room == "" || req.Seq == 0) {
		return out, chat.E(chat.CodeBadRequest, "what is unread begins at a seq of a room; read are a room through a seq, a room, or all rooms")
	}
	if err := p.move(ctx, req); err != nil {
		return out, err
	}
	return out, p.news.tellReads(ctx, req.User)
}

func (p *positions) move(ctx context.Context, req historyapi.MarkRequest) error {
	switch {
	case req.Unread:
		return p.store.MoveReadBack(ctx, req.Room, req.User, req.Seq-1)
	case req.Seq > 0:
		_, err := p.store.PutRead(ctx, req.Room, req.User, req.Seq)
		return err
	}
	rooms := []string{req.Room}
	if req.Room == "" {
		mine, err := p.directory.Memberships(ctx, req.User)
		if err != nil {
			return err
		}
		rooms = rooms[:0]
		for _, m := range mine.Rooms {
			rooms = append(rooms, m.Room)
		}
	}
	if req.Room == "" {
		if err := p.store.ReadThreads(ctx, req.User); err != nil {
			return err
		}
	}
	heads, err := p.records.heads(ctx, rooms)
	if err != nil {
		return err
	}
	reads := make(map[string]uint64, len(rooms))
	for _, room := range rooms {
		seq := heads[room]
		if seq == 0 { // retention has taken all
			last, err := p.store.Last(ctx, room)
			if err != nil {
				return err
			}
			seq = last.Seq
		}
		if seq > 0 {
			reads[room] = seq
		}
	}
	return p.store.PutReads(ctx, req.User, reads)
}

// read answers historyapi.ServiceRead.
func (p *positions) read(ctx context.Context, req historyapi.ReadRequest) (historyapi.ReadReply, error) {
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) || !chat.ValidID(req.User) || req.Seq > bus.MaxSeq {
		return historyapi.ReadReply{}, chat.E(chat.CodeBadRequest, "a read position is a room, a user and a seq")
	}
	seq, err := p.store.PutRead(ctx, req.Room, req.User, req.Seq)
	return historyapi.ReadReply{Seq: seq}, err
}
