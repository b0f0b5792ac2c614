package history

import (
	"context"
	"slices"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// addAuthors gives entries of one or more rooms, in order, the author of the message that they are
// about, where a service of an earlier release has appended them and they do not say it: those of
// the first message with the id, which is what that release checked. Where there is none they are
// about nothing.
func (rs *records) addAuthors(ctx context.Context, entries []store.Entry) error {
	type target struct{ room, id string }
	known := make(map[target]string)
	for i := range entries {
		e := &entries[i]
		if e.Author != "" || !chat.About(e.Type) {
			continue
		}
		at := target{e.Room, e.Target}
		author, ok := known[at]
		if !ok {
			first, err := rs.store.Namesakes(ctx, e.Room, e.Target, 1)
			if err != nil {
				return err
			}
			if len(first) == 0 {
				first = entries[:i]
			}
			if m := slices.IndexFunc(first, func(m store.Entry) bool { return m.Type == chat.TypeMsg && m.Room == e.Room && m.ID == e.Target }); m >= 0 {
				author = first[m].Sender
				known[at] = author
			}
		}
		e.Author = author
	}
	return nil
}

// unname takes the names of users who have deleted their accounts out of entries that are about to
// be given out.
func (rs *records) unname(ctx context.Context, entries []store.Entry) {
	rs.cache.Unnamed(ctx, len(entries), func(i int) (string, []byte) { return entries[i].Sender, entries[i].Data },
		func(i int, data []byte) { entries[i].Data = data })
}

// about returns the stored entries of these types, or of any, about messages, in order, with their
// authors. With a limit other than 0 it returns false where there are more of them; then it returns
// none.
func (rs *records) about(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, bool, error) {
	found, err := rs.store.About(ctx, room, names, limit, types...)
	if err != nil || limit > 0 && len(found) == limit {
		return nil, false, err
	}
	for i := range found {
		if e := &found[i]; e.Author == "" { // written by a process of an earlier release
			if kept, err := entryOf(bus.Entry{Room: e.Room, Seq: e.Seq, Sender: e.Sender, ID: e.ID, Data: e.Data}); err == nil {
				e.Author = kept.Author
			}
		}
	}
	if err := rs.addAuthors(ctx, found); err != nil {
		return nil, false, err
	}
	wanted := make(map[store.Name]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	return slices.DeleteFunc(found, func(e store.Entry) bool { return !wanted[store.Name{Sender: e.Author, ID: e.Target}] }), true, nil
}
