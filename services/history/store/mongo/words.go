package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

const (
	// unverifiedFor is how long a word stays after a message has lost it. A process that has its
	// count in memory does not write that it is used again: each forgets its counts when it tidies,
	// once an hour, and then reads that the word is unverified.
	unverifiedFor = 6 * time.Hour
	// tidyWords is how many words one step of Tidy looks for, in tidyRooms rooms.
	tidyWords = 200
	tidyRooms = 100
)

// word is a word that there is.
type word struct {
	Word string `bson:"_id"`
	N    int64  `bson:"n"` // in about how many messages
	// Unverified is when a message last lost the word, in UTC milliseconds; 0: none has since the
	// word was counted or looked for.
	Unverified int64 `bson:"unverified,omitempty"`
}

// unverifiedIndexes are those of the words that are to be looked for.
var unverifiedIndexes = []mongodb.Index{{Collection: "words", Fields: []string{"unverified"}}}

// markUnverified marks all words as unverified: earlier releases left those of what they removed.
func markUnverified(ctx context.Context, db *mongo.Database) error {
	if err := mongodb.Indexes("", unverifiedIndexes...).Run(ctx, db); err != nil {
		return err
	}
	_, err := db.Collection("words").UpdateMany(ctx, bson.D{field("unverified", nil)}, bson.D{field("$set", bson.D{field("unverified", time.Now().UnixMilli())})})
	if err != nil {
		return fmt.Errorf("words that may be gone: %w", err)
	}
	return nil
}

// count counts the words of messages. None of them is unverified any more.
func (s *searchStore) count(ctx context.Context, terms [][]string) error {
	unverified := make(map[string]int64) // and their counts
	changed, err := s.vocabulary.Count(terms, func(words []string) (map[string]int64, error) {
		cur, err := s.words.Find(ctx, bson.D{field("_id", bson.D{field("$in", words)})})
		if err != nil {
			return nil, err
		}
		var docs []word
		if err := cur.All(ctx, &docs); err != nil {
			return nil, err
		}
		known := make(map[string]int64, len(docs))
		for _, d := range docs {
			known[d.Word] = d.N
			if d.Unverified > 0 {
				unverified[d.Word] = d.N
			}
		}
		return known, nil
	})
	if err == nil {
		var writes []mongo.WriteModel
		put := func(w string, n int64) {
			writes = append(writes, mongo.NewUpdateOneModel().SetUpsert(true).SetFilter(bson.D{field("_id", w)}).
				SetUpdate(bson.D{field("$max", bson.D{field("n", n)}), field("$unset", bson.D{field("unverified", "")})}))
		}
		for w, n := range unverified {
			if changed[w] == 0 {
				put(w, n)
			}
		}
		for w, n := range changed {
			put(w, n)
		}
		if len(writes) > 0 {
			_, err = s.words.BulkWrite(ctx, writes, options.BulkWrite().SetOrdered(false))
		}
		if onlyDuplicates(err) { // another process has added it at the same moment
			err = nil
		}
	}
	if err != nil {
		s.vocabulary.Forget()
		return fmt.Errorf("count words: %w", err)
	}
	return nil
}

// unverify notes that messages have lost terms: those that are words may be in no message any more.
func (s *searchStore) unverify(ctx context.Context, terms []string) error {
	words := slices.DeleteFunc(terms, func(term string) bool { return !store.IsWord(term) })
	slices.Sort(words)
	for some := range slices.Chunk(slices.Compact(words), batch) {
		_, err := s.words.UpdateMany(ctx, bson.D{field("_id", bson.D{field("$in", some)})}, bson.D{field("$set", bson.D{field("unverified", time.Now().UnixMilli())})})
		if err != nil {
			return fmt.Errorf("words of removed messages: %w", err)
		}
	}
	return nil
}

// remove takes messages out of the index, by their keys. It can be done again.
func (s *searchStore) remove(ctx context.Context, keys []string) error {
	these := bson.D{field("_id", bson.D{field("$in", keys)})}
	cur, err := s.found.Find(ctx, these, options.Find().SetProjection(bson.D{field("terms", 1)}).SetBatchSize(batch))
	if err != nil {
		return fmt.Errorf("what messages are found by: %w", err)
	}
	var docs []found
	if err := cur.All(ctx, &docs); err != nil {
		return fmt.Errorf("what messages are found by: %w", err)
	}
	var terms []string
	for i := range docs {
		terms = append(terms, docs[i].Terms...)
	}
	// Before they are gone: a word that is unverified for nothing stays.
	if err := s.unverify(ctx, terms); err != nil {
		return err
	}
	if _, err := s.found.DeleteMany(ctx, these); err != nil {
		return fmt.Errorf("remove what messages are found by: %w", err)
	}
	return nil
}

// Completions implements store.Searches.
func (s *searchStore) Completions(ctx context.Context, prefix string, limit int) ([]string, error) {
	cur, err := s.words.Find(ctx, bson.D{field("_id", bson.D{field("$gte", prefix), field("$lt", store.After(prefix))})},
		options.Find().SetSort(bson.D{field("n", -1), field("_id", 1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("words that begin so: %w", err)
	}
	var docs []word
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("words that begin so: %w", err)
	}
	all := make([]string, len(docs))
	for i, d := range docs {
		all[i] = d.Word
	}
	return all, nil
}

// tidying is how far words are looked for that no message has any more. A process that ends begins
// anew.
type tidying struct {
	mu     sync.Mutex
	begun  int64    // in UTC milliseconds; 0: it is not
	rooms  []string // that had messages then
	at     int      // so many of them are looked into
	words  []string // that are looked for, and that none of them has
	forgot int64    // when the counts in memory were forgotten last
}

// Tidy implements store.Searches: it looks into all rooms for the words that are unverified, a part
// of both at a time, and drops those that no message has.
func (s *searchStore) Tidy(ctx context.Context, now int64, _ bool) (more bool, err error) {
	s.tidying.mu.Lock()
	defer s.tidying.mu.Unlock()
	t := &s.tidying
	if now-t.forgot >= time.Hour.Milliseconds() || t.begun == 0 {
		s.vocabulary.Forget()
		t.forgot = now
	}
	if t.begun == 0 {
		t.begun, t.rooms, t.words = now, nil, nil
	}
	if len(t.words) == 0 {
		if err := s.nextUnverified(ctx); err != nil || len(t.words) == 0 {
			t.begun = 0
			return false, err
		}
	}
	if t.rooms == nil {
		if t.rooms, err = s.indexedRooms(ctx); err != nil {
			return false, err
		}
	}
	rooms := t.rooms[t.at:min(len(t.rooms), t.at+tidyRooms)]
	if err := s.lookFor(ctx, rooms); err != nil {
		return false, err
	}
	if t.at += len(rooms); t.at < len(t.rooms) && len(t.words) > 0 {
		return true, nil
	}
	if len(t.words) > 0 {
		// A process that has used one since has verified it.
		_, err = s.words.DeleteMany(ctx, bson.D{field("_id", bson.D{field("$in", t.words)}), s.isUnverified()})
		if err != nil {
			return false, fmt.Errorf("drop words that nobody uses any more: %w", err)
		}
	}
	t.words = nil
	return true, nil
}

// isUnverified is the condition that a word is unverified for long enough.
func (s *searchStore) isUnverified() bson.E {
	return field("unverified", bson.D{field("$gt", int64(0)), field("$lte", s.tidying.begun-unverifiedFor.Milliseconds())})
}

// nextUnverified reads the next words to look for. Those before are verified by now, or dropped.
func (s *searchStore) nextUnverified(ctx context.Context) error {
	cur, err := s.words.Find(ctx, bson.D{s.isUnverified()}, options.Find().SetSort(bson.D{field("unverified", 1)}).SetLimit(tidyWords))
	if err != nil {
		return fmt.Errorf("words that may be gone: %w", err)
	}
	var docs []word
	if err := cur.All(ctx, &docs); err != nil {
		return fmt.Errorf("words that may be gone: %w", err)
	}
	for _, d := range docs {
		s.tidying.words = append(s.tidying.words, d.Word)
	}
	s.tidying.at = 0
	return nil
}

// indexedRooms returns the rooms that have messages in the index.
func (s *searchStore) indexedRooms(ctx context.Context) ([]string, error) {
	rooms := []string{}
	for last := ""; ; {
		var d found
		err := s.found.FindOne(ctx, bson.D{field("room", bson.D{field("$gt", last)})},
			options.FindOne().SetSort(bson.D{field("room", 1)}).SetProjection(bson.D{field("room", 1)})).Decode(&d)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return rooms, nil
		}
		if err != nil {
			return nil, fmt.Errorf("rooms of the index: %w", err)
		}
		last = d.Room
		rooms = append(rooms, last)
	}
}

// lookFor looks for words in rooms. A word that is there is not unverified any more.
func (s *searchStore) lookFor(ctx context.Context, rooms []string) error {
	if len(rooms) == 0 {
		return nil
	}
	var there, left []string
	for _, w := range s.tidying.words {
		err := s.found.FindOne(ctx, bson.D{field("room", bson.D{field("$in", rooms)}), field("terms", w)}, options.FindOne().SetProjection(bson.D{field("_id", 1)})).Err()
		switch {
		case err == nil:
			there = append(there, w)
		case errors.Is(err, mongo.ErrNoDocuments):
			left = append(left, w)
		default:
			return fmt.Errorf("look for a word: %w", err)
		}
	}
	if len(there) > 0 {
		_, err := s.words.UpdateMany(ctx, bson.D{field("_id", bson.D{field("$in", there)}), s.isUnverified()}, bson.D{field("$unset", bson.D{field("unverified", "")})})
		if err != nil {
			return fmt.Errorf("words that are there: %w", err)
		}
	}
	s.tidying.words = left
	return nil
}
