package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// onlyInThread is the type that documents have of answers in threads that are not broadcast, so
// that what asks for the messages of a room does not see them.
const onlyInThread = chat.TypeMsg + "/thread"

// messageTypes are the types of documents of messages.
var messageTypes = bson.D{field("$in", bson.A{chat.TypeMsg, onlyInThread})}

// threadIndexes is the step that makes the indexes of threads.
func threadIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name,
		mongodb.Index{Collection: "entries", Fields: []string{"room", "root", "seq", "_id"}},
		mongodb.Index{Collection: "threads", Fields: []string{"room", "at"}},
		mongodb.Index{Collection: "threads", Fields: []string{"room", "last"}},
	)
}

// rootKey names a root in a field; ids have no ~.
func rootKey(n store.Name) string { return n.Sender + "~" + n.ID }

func rootOf(key string) store.Name {
	sender, id, _ := strings.Cut(key, "~")
	return store.Name{Sender: sender, ID: id}
}

// recordOf returns an entry as a document.
func recordOf(key string, e store.Entry) record {
	r := record{Key: key, Entry: e}
	if e.Type == chat.TypeMsg && e.Thread != (store.Name{}) {
		r.Root = rootKey(e.Thread)
	}
	if e.OnlyInThread() {
		r.Type = onlyInThread
	}
	return r
}

// entry returns the entry that a document is.
func (r *record) entry() store.Entry {
	e := r.Entry
	if r.Root != "" {
		e.Thread, e.Broadcast = rootOf(r.Root), e.Type != onlyInThread
	}
	if e.Type == onlyInThread {
		e.Type = chat.TypeMsg
	}
	return e
}

// NewestAnswers implements store.Threads.
func (s *threadStore) NewestAnswers(ctx context.Context, room string, root store.Name, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.answers(ctx, "newest answers", room, root, bson.D{field("$lt", before)}, -1, limit)
	slices.Reverse(all)
	return all, err
}

// OldestAnswers implements store.Threads.
func (s *threadStore) OldestAnswers(ctx context.Context, room string, root store.Name, after uint64, limit int) ([]store.Entry, error) {
	return s.answers(ctx, "oldest answers", room, root, bson.D{field("$gt", after)}, 1, limit)
}

func (s *threadStore) answers(ctx context.Context, what, room string, root store.Name, seqs bson.D, order, limit int) ([]store.Entry, error) {
	return s.sorted(ctx, what, bson.D{field("room", room), field("root", rootKey(root)), field("seq", seqs)},
		bson.D{field("seq", order), field("_id", order)}, limit)
}

// RootsOf implements store.Threads.
func (s *threadStore) RootsOf(ctx context.Context, room string, names []store.Name) (map[store.Name]store.Name, error) {
	found, err := s.entryStore.Messages(ctx, room, names)
	if err != nil {
		return nil, err
	}
	roots := make(map[store.Name]store.Name)
	for _, e := range found {
		if e.Thread != (store.Name{}) {
			roots[e.Name()] = e.Thread
		}
	}
	return roots, nil
}

// RepliesBetween implements store.Threads.
func (s *threadStore) RepliesBetween(ctx context.Context, room string, first, last uint64) ([]store.Replies, error) {
	between := bson.D{field("$gte", int64(first)), field("$lte", int64(min(last, math.MaxInt64)))}
	return s.replies(ctx, bson.D{field("room", room), field("at", between)}, options.Find().SetSort(bson.D{field("at", 1)}))
}

// Threads implements store.Threads.
func (s *threadStore) Threads(ctx context.Context, room string, before uint64, limit int) ([]store.Replies, error) {
	return s.replies(ctx, bson.D{field("room", room), field("last", bson.D{field("$lt", int64(min(before, math.MaxInt64)))})},
		options.Find().SetSort(bson.D{field("last", -1)}).SetLimit(int64(limit)))
}

func (s *threadStore) replies(ctx context.Context, filter bson.D, o *options.FindOptionsBuilder) ([]store.Replies, error) {
	cur, err := s.threads.Find(ctx, filter, o)
	if err != nil {
		return nil, fmt.Errorf("threads of a room: %w", err)
	}
	var all []store.Replies
	if err := cur.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("threads of a room: %w", err)
	}
	return all, nil
}

// RemoveThreads implements store.Threads.
func (s *threadStore) RemoveThreads(ctx context.Context, room string) error {
	if _, err := s.threads.DeleteMany(ctx, bson.D{field("room", room)}); err != nil {
		return fmt.Errorf("remove threads: %w", err)
	}
	return nil
}

// thread names a thread of any room.
type thread struct {
	room string
	root store.Name
}

// settleThreads makes anew what is known of the threads in which the given entries, which are kept,
// are or delete answers.
func (s *threadStore) settleThreads(ctx context.Context, entries []store.Entry) error {
	touched := make(map[thread]uint64)
	touch := func(room string, root store.Name, seq uint64) {
		t := thread{room, root}
		touched[t] = max(touched[t], seq)
	}
	answers := make(map[string][]store.Entry) // by room
	for _, e := range entries {
		switch {
		case e.Type == chat.TypeMsg && e.Thread != (store.Name{}):
			answers[e.Room] = append(answers[e.Room], e)
			touch(e.Room, e.Thread, e.Seq)
		case e.Type == chat.TypeDeleted && e.Author != "":
			root, ok, err := s.lose(ctx, e.Room, store.Name{Sender: e.Author, ID: e.Target})
			if err != nil {
				return err
			}
			if ok {
				touch(e.Room, root, e.Seq)
			}
		}
	}
	for room, some := range answers { // what came after its deletion
		gone, err := s.entryStore.goneOf(ctx, room, some)
		if err != nil {
			return err
		}
		for name := range gone {
			if _, _, err := s.lose(ctx, room, name); err != nil {
				return err
			}
		}
	}
	for t, through := range touched {
		if err := s.recount(ctx, t, through); err != nil {
			return fmt.Errorf("count the answers in a thread: %w", err)
		}
	}
	return nil
}

// lose marks an answer that was deleted, and returns the root of its thread; false: it is none.
func (s *threadStore) lose(ctx context.Context, room string, name store.Name) (root store.Name, ok bool, err error) {
	var r record
	err = s.entries.FindOne(ctx, bson.D{field("room", room), field("sender", name.Sender), field("id", name.ID)}).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) || err == nil && r.Root == "" {
		return root, false, nil
	}
	if err == nil {
		_, err = s.entries.UpdateOne(ctx, bson.D{field("_id", r.Key)}, bson.D{field("$set", bson.D{field("gone", true)})})
	}
	if err != nil {
		return root, false, fmt.Errorf("mark a deleted answer: %w", err)
	}
	return rootOf(r.Root), true, nil
}

func (s *threadStore) recount(ctx context.Context, t thread, through uint64) error {
	id := field("_id", t.room+":"+rootKey(t.root))
	there := bson.D{field("room", t.room), field("root", rootKey(t.root)), field("gone", nil)}
	cur, err := s.entries.Find(ctx, there, options.Find().SetSort(bson.D{field("seq", -1), field("_id", -1)}).SetLimit(store.LookUsers).
		SetProjection(bson.D{field("seq", 1), field("sender", 1)}))
	if err != nil {
		return err
	}
	var last []record
	if err := cur.All(ctx, &last); err != nil {
		return err
	}
	if len(last) == 0 {
		_, err := s.threads.DeleteOne(ctx, bson.D{id})
		return err
	}
	count := int64(len(last))
	if count == store.LookUsers {
		if count, err = s.entries.CountDocuments(ctx, there, options.Count().SetLimit(chat.MaxReplies+1)); err != nil {
			return err
		}
	}
	senders := make([]string, len(last))
	for i := range last {
		senders[i] = last[i].Sender
	}
	var newest, root record
	if err := s.entries.FindOne(ctx, bson.D{field("_id", last[0].Key)}).Decode(&newest); err != nil {
		return err
	}
	event, _ := chat.DecodeEntry(newest.Data, newest.Seq, 0) // else it has no time
	err = s.entries.FindOne(ctx, bson.D{field("room", t.room), field("sender", t.root.Sender), field("id", t.root.ID)}).Decode(&root)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	at := int64(0)
	if err == nil && root.entry().Type == chat.TypeMsg {
		at = int64(root.Seq)
	}
	_, err = s.threads.UpdateOne(ctx, bson.D{id}, bson.D{
		field("$set", bson.D{
			field("room", t.room), field("author", t.root.Sender), field("id", t.root.ID), field("at", at),
			field("count", min(count, chat.MaxReplies)), field("more", count > chat.MaxReplies), field("users", store.LastUsers(senders)),
			field("last", int64(newest.Seq)), field("ts", event.TS),
		}),
		field("$max", bson.D{field("through", int64(through))}),
	}, options.UpdateOne().SetUpsert(true))
	return err
}
