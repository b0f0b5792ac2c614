package imports

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/imports/spool"
)

const (
	// batchSize limits a batch of entries, in bytes of JSON. One entry may have more: each byte of
	// maxText may take six.
	batchSize = 100 << 10
	// maxText is the greatest size of a text, in bytes; longer texts are cut.
	maxText = 60 << 10
	// maxReactions is how many reactions one message has at most.
	maxReactions = 1000
	// maxPins is how many pins a room has at most.
	maxPins = 200
	// maxEmoji is the greatest size of a reaction in bytes.
	maxEmoji = 64
	// maxRoomName is the greatest length of a room's name in characters.
	maxRoomName = 60
)

// room imports a room: its messages, then its members, then the room itself, so that nobody sees an
// incomplete room.
func (i *importer) room(ctx context.Context, r spool.Room) error {
	in, why := i.here(ctx, r)
	state := ""
	if why == "" {
		reply, err := i.step(ctx, directoryapi.Import{Step: directoryapi.ImportOpen, Room: in})
		if err != nil {
			return err
		}
		why, state = reply.Room.Why, reply.Room.State
		if state == directoryapi.ImportNew && !r.Direct {
			i.report.named(in.Name, reply.Room.Name)
		}
	}
	if why != "" {
		i.report.without(i.titled(r), why)
		return nil
	}
	sent, err := i.events(ctx, in, r, i.DryRun)
	switch {
	case chat.CodeOf(err) == chat.CodeConflict:
		i.report.without(i.titled(r), err.Error())
		return nil
	case err != nil:
		return err
	}
	if i.DryRun {
		i.report.add(state, sent)
		return nil
	}
	// Send everything once more as a check, which adds nothing: the report counts what the record
	// has.
	checked, err := i.events(ctx, in, r, true)
	if err != nil {
		return err
	}
	if checked.known != sent.entries() {
		return fmt.Errorf("the record has only %d of the %d imported entries", checked.known, sent.entries())
	}
	if err := i.members(ctx, in, r); err != nil {
		return err
	}
	i.report.add(state, sent)
	return nil
}

// here returns the request that makes a room of the export, or why the room cannot be imported.
func (i *importer) here(ctx context.Context, r spool.Room) (*directoryapi.ImportRoom, string) {
	in := &directoryapi.ImportRoom{Key: r.Key, Topic: r.Topic, Private: r.Private, Archived: r.Archived, Created: r.Created}
	if r.Direct {
		for _, m := range r.Members {
			if p, ok := i.names.People[m.User]; ok {
				in.With = append(in.With, p.ID)
			}
		}
		if len(in.With) != 2 || in.With[0] == in.With[1] {
			return nil, "it is of one person, or of somebody who has no account"
		}
		return in, ""
	}
	if n, err := i.spool.Count(ctx, r.Key); err == nil && n == 0 && len(r.Members) == 0 {
		return nil, "it has no messages and no members"
	}
	in.Name = roomName(cmp.Or(i.names.Rooms[r.Key], i.titled(r)))
	return in, ""
}

// titled returns the title of a room; that of a direct room has the names of its members.
func (i *importer) titled(r spool.Room) string {
	if r.Name != "" {
		return r.Name
	}
	var people []string
	for _, m := range r.Members {
		people = append(people, cmp.Or(i.names.People[m.User].Name, m.User))
	}
	return strings.Join(people, ", ")
}

// roomName returns the valid room name that is closest to name.
func roomName(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	return strings.TrimSpace(chat.FirstCharacters(name, maxRoomName))
}

// members makes the members of a room, and then the room.
func (i *importer) members(ctx context.Context, in *directoryapi.ImportRoom, r spool.Room) error {
	all, err := i.roles(ctx, r)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all, directoryapi.MaxImportMembers) {
		part := *in
		part.Members = some
		reply, err := i.step(ctx, directoryapi.Import{Step: directoryapi.ImportMembers, Room: &part})
		if err != nil {
			return err
		}
		i.report.member(reply.Added, reply.Left)
	}
	last := *in
	for _, m := range all {
		if i.mapped[m.User] && len(last.Members) < directoryapi.MaxImportMembers {
			last.Members = append(last.Members, m)
		}
	}
	_, err = i.step(ctx, directoryapi.Import{Step: directoryapi.ImportFinish, Room: &last})
	return err
}

// roles returns the members of a room with their roles. At least one is an owner: the creator, or
// else the leads, the first member or the first author.
func (i *importer) roles(ctx context.Context, r spool.Room) (all []directoryapi.ImportMember, err error) {
	owner := -1
	for _, m := range r.Members {
		p, ok := i.names.People[m.User]
		if !ok || i.closed[m.User] && !r.Direct {
			continue
		}
		role := directoryapi.RoleMember
		if m.Lead && !r.Direct {
			role = directoryapi.RoleModerator
			if owner < 0 || m.User == r.Creator {
				owner = len(all)
			}
		}
		all = append(all, directoryapi.ImportMember{User: p.ID, Role: role})
	}
	switch {
	case r.Direct:
		return all, nil
	case owner >= 0:
	case len(all) > 0:
		owner = 0
	default:
		author, err := i.spool.FirstAuthor(ctx, r.Key)
		p, ok := i.names.People[cmp.Or(r.Creator, author)]
		if !ok {
			p, ok = i.names.People[author]
		}
		if err != nil || !ok {
			return nil, err
		}
		owner, all = 0, append(all, directoryapi.ImportMember{User: p.ID})
	}
	all[owner].Role = directoryapi.RoleOwner
	return all, nil
}

// counts are the entries of a room that the importer sent.
type counts struct {
	messages, answers, reactions, pins, cut, nobody int
	known, added                                    int
}

func (c counts) entries() int { return c.messages + c.reactions + c.pins }

// events sends all entries of a room, in order.
func (i *importer) events(ctx context.Context, in *directoryapi.ImportRoom, r spool.Room, check bool) (n counts, err error) {
	room := directoryapi.ImportID(i.source, "room", r.Key)
	if r.Direct {
		room = chat.DirectRoom(in.With[0], in.With[1])
	}
	asked := directoryapi.ImportRoom{Key: in.Key, With: in.With}
	var batch []chat.Event
	size := 0
	give := func() error {
		if len(batch) == 0 {
			return nil
		}
		reply, err := i.step(ctx, directoryapi.Import{Step: directoryapi.ImportEvents, Room: &asked, Events: batch, Check: check})
		if err != nil {
			return err
		}
		n.known, n.added = n.known+reply.Known, n.added+reply.Added
		i.progress(reply.Added, check)
		batch, size = batch[:0], 0
		return nil
	}
	err = i.spool.Messages(ctx, r.Key, func(m spool.Message, rootAuthor string) error {
		for _, e := range i.entries(room, m, rootAuthor, &n) {
			b, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("encode an entry: %w", err)
			}
			if len(batch) == historyapi.MaxImport || len(batch) > 0 && size+len(b) > batchSize {
				if err := give(); err != nil {
					return err
				}
			}
			batch, size = append(batch, e), size+len(b)+1
		}
		return nil
	})
	if err == nil {
		err = give()
	}
	return n, err
}

// entries returns a message, its reactions and its pin as entries of a room's log.
func (i *importer) entries(room string, m spool.Message, rootAuthor string, n *counts) []chat.Event {
	author, ok := i.names.People[m.Author]
	if !ok {
		n.nobody++
		return nil
	}
	id := func(what string, more ...string) string {
		return directoryapi.ImportID(i.source, append([]string{what, m.Room, m.Key}, more...)...)
	}
	text, mentioned := i.markdown(m.Text, i.names)
	text = strings.ToValidUTF8(text, "\ufffd")
	if first := chat.FirstBytes(text, maxText); len(first) < len(text) {
		text = first + "…"
		n.cut++
	}
	ms := m.At / 1000
	of := func(e chat.Event, by string) chat.Event {
		e.Room, e.User, e.Name, e.TS = room, i.names.People[by].ID, i.names.People[by].Name, ms
		if e.Imported == nil {
			e.Imported = &chat.Imported{From: i.From}
		}
		return e
	}
	msg := chat.Event{Type: chat.TypeMsg, ID: id("message"), Text: text, Imported: &chat.Imported{From: i.From, Mentions: mentioned}}
	if root, ok := i.names.People[rootAuthor]; ok && m.Root != "" {
		msg.Thread = chat.Thread{Author: root.ID, ID: directoryapi.ImportID(i.source, "message", m.Room, m.Root)}
		msg.Broadcast = m.Broadcast
		n.answers++
	}
	n.messages++
	all := []chat.Event{of(msg, m.Author)}
	for _, reaction := range m.Reactions {
		if p, ok := i.names.People[reaction.User]; ok && len(all) <= maxReactions && len(reaction.Emoji) <= maxEmoji {
			n.reactions++
			all = append(all, of(chat.Event{Type: chat.TypeReacted, ID: id("reaction", p.ID, reaction.Emoji), Target: msg.ID, Author: author.ID, Emoji: reaction.Emoji, On: true}, reaction.User))
		}
	}
	if _, ok := i.names.People[m.Pinned]; ok && n.pins < maxPins {
		n.pins++
		all = append(all, of(chat.Event{Type: chat.TypePinned, ID: id("pin"), Target: msg.ID, Author: author.ID, On: true}, m.Pinned))
	}
	return all
}
