package history

import (
	"context"
	"fmt"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// present is a stored message as it is now.
type present struct {
	chat.Message
	through uint64 // Seq of the last entry about it
}

// present returns messages of the room as they are now, in their order, but for reactions.
func (r *record) present(ctx context.Context, entries []store.Entry) ([]present, error) {
	var names []store.Name
	done := make(map[store.Name]*chat.Message, len(entries))
	through := make(map[store.Name]uint64, len(entries))
	for _, e := range entries {
		if e.Done == nil {
			names = append(names, e.Name())
			done[e.Name()] = nil
			continue
		}
		m, err := e.Done.Message()
		if err != nil {
			return nil, err
		}
		done[e.Name()], through[e.Name()] = &m, e.Done.Through
	}
	if len(names) > 0 {
		about, err := r.about(ctx, names, chat.TypeEdited, chat.TypeDeleted, chat.TypePinned)
		if err == nil {
			err = doAll(done, about)
		}
		if err != nil {
			return nil, err
		}
		for _, a := range about {
			through[store.Name{Sender: a.Author, ID: a.Target}] = a.Seq
		}
	}
	if err := r.addTail(done, entries); err != nil {
		return nil, err
	}
	all := make([]present, len(entries))
	for i, e := range entries {
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			event = chat.Event{} // nobody can read it either
		}
		p := present{chat.Message{Event: event}, through[e.Name()]}
		if m := done[e.Name()]; m != nil {
			p.EditedTS, p.Deleted, p.Pinned = m.EditedTS, m.Deleted, m.Pinned
			if m.EditedTS != 0 || m.Deleted {
				p.Text = m.Text
			}
		}
		all[i] = p
	}
	return all, nil
}

// present is that of a record, for stored messages of a room, without what is not stored yet.
func (rs *records) present(ctx context.Context, room string, entries []store.Entry) ([]present, error) {
	return (&record{records: rs, room: room}).present(ctx, entries)
}

// latest is what clients get of a stored message where there is no room for more; nil for nil.
func (rs *records) latest(ctx context.Context, message *store.Entry) (*chat.InboxLatest, error) {
	if message == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	e, err := chat.DecodeEntry(message.Data, message.Seq, 0)
	if err != nil {
		return nil, fmt.Errorf("message %d of room %s: %w", message.Seq, message.Room, err)
	}
	latest := &chat.InboxLatest{Seq: message.Seq, ID: message.ID, User: message.Sender, Name: e.Name, TS: e.TS, Text: e.Text}
	if e.Text == "" {
		now, err := rs.present(ctx, message.Room, []store.Entry{*message})
		if err != nil {
			return nil, err
		}
		latest.Text, latest.Deleted = now[0].Text, now[0].Deleted
	}
	latest.Text = chat.FirstCharacters(latest.Text, chat.InboxText)
	return latest, nil
}
