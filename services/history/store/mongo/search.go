package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// scans is how many ranges of an index MongoDB merges in the order of a sort, instead of sorting
// what is in them (https://www.mongodb.com/docs/manual/reference/parameters/,
// internalQueryMaxScansToExplode).
const scans = 200

// searchIndexes is the step that makes the indexes of what messages are found by.
func searchIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name,
		mongodb.Index{Collection: "found", Fields: []string{"room", "terms", "seq", "_id"}},
	)
}

// found is what a message is found by. It has the key of the message.
type found struct {
	Key     string   `bson:"_id"`
	Room    string   `bson:"room"`
	Seq     int64    `bson:"seq"`
	Through int64    `bson:"through"` // see store.Terms
	Terms   []string `bson:"terms"`
}

// addTerms puts entries into the index that were just added. What is there already stays: it is
// newer, or the same.
func (s *searchStore) addTerms(ctx context.Context, entries []store.Entry, out store.Outcome) error {
	type name struct{ room, sender, id string }
	other := make(map[name]string) // keys of those that have another; empty: none
	for _, e := range out.Conflicts {
		other[name{e.Room, e.Sender, e.ID}] = store.ConflictKey(e)
	}
	for _, r := range out.Repeats {
		other[name{r.Room, r.Sender, r.ID}] = ""
	}
	var docs []found
	var terms [][]string
	for _, e := range entries {
		if len(e.Terms) == 0 {
			continue
		}
		key, ok := other[name{e.Room, e.Sender, e.ID}]
		if !ok {
			key = store.Key(e.Room, e.Seq)
		}
		if key != "" {
			docs = append(docs, found{key, e.Room, int64(e.Seq), 0, e.Terms})
			terms = append(terms, e.Terms)
		}
	}
	if len(docs) == 0 {
		return nil
	}
	if _, err := s.found.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false)); err != nil && !onlyDuplicates(err) {
		return fmt.Errorf("index messages: %w", err)
	}
	return s.count(ctx, terms)
}

// PutTerms implements store.Searches. An error may leave part of it done: repeat it.
func (s *searchStore) PutTerms(ctx context.Context, all []store.Terms) error {
	if len(all) == 0 {
		return ctx.Err()
	}
	keys := make([]string, len(all))
	for i, t := range all {
		keys[i] = store.Key(t.Room, t.Seq)
	}
	there, err := s.list(ctx, "messages to index", bson.D{field("_id", bson.D{field("$in", keys)})}, field("_id", 1), 0)
	if err != nil {
		return err
	}
	names := make(map[string]store.Name, len(there))
	for _, e := range there {
		names[store.Key(e.Room, e.Seq)] = e.Name()
	}
	var terms [][]string
	var lost []string // by messages that have other terms now
	for i, t := range all {
		name, ok := names[keys[i]]
		if !ok {
			continue // it was removed
		}
		key := keys[i]
		if name != t.Name {
			key = store.ConflictKey(store.Entry{Room: t.Room, Seq: t.Seq, Sender: t.Name.Sender, ID: t.Name.ID})
		}
		doc := found{key, t.Room, int64(t.Seq), int64(t.Through), t.Terms}
		if doc.Terms == nil {
			doc.Terms = []string{}
		}
		var was found
		err := s.found.FindOneAndReplace(ctx, bson.D{field("_id", key), field("through", bson.D{field("$lte", doc.Through)})}, doc,
			options.FindOneAndReplace().SetUpsert(true)).Decode(&was)
		if mongo.IsDuplicateKeyError(err) {
			continue // what is there is newer
		}
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return fmt.Errorf("put terms: %w", err)
		}
		lost = append(lost, slices.DeleteFunc(was.Terms, func(term string) bool { return slices.Contains(t.Terms, term) })...)
		terms = append(terms, t.Terms)
	}
	if err := s.unverify(ctx, lost); err != nil {
		return err
	}
	return s.count(ctx, terms)
}

// Search implements store.Searches. Rooms are looked into some at a time, so that the server merges
// ranges of the index and sorts nothing.
func (s *searchStore) Search(ctx context.Context, q store.Search) (store.Found, error) {
	var out store.Found
	most := 1
	for i, terms := range q.All {
		if len(terms) == 0 {
			return out, ctx.Err()
		}
		if i == 0 {
			most = len(terms)
		}
	}
	if len(q.Rooms) == 0 || q.Limit <= 0 {
		return out, ctx.Err()
	}
	last := parsePlace(q.After)
	var all []found
	for rooms := range slices.Chunk(q.Rooms, max(1, scans/most)) {
		some, err := s.foundIn(ctx, q, rooms, last)
		if err != nil {
			return out, fmt.Errorf("search: %w", err)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(b.Seq, a.Seq), cmp.Compare(b.Key, a.Key)) })
	all = slices.CompactFunc(all, func(a, b found) bool { return a.Key == b.Key })
	if len(all) > q.Limit {
		all = all[:q.Limit]
	}
	if len(all) == q.Limit {
		out.Next = all[q.Limit-1].Key
	}
	return out, s.readFound(ctx, all, &out)
}

// parsePlace returns the place that a search goes on behind. There is nothing behind one that no
// search has returned.
func parsePlace(key string) found {
	if key == "" {
		return found{Seq: math.MaxInt64}
	}
	_, rest, _ := strings.Cut(key, ":")
	digits, _, _ := strings.Cut(rest, "~")
	seq, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return found{}
	}
	return found{Key: key, Seq: seq}
}

// foundIn returns the first messages that are found in some rooms behind a place.
func (s *searchStore) foundIn(ctx context.Context, q store.Search, rooms []string, last found) ([]found, error) {
	filter := bson.D{field("room", bson.D{field("$in", rooms)}), field("seq", bson.D{field("$lte", last.Seq)})}
	var more bson.A
	for i, terms := range q.All {
		condition := field("terms", bson.D{field("$in", terms)})
		if i == 0 {
			filter = append(filter, condition)
		} else {
			more = append(more, bson.D{condition})
		}
	}
	if len(q.None) > 0 {
		more = append(more, bson.D{field("terms", bson.D{field("$nin", q.None)})})
	}
	if len(more) > 0 {
		filter = append(filter, field("$and", more))
	}
	cur, err := s.found.Find(ctx, filter, options.Find().SetSort(bson.D{field("seq", -1), field("_id", -1)}).
		SetProjection(bson.D{field("seq", 1)}).SetBatchSize(int32(min(q.Limit+1, batch))))
	if err != nil {
		return nil, err
	}
	defer cur.Close(ctx)
	var all []found
	for len(all) < q.Limit && cur.Next(ctx) {
		var d found
		if err := cur.Decode(&d); err != nil {
			return nil, err
		}
		// Those of one seq are in the order of their keys.
		if d.Seq < last.Seq || d.Key < last.Key {
			all = append(all, d)
		}
	}
	return all, cur.Err()
}

// readFound reads the messages that were found.
func (s *searchStore) readFound(ctx context.Context, all []found, out *store.Found) error {
	if len(all) == 0 {
		return nil
	}
	keys := make([]string, len(all))
	for i, d := range all {
		keys[i] = d.Key
	}
	cur, err := s.entries.Find(ctx, bson.D{field("_id", bson.D{field("$in", keys)})}, options.Find().SetBatchSize(batch))
	if err != nil {
		return fmt.Errorf("found messages: %w", err)
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil {
		return fmt.Errorf("found messages: %w", err)
	}
	byKey := make(map[string]store.Entry, len(docs))
	for i := range docs {
		byKey[docs[i].Key] = docs[i].Entry
	}
	for _, key := range keys {
		if e, ok := byKey[key]; ok { // it may be gone
			out.Entries, out.Places = append(out.Entries, e), append(out.Places, key)
		}
	}
	return nil
}

// progress is how far the index is. There is one.
type progress struct {
	Key            string `bson:"_id"`
	store.Indexing `bson:",inline"`
	Lease          int64 `bson:"lease"`
}

const progressKey = "messages"

// Indexing implements store.Searches.
func (s *searchStore) Indexing(ctx context.Context) (store.Indexing, error) {
	var p progress
	err := s.indexing.FindOne(ctx, bson.D{field("_id", progressKey)}).Decode(&p)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return p.Indexing, fmt.Errorf("how far the index is: %w", err)
	}
	return p.Indexing, nil
}

// ClaimIndexing implements store.Searches.
func (s *searchStore) ClaimIndexing(ctx context.Context, now, until int64) (bool, error) {
	_, err := s.indexing.InsertOne(ctx, progress{Key: progressKey, Lease: until})
	if err == nil {
		return true, nil
	}
	if !mongo.IsDuplicateKeyError(err) {
		return false, fmt.Errorf("claim the index: %w", err)
	}
	r, err := s.indexing.UpdateOne(ctx, bson.D{field("_id", progressKey), field("lease", bson.D{field("$lt", now)})}, bson.D{field("$set", bson.D{field("lease", until)})})
	if err != nil {
		return false, fmt.Errorf("claim the index: %w", err)
	}
	return r.MatchedCount > 0, nil
}

// SaveIndexing implements store.Searches.
func (s *searchStore) SaveIndexing(ctx context.Context, i store.Indexing) error {
	if _, err := s.indexing.ReplaceOne(ctx, bson.D{field("_id", progressKey)}, progress{progressKey, i, 0}, options.Replace().SetUpsert(true)); err != nil {
		return fmt.Errorf("save the index: %w", err)
	}
	return nil
}
