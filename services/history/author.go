package history

import (
	"context"
	"slices"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// addAuthors gives entries of one or more rooms, in order, the author of the message that they are about, where a service of an
// earlier release has appended them and they do not say it: those of the first message with the id, which is what that release
// checked. Where there is none they are about nothing.
func (s *Service) addAuthors(ctx context.Context, entries []store.Entry) error {
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
			first, err := s.store.Namesakes(ctx, e.Room, e.Target, 1)
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

// about returns the stored entries of these types, or of any, about messages, in order, with their authors.
func (s *Service) about(ctx context.Context, room string, names []store.Name, types ...string) ([]store.Entry, error) {
	found, err := s.store.About(ctx, room, names, types...)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if e := &found[i]; e.Author == "" { // written by a process of an earlier release
			if kept, err := entryOf(bus.Entry{Room: e.Room, Seq: e.Seq, Sender: e.Sender, ID: e.ID, Data: e.Data}); err == nil {
				e.Author = kept.Author
			}
		}
	}
	if err := s.addAuthors(ctx, found); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(e store.Entry) bool { return !slices.Contains(names, store.Name{Sender: e.Author, ID: e.Target}) }), nil
}
