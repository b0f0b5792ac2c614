package history

import (
	"context"
	"fmt"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/services/history/store"
)

const (
	// maxQuotes is how many messages are asked for by their names at once.
	maxQuotes = 50
	// quoteText is how many characters of a message's text a quote has at most.
	quoteText = 200
)

// quotesRequest asks for messages of a room by their names, such as those that others answer. The
// caller has checked that the user may read the room.
type quotesRequest struct {
	user, room string
	names      []quoteName
}

// quoteName names a message.
type quoteName struct {
	User string `json:"user,omitempty" maxLength:"64" doc:"The author; left out: of the first message with the id."`
	ID   string `json:"id" maxLength:"64"`
}

// quote is what is shown of a message where another answers it, as it is now.
type quote struct {
	User     string `json:"user"`
	ID       string `json:"id"`
	Seq      uint64 `json:"seq"`
	Name     string `json:"name"`
	TS       int64  `json:"ts" doc:"UTC milliseconds."`
	Text     string `json:"text,omitempty" doc:"The first 200 characters."`
	EditedTS int64  `json:"edited_ts,omitempty" doc:"Of the last edit, in UTC milliseconds."`
	Deleted  bool   `json:"deleted,omitempty"`
	// nil: it is not known yet
	Mentions []string `json:"mentions,omitzero" nullable:"false" doc:"Whom it mentions: ids of users, @room, @here. Left out: it is not known yet."`
	Names    []string `json:"mention_names,omitempty" nullable:"false" doc:"How the text names those users, in their order."`
}

// quotes returns messages by their names, such as those that others answer.
type quotes struct {
	store   store.Store
	noting  *noting
	reads   *turns
	records *records
}

// of returns the messages that there are of those asked for, in the order of the room.
func (qs *quotes) of(ctx context.Context, req quotesRequest) ([]quote, error) {
	size := func(all []quote) int { return len(all) * (quoteText + overhead) }
	return inTurn(qs.reads, func(r quotesRequest) string { return r.user }, size, qs.list)(ctx, req)
}

func (qs *quotes) list(ctx context.Context, req quotesRequest) ([]quote, error) {
	if !chat.ValidID(req.room) || chat.Reserved(req.room) {
		return nil, chat.E(chat.CodeBadRequest, "that is not a room")
	}
	if n := len(req.names); n < 1 || n > maxQuotes {
		return nil, chat.E(chat.CodeBadRequest, fmt.Sprintf("ask for 1 to %d messages", maxQuotes))
	}
	for _, name := range req.names {
		if !chat.ValidID(name.ID) || name.User != "" && !chat.ValidID(name.User) {
			return nil, chat.E(chat.CodeBadRequest, "a message is named by its author and its id")
		}
	}
	r, err := qs.records.of(ctx, req.room)
	if err != nil {
		return nil, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return nil, err
	}
	found, err := qs.named(ctx, r, req.names)
	if err != nil {
		return nil, err
	}
	r.unname(ctx, found)
	now, err := r.present(ctx, found)
	if err != nil {
		return nil, err
	}
	all := make([]quote, len(found))
	for i, e := range found {
		m := now[i]
		all[i] = quote{User: e.Sender, ID: e.ID, Seq: e.Seq, Name: m.Name, TS: m.TS, Text: chat.FirstCharacters(m.Text, quoteText), EditedTS: m.EditedTS, Deleted: m.Deleted}
	}
	return all, qs.addMentions(ctx, r, all, now)
}

// addMentions adds to quotes whom the messages mention. Of what the record has not resolved yet
// it is not said.
func (qs *quotes) addMentions(ctx context.Context, r *record, all []quote, now []present) error {
	resolving := qs.noting.any([]string{r.room})
	if !resolving {
		var err error
		if resolving, err = r.store.IsUnresolved(ctx, []string{r.room}); err != nil {
			return err
		}
	}
	later := make(map[store.Name]bool) // in the tail, or edited there
	for _, e := range r.tail {
		later[e.Name()], later[store.Name{Sender: e.Author, ID: e.Target}] = true, true
	}
	for i := range all {
		q := &all[i]
		name := store.Name{Sender: q.User, ID: q.ID}
		may := !q.Deleted && mentions.May([]byte(now[i].Text))
		switch {
		case !may:
			q.Mentions = []string{}
		case !resolving && !later[name]:
			m, err := r.store.MentionsOf(ctx, r.room, q.Seq, q.User)
			if err != nil {
				return err
			}
			if q.Mentions, q.Names = m.Visible, m.Names; q.Mentions == nil {
				q.Mentions = []string{}
			}
		}
	}
	return nil
}

// named returns the messages with these names, in order, each once.
func (qs *quotes) named(ctx context.Context, r *record, asked []quoteName) ([]store.Entry, error) {
	var whole []store.Name
	var found []store.Entry
	for _, name := range asked {
		if name.User != "" {
			whole = append(whole, store.Name{Sender: name.User, ID: name.ID})
			continue
		}
		first, err := r.store.Namesakes(ctx, r.room, name.ID, 1)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			first = r.ofTail(func(e store.Entry) bool { return e.ID == name.ID })
		}
		found = append(found, first[:min(len(first), 1)]...)
	}
	if len(whole) > 0 {
		stored, err := r.store.Messages(ctx, r.room, whole)
		if err != nil {
			return nil, err
		}
		found = append(found, stored...)
		found = append(found, r.ofTail(func(e store.Entry) bool { return slices.Contains(whole, e.Name()) })...)
	}
	slices.SortFunc(found, func(a, b store.Entry) int { return int(a.Seq) - int(b.Seq) })
	found = slices.CompactFunc(found, func(a, b store.Entry) bool { return a.Name() == b.Name() })
	return r.above(found), nil
}

// ofTail returns the messages of the tail that are wanted.
func (r *record) ofTail(wanted func(store.Entry) bool) (found []store.Entry) {
	for _, e := range r.tail {
		if e.Type == chat.TypeMsg && wanted(e) {
			found = append(found, e)
		}
	}
	return found
}
