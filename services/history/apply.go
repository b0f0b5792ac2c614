package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/emoji"
	"hubbub.internal/services/history/store"
)

const (
	// maxEmoji is the greatest size of a reaction, in bytes: a long sequence of joined emoji.
	maxEmoji = 64
	// maxReactions is how many reactions one message has at most, so that it always fits an answer.
	maxReactions = 1000
	// maxOwnReactions is how many of them are one user's, so that nobody takes all.
	maxOwnReactions = 20
	// maxChanges is how often a message is changed at most by reactions, and half of how often at
	// all, but for its deletion: all of it is kept.
	maxChanges = 5000
)

var (
	errNoMessage = chat.E(chat.CodeNotFound, "there is no such message")
	errAmbiguous = chat.E(chat.CodeConflict, "more than one message has that id: say its author, too")
	errNotYours  = chat.E(chat.CodeForbidden, "that is another's message")
)

// errNear is for a change of a message that has room for few more: others may be under way.
var errNear = errors.New("a message has room for few more changes")

// changes applies what clients do to messages: edits, deletions, reactions and pins. It checks them
// against the record and appends them to the log.
type changes struct {
	bus      bus.Interface
	store    store.Store
	records  *records
	pins     *pins
	maxEdits int    // edits of one message
	most     int    // changes of a message: maxChanges
	full     single // changes of a message that has room for few more
}

func newChanges(maxEdits int, records *records, pins *pins) *changes {
	c := &changes{bus: records.bus, store: records.store, records: records, pins: pins, maxEdits: maxEdits, most: maxChanges}
	c.full.init()
	return c
}

// apply answers historyapi.ServiceApply. Changes of one message go on at the same time until it has
// room for few more: then they wait for each other, so that none passes a limit.
func (c *changes) apply(ctx context.Context, req historyapi.ApplyRequest) (historyapi.Applied, error) {
	if e := req.Event; e.Type == chat.TypePinned && e.On {
		// One of a room at a time, so that its bound holds.
		done, err := c.full.acquire(ctx, e.Room+" pins")
		if err != nil {
			return historyapi.Applied{}, err
		}
		defer done()
	}
	out, err := c.applyIf(ctx, req, false)
	if !errors.Is(err, errNear) {
		return out, err
	}
	done, err := c.full.acquire(ctx, req.Event.Room+" "+req.Event.Target)
	if err != nil {
		return out, err
	}
	defer done()
	return c.applyIf(ctx, req, true)
}

// applyIf does what is asked. Unless it is alone, which of the changes of its message only one is
// at a time, it returns errNear where others that are under way could make it one too many.
func (c *changes) applyIf(ctx context.Context, req historyapi.ApplyRequest, alone bool) (historyapi.Applied, error) {
	var out historyapi.Applied
	e := req.Event
	near := func(n, most int) bool { return !alone && n+appliesAtOnce > most }
	for _, id := range []string{e.Room, e.ID, e.User, e.Target, cmp.Or(e.Author, "-")} {
		if !chat.ValidID(id) || chat.Reserved(e.Room) {
			return out, chat.E(chat.CodeBadRequest, "room, msg_id, target and author are ids")
		}
	}
	r, err := c.records.of(ctx, e.Room)
	if err != nil {
		return out, err
	}
	// A repeat is answered as it was the first time, also when a deletion has come since.
	if before, ok, err := r.find(ctx, e.User, e.ID); ok || err != nil {
		return applied(before, e, err)
	}
	if e.Author == "" {
		if e.Author, err = r.meant(ctx, e); err != nil {
			return out, err
		}
	}
	target := store.Name{Sender: e.Author, ID: e.Target}
	m, ok, err := r.find(ctx, target.Sender, target.ID)
	switch {
	case err != nil:
		return out, err
	case !ok || m.Type != chat.TypeMsg:
		return out, errNoMessage
	}
	about, err := r.about(ctx, []store.Name{target})
	if err != nil {
		return out, err
	}
	if slices.ContainsFunc(about, func(a store.Entry) bool { return a.Type == chat.TypeDeleted }) {
		return out, errNoMessage
	}
	if err := allowed(req, target.Sender); err != nil {
		return out, err
	}
	if e.Type == chat.TypeReacted && e.On {
		switch all, mine := reactions(about, e.User); {
		case all >= maxReactions:
			return out, chat.E(chat.CodeTooMany, "that message has as many reactions as it can have")
		case mine >= maxOwnReactions:
			return out, chat.E(chat.CodeTooMany, fmt.Sprintf("you can put at most %d reactions on a message: take one back first", maxOwnReactions))
		case near(all, maxReactions):
			return out, errNear
		}
	}
	if e.Type == chat.TypePinned && e.On {
		if already, err := c.pins.may(ctx, r, about); err != nil || already > 0 {
			return historyapi.Applied{Seq: already}, err
		}
	}
	if e.Type != chat.TypeDeleted {
		all, edits, err := r.changes(ctx, target, 2*c.most)
		switch {
		case err != nil:
			return out, err
		case all >= c.most && e.Type == chat.TypeReacted, all >= 2*c.most:
			// The second half is for its author and for moderators: nobody else's reactions, put
			// and taken back, keep them out.
			return out, chat.E(chat.CodeTooMany, "that message has been changed as often as it can be")
		case e.Type == chat.TypeEdited && edits >= c.maxEdits:
			return out, chat.E(chat.CodeTooMany, fmt.Sprintf("that message has been edited %d times, which is as often as it can be", edits))
		case near(all, c.most) && e.Type == chat.TypeReacted, near(all, 2*c.most):
			return out, errNear
		}
	}
	if e.Type == chat.TypeReacted {
		e.Emoji = formOf(about, e)
	}
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		return out, err
	}
	a, err := bus.Append(ctx, c.bus, bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
	if err != nil {
		return out, fmt.Errorf("append to the log: %w", err)
	}
	if a.Duplicate { // of a command that came at the same time
		before, ok, err := c.records.find(ctx, e.Room, e.User, e.ID)
		if err == nil && !ok {
			err = fmt.Errorf("the log has entry %d of room %s, and does not show it", a.Seq, e.Room)
		}
		return applied(before, e, err)
	}
	return historyapi.Applied{Seq: a.Seq}, nil
}

// applied answers a command whose msg_id its sender has used before: for the same, or for something
// else.
func applied(before store.Entry, e chat.Event, err error) (historyapi.Applied, error) {
	// Of a command that did not say the author, and of its repeat, any will do: the first was about
	// the only one.
	other := before.Author != e.Author && before.Author != "" && e.Author != ""
	if err == nil && (before.Type != e.Type || before.Target != e.Target || other) {
		err = errOtherUse
	}
	if err != nil {
		return historyapi.Applied{}, err
	}
	return historyapi.Applied{Seq: before.Seq}, nil
}

// formOf returns how a user's reaction is written: as the user's entry about the message has it
// that is there, which may be of a release that took any form, so that it is this one that is taken
// back; else in its one form.
func formOf(about []store.Entry, e chat.Event) string {
	normal, _ := emoji.Normal(e.Emoji)
	for _, a := range about {
		if a.Type != chat.TypeReacted || a.Sender != e.User {
			continue
		}
		if before, err := chat.DecodeEntry(a.Data, a.Seq, 0); err == nil && before.On {
			if same, _ := emoji.Normal(before.Emoji); same == normal {
				return before.Emoji
			}
		}
	}
	return normal
}

// reactions counts what the entries about a message have put on it, and what of that is the user's.
func reactions(about []store.Entry, user string) (all, mine int) {
	var m chat.Message
	for _, a := range about {
		if e, err := chat.DecodeEntry(a.Data, a.Seq, 0); err == nil { // else it is none
			store.Change(&m, e)
		}
	}
	for _, who := range m.Reactions {
		all += len(who)
		if slices.Contains(who, user) {
			mine++
		}
	}
	return all, mine
}

// allowed returns nil when the user may do that to a message of author's.
func allowed(req historyapi.ApplyRequest, author string) error {
	e := req.Event
	mine := author == e.User
	switch e.Type {
	case chat.TypeEdited:
		if e.Text == "" {
			return chat.E(chat.CodeBadRequest, "an edited message has a text")
		}
		if !mine {
			return errNotYours
		}
	case chat.TypeDeleted:
		if !mine && !req.Moderator {
			return errNotYours
		}
	case chat.TypeReacted:
		if e.Emoji == "" || len(e.Emoji) > maxEmoji || !utf8.ValidString(e.Emoji) {
			return chat.E(chat.CodeBadRequest, fmt.Sprintf("emoji is 1 to %d bytes", maxEmoji))
		}
		// what an earlier release let through may be taken back
		if _, ok := emoji.Normal(e.Emoji); !ok && e.On {
			return chat.E(chat.CodeBadRequest, "emoji is one emoji")
		}
	case chat.TypePinned:
		if !req.Pin {
			return chat.E(chat.CodeForbidden, "only a moderator may pin here")
		}
	default:
		return chat.E(chat.CodeBadRequest, "that is nothing to do to a message")
	}
	return nil
}
