package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// pages makes pages of rooms and threads, and what clients and users' copies catch up with.
type pages struct {
	store     store.Store
	directory *directoryapi.Client
	reads     *turns
	records   *records
	saved     *saves
}

// of answers historyapi.ServicePage when it is the user's turn: with a historyapi.Page in JSON.
func (p *pages) of(ctx context.Context, req historyapi.PageRequest) (json.RawMessage, error) {
	return inTurn(p.reads, func(r historyapi.PageRequest) string { return cmp.Or(r.User, r.Room) }, func(page json.RawMessage) int { return len(page) }, p.build)(ctx, req)
}

// build makes a page.
func (p *pages) build(ctx context.Context, req historyapi.PageRequest) (json.RawMessage, error) {
	if err := checkPage(&req); err != nil {
		return nil, err
	}
	r, found, err := p.found(ctx, req)
	if err != nil {
		return nil, err
	}
	messages := r.messages
	if r.thread != (store.Name{}) {
		messages = r.messagesAlone // an answer is no root
	}
	all, err := messages(ctx, found.entries)
	if err != nil {
		return nil, err
	}
	from, to := fit(all, found.anchor)
	all, more := all[from:to], found.more || to-from < len(all)
	if r.thread != (store.Name{}) {
		root, ok, err := r.shownRoot(ctx)
		if err != nil {
			return nil, err
		}
		return encodePage(all, more, found.at, nil, nil, root.json, ok), nil
	}
	acts, err := r.beside(ctx, besideActs, req, all, more)
	if err != nil {
		return nil, err
	}
	var events []shown
	if req.Events {
		if events, err = r.beside(ctx, besideEvents, req, all, more); err != nil {
			return nil, err
		}
	}
	page := encodePage(all, more, found.at, acts, events, nil, false)
	if req.Mention > 0 && found.at > 0 {
		if page, err = r.addFoundIn(ctx, page, found.at); err != nil {
			return nil, err
		}
	}
	if !r.all {
		return page, nil
	}
	return p.addRemoved(ctx, req.Room, page)
}

// run are messages that a page is made of.
type run struct {
	entries []store.Entry
	anchor  int    // the one that has to be in the answer
	more    bool   // there are more in the direction asked for
	at      uint64 // Seq of the message that a time or a mention led to; 0: none did
}

// found returns the messages that a page is to have, in order, and the record that they are of.
func (p *pages) found(ctx context.Context, req historyapi.PageRequest) (*record, run, error) {
	inThread := req.Thread != chat.Thread{}
	if req.Before == 0 && req.After == 0 && req.Around == 0 && req.At == 0 && req.Mention == 0 && !req.Oldest && !inThread {
		return p.latest(ctx, req)
	}
	r, err := p.records.of(ctx, req.Room)
	if err != nil {
		return nil, run{}, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return nil, run{}, err
	}
	if inThread {
		if r.thread, err = r.rootOf(ctx, store.Name{Sender: req.Thread.Author, ID: req.Thread.ID}); err != nil {
			return nil, run{}, err
		}
	}
	r.all = req.All && !inThread
	var found run
	switch {
	case req.Around > 0:
		found, err = r.around(ctx, req.Around, req.Limit)
	case req.At > 0:
		var seq uint64
		if seq, err = r.seqAt(ctx, req.At); err == nil {
			found, err = r.around(ctx, seq, req.Limit)
			found.at = seq
		}
	case req.Mention > 0:
		var seq uint64
		if seq, err = p.mentionAfter(ctx, r, req.User, req.Mention); err == nil && seq > 0 {
			found, err = r.around(ctx, seq, req.Limit)
			found.at = seq
		}
	case req.After > 0 || req.Oldest:
		var after []store.Entry
		after, err = r.oldest(ctx, req.After, req.Limit+1)
		found = first(after, req.Limit)
	default:
		var before []store.Entry
		before, err = r.newest(ctx, cmp.Or(req.Before, everything), req.Limit+1)
		found = last(before, req.Limit)
	}
	return r, found, err
}

// latest returns the newest messages of a room.
func (p *pages) latest(ctx context.Context, req historyapi.PageRequest) (*record, run, error) {
	end, stored, err := p.store.Latest(ctx, req.Room, req.Limit+1)
	if err != nil {
		return nil, run{}, err
	}
	r, err := p.records.withTail(ctx, req.Room, end)
	if err != nil {
		return nil, run{}, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return nil, run{}, err
	}
	return r, last(append(r.above(stored), r.fresh(everything)...), req.Limit), nil
}

// mentionAfter returns the Seq of the first message after another that mentions a user; 0: there is
// none. As in an inbox, those of people whom the user blocks or ignores do not count.
func (p *pages) mentionAfter(ctx context.Context, r *record, user string, after uint64) (uint64, error) {
	mine, err := p.directory.Memberships(ctx, user)
	if err != nil {
		return 0, err
	}
	return r.store.NextMention(ctx, user, r.room, mine.Hidden, after)
}

// addFoundIn adds to a page, in JSON, in which thread the message at a Seq is an answer, if the
// room does not show it.
func (r *record) addFoundIn(ctx context.Context, page json.RawMessage, seq uint64) (json.RawMessage, error) {
	at, err := r.store.At(ctx, r.room, seq)
	if err != nil {
		return nil, err
	}
	for _, e := range at {
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil || !event.OnlyInThread() {
			continue
		}
		root, err := r.rootOf(ctx, e.Name())
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(chat.Thread{Author: root.Sender, ID: root.ID})
		if err != nil {
			return nil, fmt.Errorf("encode a thread: %w", err)
		}
		return slices.Concat(page[:len(page)-1], []byte(`,"found_in":`), b, []byte("}")), nil
	}
	return page, nil
}

// around returns messages on both sides of a Seq: half of the limit each.
func (r *record) around(ctx context.Context, seq uint64, limit int) (run, error) {
	half := limit / 2
	before, err := r.newest(ctx, seq+1, limit-half+1)
	if err != nil {
		return run{}, err
	}
	after, err := r.oldest(ctx, seq, half+1)
	a, b := last(before, limit-half), first(after, half)
	return run{entries: append(a.entries, b.entries...), anchor: max(a.anchor, 0), more: a.more || b.more}, err
}

// first returns the first messages of those found, at most limit.
func first(found []store.Entry, limit int) run {
	if len(found) <= limit {
		return run{entries: found, more: full(found)}
	}
	return run{entries: found[:safeCut(found, limit, -1, seqOf)], more: true}
}

// full reports whether the store may have left out what follows: see store.PageBytes.
func full(found []store.Entry) bool {
	size := 0
	for _, e := range found {
		size += len(e.Data)
	}
	return size > store.PageBytes
}

// last returns the last messages of those found, at most limit.
func last(found []store.Entry, limit int) run {
	if len(found) <= limit {
		return run{entries: found, anchor: len(found) - 1, more: full(found)}
	}
	found = found[safeCut(found, len(found)-limit, 1, seqOf):]
	return run{entries: found, anchor: len(found) - 1, more: true}
}

func checkPage(req *historyapi.PageRequest) error {
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) {
		return chat.E(chat.CodeBadRequest, "that is not a room")
	}
	if t := req.Thread; t != (chat.Thread{}) && !(chat.ValidID(t.Author) && chat.ValidID(t.ID)) {
		return chat.E(chat.CodeBadRequest, "a thread is named by the author and the id of its root")
	}
	set := 0
	for _, seq := range []uint64{req.Before, req.After, req.Around, req.Mention} {
		if seq > bus.MaxSeq {
			return chat.E(chat.CodeBadRequest, "a seq is below 2^53")
		}
		if seq > 0 {
			set++
		}
	}
	switch {
	case req.At < 0:
		return chat.E(chat.CodeBadRequest, "at is a time after 1970, in UTC milliseconds")
	case req.At > 0:
		set++
	}
	if req.Oldest {
		set++
	}
	if set > 1 {
		return chat.E(chat.CodeBadRequest, "give at most one of before, after, around, at and mention")
	}
	if req.Limit == 0 {
		req.Limit = historyapi.DefaultLimit
	}
	if req.Limit < 1 || req.Limit > historyapi.MaxLimit {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", historyapi.MaxLimit))
	}
	return nil
}

// messages returns the messages in the form that clients get, with all that later entries did to
// them, and with what is known of the threads whose roots they are.
func (r *record) messages(ctx context.Context, found []store.Entry) ([]shown, error) {
	all, err := r.messagesAlone(ctx, found)
	if err != nil {
		return nil, err
	}
	return all, r.addReplies(ctx, found, all)
}

// messagesAlone is messages without what is known of threads.
func (r *record) messagesAlone(ctx context.Context, found []store.Entry) ([]shown, error) {
	done := make(map[store.Name]*chat.Message, len(found))
	var names []store.Name // those that the store has not said it of
	for _, e := range found {
		if e.Done == nil {
			names = append(names, e.Name())
			done[e.Name()] = nil
		}
	}
	if len(names) > 0 {
		if err := r.addAbout(ctx, done, names); err != nil {
			return nil, err
		}
	}
	if err := r.addTail(done, found); err != nil {
		return nil, err
	}
	r.unname(ctx, found)
	all := make([]shown, len(found))
	var err error
	for i, e := range found {
		if all[i], err = encodeMessage(e, done[e.Name()]); err != nil {
			return nil, err
		}
	}
	return all, r.addMentions(ctx, found, all)
}

// addAbout adds to messages what is about them, in the store and in the tail.
func (r *record) addAbout(ctx context.Context, done map[store.Name]*chat.Message, names []store.Name) error {
	about, whole, err := r.aboutSome(ctx, names, maxAbout)
	if err != nil {
		return err
	}
	if whole {
		return doAll(done, about)
	}
	for part := range slices.Chunk(names, aboutAtOnce) {
		if about, err = r.about(ctx, part); err != nil {
			return err
		}
		if err = doAll(done, about); err != nil {
			return err
		}
	}
	return nil
}

// addTail adds to messages of which the store has said what was done what the tail says after that.
func (r *record) addTail(done map[store.Name]*chat.Message, found []store.Entry) error {
	if len(r.tail) == 0 {
		return nil
	}
	known := make(map[store.Name]*store.Done, len(found))
	for _, e := range found {
		if e.Done != nil {
			known[e.Name()] = e.Done
		}
	}
	var about []store.Entry
	for _, e := range r.tail {
		name := store.Name{Sender: e.Author, ID: e.Target}
		was := known[name]
		if was == nil || e.Seq <= was.Through {
			continue
		}
		if done[name] == nil {
			m, err := was.Message()
			if err != nil {
				return fmt.Errorf("message %s of room %s: %w", e.Target, e.Room, err)
			}
			done[name] = &m
		}
		about = append(about, e)
	}
	return doAll(done, about)
}

// doAll does to messages what the entries about them say.
func doAll(done map[store.Name]*chat.Message, about []store.Entry) error {
	for _, e := range about {
		name := store.Name{Sender: e.Author, ID: e.Target}
		m, ok := done[name]
		if !ok {
			continue
		}
		event, err := store.EventOf(e)
		if err != nil {
			return fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
		}
		if m == nil {
			m = &chat.Message{}
			done[name] = m
		}
		store.Change(m, event)
	}
	return nil
}
