package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// maxTailThreads is in how many threads the tail of a log may have answers for a list of threads.
const maxTailThreads = 200

// addThreads gives answers in threads, of one or more rooms and in order, the root of their thread:
// an answer that names another answer is in the thread of that one, so no thread is within another.
// A message that would be its own root is an ordinary one.
func (rs *records) addThreads(ctx context.Context, entries []store.Entry) error {
	named := make(map[string][]store.Name)
	for _, e := range entries {
		if e.Thread != (store.Name{}) {
			named[e.Room] = append(named[e.Room], e.Thread)
		}
	}
	if len(named) == 0 {
		return nil
	}
	roots := make(map[message]store.Name)
	for room, names := range named {
		stored, err := rs.store.RootsOf(ctx, room, names)
		if err != nil {
			return err
		}
		for name, root := range stored {
			roots[message{room, name}] = root
		}
	}
	for i := range entries {
		e := &entries[i]
		if e.Thread == (store.Name{}) {
			continue
		}
		if root, ok := roots[message{e.Room, e.Thread}]; ok {
			e.Thread = root
		}
		if e.Thread == e.Name() {
			e.Thread, e.Broadcast = store.Name{}, false
			continue
		}
		roots[message{e.Room, e.Name()}] = e.Thread
	}
	return nil
}

// rootOf returns the root of the thread that is asked for by a message: of one that is an answer
// itself, the root of its thread.
func (r *record) rootOf(ctx context.Context, name store.Name) (store.Name, error) {
	for _, e := range r.tail {
		if e.Type == chat.TypeMsg && e.Name() == name && e.Thread != (store.Name{}) {
			return e.Thread, nil
		}
	}
	stored, err := r.store.RootsOf(ctx, r.room, []store.Name{name})
	if err != nil {
		return name, err
	}
	return cmp.Or(stored[name], name), nil
}

// shownRoot returns the root of the record's thread as clients get it; false: there is none.
func (r *record) shownRoot(ctx context.Context) (shown, bool, error) {
	e, ok, err := r.find(ctx, r.thread.Sender, r.thread.ID)
	if err != nil || !ok || e.Type != chat.TypeMsg {
		return shown{}, false, err
	}
	all, err := r.messages(ctx, []store.Entry{e})
	if err != nil {
		return shown{}, false, err
	}
	return all[0], true, nil
}

// addReplies adds to messages of a page, found in order and encoded, what is known of the threads
// whose roots they are.
func (r *record) addReplies(ctx context.Context, found []store.Entry, all []shown) error {
	if len(found) == 0 {
		return nil
	}
	stored, err := r.store.RepliesBetween(ctx, r.room, found[0].Seq, found[len(found)-1].Seq)
	if err != nil {
		return err
	}
	known := repliesByRoot(stored)
	if err := r.addTailReplies(ctx, known); err != nil || len(known) == 0 {
		return err
	}
	for i, e := range found {
		if replies := known[e.Name()]; replies != nil {
			if all[i].json, err = withReplies(all[i].json, replies.Visible()); err != nil {
				return err
			}
		}
	}
	return nil
}

func repliesByRoot(all []store.Replies) map[store.Name]*store.Replies {
	known := make(map[store.Name]*store.Replies, len(all))
	for i := range all {
		known[all[i].Root()] = &all[i]
	}
	return known
}

// withReplies adds to the JSON of a message what is known of its thread.
func withReplies(message []byte, replies *chat.Replies) ([]byte, error) {
	if replies == nil {
		return message, nil
	}
	b, err := json.Marshal(replies)
	if err != nil {
		return nil, fmt.Errorf("encode what is known of a thread: %w", err)
	}
	return slices.Concat(message[:len(message)-1], []byte(`,"replies":`), b, []byte("}")), nil
}

// addTailReplies adds what the tail says of threads to what the store knows of them. What it says
// of a thread that is not known begins with nothing.
func (r *record) addTailReplies(ctx context.Context, known map[store.Name]*store.Replies) error {
	roots, err := r.lost(ctx)
	if err != nil {
		return err
	}
	for _, e := range r.tail {
		root, deleted := e.Thread, false
		if e.Type == chat.TypeDeleted {
			root, deleted = roots[store.Name{Sender: e.Author, ID: e.Target}], true
		}
		if root == (store.Name{}) {
			continue
		}
		of := known[root]
		if of == nil {
			of = &store.Replies{Room: r.room, Author: root.Sender, ID: root.ID}
			known[root] = of
		}
		switch {
		case e.Seq <= of.Through: // the store has counted it meanwhile
		case deleted:
			of.Count = max(0, of.Count-1)
		default:
			event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
			if err != nil {
				return fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
			}
			of.Count++
			of.More, of.Count = of.More || of.Count > chat.MaxReplies, min(of.Count, chat.MaxReplies)
			of.Users = store.LastUsers(append([]string{e.Sender}, of.Users...))
			of.Last, of.TS = e.Seq, event.TS
		}
	}
	return nil
}

// lost returns the roots of the threads of the answers that the tail deletes, by their names.
func (r *record) lost(ctx context.Context) (map[store.Name]store.Name, error) {
	deleted := make(map[store.Name]bool)
	for _, e := range r.tail {
		if e.Type == chat.TypeDeleted && e.Author != "" {
			deleted[store.Name{Sender: e.Author, ID: e.Target}] = true
		}
	}
	if len(deleted) == 0 {
		return nil, nil
	}
	var names []store.Name
	for name := range deleted {
		names = append(names, name)
	}
	roots, err := r.store.RootsOf(ctx, r.room, names)
	if err != nil {
		return nil, err
	}
	for _, e := range r.tail {
		if e.Thread != (store.Name{}) && deleted[e.Name()] {
			roots[e.Name()] = e.Thread
		}
	}
	return roots, nil
}

// threads lists the threads of rooms.
type threads struct {
	store   store.Store
	records *records
}

// list makes a list of a room's threads, the one with the last answer first.
func (t *threads) list(ctx context.Context, req historyapi.ThreadsRequest) (out historyapi.Threads, err error) {
	if err := checkListRequest(req.Room, req.Before, req.Limit, historyapi.MaxThreads); err != nil {
		return out, err
	}
	limit, before := cmp.Or(req.Limit, historyapi.DefaultThreads), cmp.Or(req.Before, everything)
	r, err := t.records.of(ctx, req.Room)
	if err != nil {
		return out, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return out, err
	}
	stored, err := t.store.Threads(ctx, req.Room, before, limit+1)
	if err != nil {
		return out, err
	}
	known := repliesByRoot(stored)
	if err := t.addTailThreads(ctx, r, known); err != nil {
		return out, err
	}
	if err := r.addTailReplies(ctx, known); err != nil {
		return out, err
	}
	var list []*store.Replies
	for _, of := range known {
		if of.Count > 0 && of.Last < before && of.Last >= r.floor {
			list = append(list, of)
		}
	}
	slices.SortFunc(list, func(a, b *store.Replies) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(a.Author, b.Author), cmp.Compare(a.ID, b.ID))
	})
	if len(list) > limit {
		list, out.More = list[:limit], true
	}
	out.Threads, err = t.listed(ctx, r, list)
	if n := len(out.Threads); n < len(list) {
		out.More = true
	}
	return out, err
}

// addTailThreads adds what the store knows of the threads that the tail has something of.
func (t *threads) addTailThreads(ctx context.Context, r *record, known map[store.Name]*store.Replies) error {
	looked := make(map[store.Name]bool)
	for _, e := range r.tail {
		if e.Thread == (store.Name{}) || known[e.Thread] != nil || looked[e.Thread] {
			continue
		}
		if looked[e.Thread] = true; len(looked) > maxTailThreads {
			return chat.Unavailable("history is catching up", retryAfter)
		}
		root, ok, err := r.store.Find(ctx, r.room, e.Thread.Sender, e.Thread.ID)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		stored, err := r.store.RepliesBetween(ctx, r.room, root.Seq, root.Seq)
		if err != nil {
			return err
		}
		for name, of := range repliesByRoot(stored) {
			known[name] = of
		}
	}
	return nil
}

// listed returns threads as clients get them: as many, from the first on, as fit an answer.
func (t *threads) listed(ctx context.Context, r *record, list []*store.Replies) ([]historyapi.RoomThread, error) {
	threads := []historyapi.RoomThread{}
	size := 0
	for _, of := range list {
		thread := historyapi.RoomThread{Author: of.Author, ID: of.ID, Replies: *of.Visible()}
		e, ok, err := r.find(ctx, of.Author, of.ID)
		if err != nil {
			return nil, err
		}
		if ok && e.Type == chat.TypeMsg {
			all, err := r.messagesAlone(ctx, []store.Entry{e})
			if err != nil {
				return nil, err
			}
			if size += len(all[0].json); size > store.PageBytes && len(threads) > 0 {
				break
			}
			root, err := all[0].message()
			if err != nil {
				return nil, fmt.Errorf("room %s: %w", e.Room, err)
			}
			thread.Root = &root
		}
		threads = append(threads, thread)
	}
	return threads, nil
}

// shownMentions returns what pages show of the mentions of messages, from the first on that may
// have some. Between the answers in a thread lies much of the room, so they are asked for one by
// one.
func (r *record) shownMentions(ctx context.Context, found []store.Entry, all []shown, first int, may func(shown) bool) ([]store.Mentions, error) {
	if r.thread == (store.Name{}) {
		return r.store.ShownMentions(ctx, r.room, found[first].Seq, found[len(found)-1].Seq)
	}
	var stored []store.Mentions
	for i := first; i < len(found); i++ {
		if !may(all[i]) {
			continue
		}
		some, err := r.store.ShownMentions(ctx, r.room, found[i].Seq, found[i].Seq)
		if err != nil {
			return nil, err
		}
		stored = append(stored, some...)
	}
	return stored, nil
}

// oldestOfAll returns the first stored messages after a Seq, whatever shows them, at most limit and
// no more than a page can have.
func (r *record) oldestOfAll(ctx context.Context, after uint64, limit int) (found []store.Entry, err error) {
	for {
		some, err := r.store.Since(ctx, r.room, after, maxReplay)
		if err != nil {
			return nil, err
		}
		whole := len(some) < maxReplay
		if !whole { // what has one Seq stays together
			some = some[:safeCut(some, len(some)-1, -1, seqOf)]
		}
		for _, e := range some {
			if e.Type != chat.TypeMsg {
				continue
			}
			if found = append(found, e); len(found) == limit || len(found) > 1 && full(found) {
				return found, nil
			}
		}
		if whole || len(some) == 0 {
			return found, nil
		}
		after = some[len(some)-1].Seq
	}
}
