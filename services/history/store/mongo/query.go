package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func field(name string, value any) bson.E { return bson.E{Key: name, Value: value} }

// between is the range of the keys of a room, from after one key to before another.
func between(after, before string) bson.E {
	return field("_id", bson.D{field("$gt", after), field("$lt", before)})
}

// Keys of one room lie between room: and room; since the semicolon comes after the colon.
func first(room string) string { return room + ":" }
func past(room string) string  { return room + ";" }

// behind is a key that comes after all entries at a seq, also those in conflict, and before the
// next.
func behind(room string, seq uint64) string { return store.Key(room, seq) + "\x7f" }

// batch is how many documents come with the first answer: what is asked for usually, in one round
// trip. The server ends one at 16 MiB by itself.
const batch = 1000

func (s *collections) list(ctx context.Context, what string, filter bson.D, sort bson.E, limit int) ([]store.Entry, error) {
	return s.sorted(ctx, what, filter, bson.D{sort}, limit)
}

func (s *collections) sorted(ctx context.Context, what string, filter, sort bson.D, limit int) ([]store.Entry, error) {
	cur, err := s.entries.Find(ctx, filter, options.Find().SetSort(sort).SetLimit(int64(limit)).SetBatchSize(batch))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	all := make([]store.Entry, len(docs))
	for i := range docs {
		all[i] = docs[i].entry()
	}
	return all, nil
}

// Last implements store.Store.
func (s *entryStore) Last(ctx context.Context, room string) (bus.Position, error) {
	all, err := s.list(ctx, "last entry", bson.D{between(first(room), past(room))}, field("_id", -1), 1)
	if err != nil {
		return bus.Position{}, err
	}
	if len(all) == 0 {
		through, err := s.lastRemoved(ctx, room)
		return bus.Position{Seq: through}, err
	}
	return bus.Position{Seq: all[0].Seq, ID: all[0].ID}, nil
}

// Latest implements store.Store. It reads more than is wanted, of any type, so that usually one
// round trip is enough.
func (s *entryStore) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	most := limit + limit/2 + 10
	all, err := s.list(ctx, "latest entries", bson.D{between(first(room), past(room))}, field("_id", -1), most)
	if err != nil {
		return bus.Position{}, nil, err
	}
	if len(all) == 0 {
		through, err := s.lastRemoved(ctx, room)
		return bus.Position{Seq: through}, nil, err
	}
	last := bus.Position{Seq: all[0].Seq, ID: all[0].ID}
	whole := len(all) < most
	messages := slices.DeleteFunc(all, func(e store.Entry) bool { return e.Type != chat.TypeMsg || e.OnlyInThread() })
	if len(messages) < limit && !whole {
		messages, err = s.Newest(ctx, room, last.Seq+1, limit)
		return last, messages, err
	}
	messages = messages[:min(limit, len(messages))]
	slices.Reverse(messages)
	return last, messages, nil
}

// Highest implements store.Store.
func (s *entryStore) Highest(ctx context.Context) (uint64, error) {
	all, err := s.list(ctx, "highest seq", bson.D{}, field("seq", -1), 1)
	if err != nil {
		return 0, err
	}
	var r removedRoom
	err = s.removed.FindOne(ctx, bson.D{}, options.FindOne().SetSort(bson.D{field("seq", -1)})).Decode(&r)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return 0, fmt.Errorf("highest seq: %w", err)
	}
	if len(all) == 0 {
		return uint64(r.Seq), nil
	}
	return max(all[0].Seq, uint64(r.Seq)), nil
}

// At implements store.Store.
func (s *entryStore) At(ctx context.Context, room string, seq uint64) ([]store.Entry, error) {
	keys := bson.D{field("$gte", store.Key(room, seq)), field("$lt", behind(room, seq))}
	return s.list(ctx, "entries at a seq", bson.D{field("_id", keys)}, field("_id", 1), 0)
}

// Since implements store.Store.
func (s *entryStore) Since(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.list(ctx, "entries since a seq", bson.D{between(behind(room, after), past(room))}, field("_id", 1), limit)
}

// Newest implements store.Store.
func (s *entryStore) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.ofType(ctx, "newest messages", room, chat.TypeMsg, bson.D{field("$lt", before)}, -1, limit)
	slices.Reverse(all)
	return all, err
}

// Oldest implements store.Store.
func (s *entryStore) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.ofType(ctx, "oldest messages", room, chat.TypeMsg, bson.D{field("$gt", after)}, 1, limit)
}

// ofType returns the entries of a type in a room with a range of Seqs: by an index that has nothing
// else there, neither reactions nor edits.
func (s *collections) ofType(ctx context.Context, what, room, kind string, seqs bson.D, order, limit int) ([]store.Entry, error) {
	return s.sorted(ctx, what, bson.D{field("room", room), field("type", kind), field("seq", seqs)},
		bson.D{field("seq", order), field("_id", order)}, limit)
}

// Acts implements store.Store.
func (s *entryStore) Acts(ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.ofType(ctx, "acts of moderation", room, chat.TypeModerated, bson.D{field("$gt", after), field("$lt", before)}, -1, limit)
	slices.Reverse(all)
	return all, err
}

// Events implements store.Store.
func (s *entryStore) Events(ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.sorted(ctx, "events of a room", bson.D{
		field("room", room), field("type", bson.D{field("$in", store.EventTypes)}), field("seq", bson.D{field("$gt", after), field("$lt", before)}),
	}, bson.D{field("seq", -1), field("_id", -1)}, limit)
	slices.Reverse(all)
	return all, err
}

// Find implements store.Store.
func (s *entryStore) Find(ctx context.Context, room, sender, id string) (store.Entry, bool, error) {
	all, err := s.list(ctx, "entry by its id", bson.D{field("room", room), field("sender", sender), field("id", id)}, field("_id", 1), 1)
	if err != nil || len(all) == 0 {
		return store.Entry{}, false, err
	}
	return all[0], true, nil
}

// named is the condition that a field names a sender and another an ID, together one of names: a
// range of an index for each sender.
func named(sender, id string, names []store.Name) bson.A {
	ids := make(map[string][]string)
	var either bson.A
	for _, n := range names {
		ids[n.Sender] = append(ids[n.Sender], n.ID)
	}
	for _, who := range slices.Sorted(maps.Keys(ids)) {
		either = append(either, bson.D{field(sender, who), field(id, bson.D{field("$in", ids[who])})})
	}
	return either
}

// Messages implements store.Store.
func (s *entryStore) Messages(ctx context.Context, room string, names []store.Name) ([]store.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return s.list(ctx, "messages", bson.D{field("room", room), field("type", messageTypes), field("$or", named("sender", "id", names))}, field("_id", 1), 0)
}

// MessagesBy implements store.Store.
func (s *entryStore) MessagesBy(ctx context.Context, sender, room string, after uint64, limit int) ([]store.Entry, error) {
	from := ""
	if room != "" {
		from = behind(room, after)
	}
	var all []store.Entry
	for _, kind := range [...]string{chat.TypeMsg, onlyInThread} { // each is a range of the index
		some, err := s.list(ctx, "messages of a user", bson.D{field("sender", sender), field("type", kind), field("_id", bson.D{field("$gt", from)})},
			field("_id", 1), limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b store.Entry) int {
		return cmp.Or(cmp.Compare(first(a.Room), first(b.Room)), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(limit, len(all))], nil
}

// Namesakes implements store.Store.
func (s *entryStore) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	return s.list(ctx, "messages with an id", bson.D{field("room", room), field("id", id), field("type", messageTypes)}, field("_id", 1), limit)
}

// About implements store.Store. Each field has its list, which is one search in an index: what is
// about a message of another pair of these authors and IDs is left out here. Authors are null where
// a process of the release before wrote the entry.
func (s *entryStore) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	wanted := make(map[store.Name]bool, len(names))
	ids, authors := make(map[string]bool, len(names)), make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n], ids[n.ID], authors[n.Sender] = true, true, true
	}
	filter := bson.D{field("room", room), field("target", in(ids)), field("author", in(authors, nil)), field("past", nil)}
	if len(types) > 0 {
		filter = append(filter, field("type", bson.D{field("$in", types)}))
	}
	found, err := s.list(ctx, "entries about messages", filter, field("_id", 1), limit)
	if err != nil {
		return nil, err
	}
	full := len(found) == limit
	right := slices.DeleteFunc(found, func(e store.Entry) bool {
		return e.Author != "" && !wanted[store.Name{Sender: e.Author, ID: e.Target}]
	})
	if !full || len(right) == limit {
		return right, nil
	}
	// So many are about other pairs that some of what is wanted may not be among them.
	either := append(named("author", "target", names), bson.D{field("author", nil), field("target", in(ids))})
	return s.list(ctx, "entries about messages", append(filter, field("$or", either)), field("_id", 1), limit)
}

// in is the condition that a field has one of these values.
func in(values map[string]bool, more ...any) bson.D {
	list := bson.A(more)
	for _, v := range slices.Sorted(maps.Keys(values)) {
		list = append(list, v)
	}
	return bson.D{field("$in", list)}
}

// Changes implements store.Store.
func (s *entryStore) Changes(ctx context.Context, room string, name store.Name, limit int) (all, edits int, err error) {
	cur, err := s.entries.Find(ctx, bson.D{field("room", room), field("target", name.ID), field("author", name.Sender)},
		options.Find().SetProjection(bson.D{field("_id", 1), field("type", 1)}).SetLimit(int64(limit)))
	if err != nil {
		return 0, 0, fmt.Errorf("changes of a message: %w", err)
	}
	var found []record
	if err := cur.All(ctx, &found); err != nil {
		return 0, 0, fmt.Errorf("changes of a message: %w", err)
	}
	for i := range found {
		if found[i].Type == chat.TypeEdited {
			edits++
		}
	}
	return len(found), edits, nil
}

// position is how far a user has read a room.
type position struct {
	User string `bson:"user"`
	Room string `bson:"room"`
	Seq  int64  `bson:"seq"`
}

// PutRead implements store.Store.
func (s *inboxStore) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	var p position
	err := s.reads.FindOneAndUpdate(ctx, bson.D{field("_id", user+":"+room)}, bson.D{
		field("$max", bson.D{field("seq", int64(seq))}),
		field("$setOnInsert", bson.D{field("user", user), field("room", room)}),
	}, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&p)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return 0, fmt.Errorf("remember a read position: %w", err)
	}
	return uint64(p.Seq), nil
}

// Reads implements store.Store.
func (s *inboxStore) Reads(ctx context.Context, user string) (map[string]uint64, error) {
	cur, err := s.reads.Find(ctx, bson.D{field("user", user)})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	var all []position
	if err := cur.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	reads := make(map[string]uint64, len(all))
	for _, p := range all {
		reads[p.Room] = uint64(p.Seq)
	}
	return reads, nil
}
