package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// newsAtOnce is how many rooms are looked into at the same time for an inbox.
const newsAtOnce = 8

// everybody is who is mentioned by @room; no user has this id.
const everybody = "@room"

// inboxIndexes is the step that makes the indexes of what is new to users.
func inboxIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name,
		mongodb.Index{Collection: "mentions", Fields: []string{"user", "room", "seq"}},
		mongodb.Index{Collection: "mentions", Fields: []string{"room", "seq", "sender", "_id"}},
		mongodb.Index{Collection: "mentioned", Fields: []string{"room", "seq", "sender"}},
		mongodb.Index{Collection: "unresolved", Fields: []string{"room", "sender", "id", "seq"}},
	)
}

// mention says that a message mentions a user, or everybody.
type mention struct {
	Key    string `bson:"_id"`
	User   string `bson:"user"`
	Room   string `bson:"room"`
	Seq    int64  `bson:"seq"`
	Sender string `bson:"sender"`
	Answer bool   `bson:"answer,omitempty"` // the message is shown in a thread alone
}

// Inbox implements store.Inboxes. The rooms are looked into one by one, some at the same time.
func (s *inboxStore) Inbox(ctx context.Context, user string, rooms, hidden []string) ([]store.Inbox, error) {
	reads, err := s.readsIn(ctx, user, rooms)
	if err != nil {
		return nil, err
	}
	all := make([]store.Inbox, len(rooms))
	errs := make([]error, newsAtOnce)
	var wait sync.WaitGroup
	for worker := range newsAtOnce {
		wait.Go(func() {
			for i := worker; i < len(rooms) && errs[worker] == nil; i += newsAtOnce {
				read, known := reads[rooms[i]]
				all[i], errs[worker] = s.news(ctx, user, rooms[i], hidden, read, known)
			}
		})
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

func (s *inboxStore) readsIn(ctx context.Context, user string, rooms []string) (map[string]uint64, error) {
	keys := make([]string, len(rooms))
	for i, room := range rooms {
		keys[i] = user + ":" + room
	}
	cur, err := s.reads.Find(ctx, bson.D{field("_id", bson.D{field("$in", keys)})})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	var found []position
	if err := cur.All(ctx, &found); err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	reads := make(map[string]uint64, len(found))
	for _, p := range found {
		reads[p.Room] = uint64(p.Seq)
	}
	return reads, nil
}

// news returns what is new to a user in a room.
func (s *inboxStore) news(ctx context.Context, user, room string, hidden []string, read uint64, known bool) (store.Inbox, error) {
	in := store.Inbox{Room: room, Known: known, Read: read}
	end, latest, err := s.entryStore.Latest(ctx, room, 1)
	if err != nil {
		return in, err
	}
	if in.Through = end.Seq; len(latest) > 0 {
		in.Last = &latest[len(latest)-1]
	}
	if !known || in.Through <= read {
		return in, nil
	}
	if in.Last != nil && in.Last.Seq > read {
		if err := s.countUnread(ctx, user, hidden, &in); err != nil {
			return in, err
		}
	}
	if err := s.countMentions(ctx, user, hidden, &in); err != nil {
		return in, err
	}
	in.More = in.More || in.Unread > chat.MaxUnread
	in.Unread = min(in.Unread, chat.MaxUnread)
	return in, nil
}

// countUnread counts the messages behind the position: those there are, without those that were
// deleted.
func (s *inboxStore) countUnread(ctx context.Context, user string, hidden []string, in *store.Inbox) error {
	passed := 0
	for after := in.Read; ; {
		found, err := s.briefly(ctx, in.Room, after)
		if err != nil {
			return err
		}
		gone, err := s.entryStore.goneOf(ctx, in.Room, found)
		if err != nil {
			return err
		}
		for _, e := range found {
			switch {
			case gone[e.Name()]:
				continue
			case e.Sender == user || slices.Contains(hidden, e.Sender):
				if passed++; passed > store.MaxOwn {
					in.More = true
					return nil
				}
				continue
			case in.Unread == chat.MaxUnread:
				in.More = true
				return nil
			}
			in.Unread++
			in.FirstUnread = cmp.Or(in.FirstUnread, e.Seq)
		}
		if len(found) < unreadBatch {
			return nil
		}
		after = found[len(found)-1].Seq
	}
}

// unreadBatch is how many messages are read at a time to be counted.
const unreadBatch = chat.MaxUnread + 1

// briefly returns the next messages of a room without their data.
func (s *collections) briefly(ctx context.Context, room string, after uint64) ([]store.Entry, error) {
	cur, err := s.entries.Find(ctx, bson.D{field("room", room), field("type", chat.TypeMsg), field("seq", bson.D{field("$gt", int64(after))})},
		options.Find().SetSort(bson.D{field("seq", 1)}).SetLimit(unreadBatch).SetProjection(bson.D{field("seq", 1), field("sender", 1), field("id", 1)}))
	if err != nil {
		return nil, fmt.Errorf("unread messages: %w", err)
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("unread messages: %w", err)
	}
	all := make([]store.Entry, len(docs))
	for i := range docs {
		all[i] = docs[i].Entry
	}
	return all, nil
}

// goneOf returns which of some messages were deleted.
func (s *entryStore) goneOf(ctx context.Context, room string, found []store.Entry) (map[store.Name]bool, error) {
	names := make([]store.Name, len(found))
	for i := range found {
		names[i] = found[i].Name()
	}
	deletions, err := s.About(ctx, room, names, 0, chat.TypeDeleted)
	if err != nil {
		return nil, err
	}
	gone := make(map[store.Name]bool, len(deletions))
	for _, d := range deletions {
		gone[store.Name{Sender: d.Author, ID: d.Target}] = true
	}
	return gone, nil
}

func (s *inboxStore) countMentions(ctx context.Context, user string, hidden []string, in *store.Inbox) error {
	first, err := s.NextMention(ctx, user, in.Room, hidden, in.Read)
	if err != nil || first == 0 {
		return err
	}
	filter := mentionsAfter(user, in.Room, hidden, in.Read)
	n, err := s.mentions.CountDocuments(ctx, filter)
	if err != nil {
		return fmt.Errorf("count mentions: %w", err)
	}
	in.Mentions, in.FirstMention, in.LastMention = int(n), first, first
	if n > 1 {
		var last mention
		if err := s.mentions.FindOne(ctx, filter, options.FindOne().SetSort(bson.D{field("seq", -1)})).Decode(&last); err != nil {
			return fmt.Errorf("last mention: %w", err)
		}
		in.LastMention = uint64(last.Seq)
	}
	answers := append(filter, field("answer", true))
	var answer mention
	err = s.mentions.FindOne(ctx, answers, options.FindOne().SetSort(bson.D{field("seq", 1)})).Decode(&answer)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("first mention in a thread: %w", err)
	}
	if n, err = s.mentions.CountDocuments(ctx, answers); err != nil {
		return fmt.Errorf("count mentions in threads: %w", err)
	}
	in.AddAnswers(int(n), uint64(answer.Seq))
	return nil
}

// mentionsAfter are the mentions of a user in a room after a Seq that neither the user nor anybody
// in hidden has made.
func mentionsAfter(user, room string, hidden []string, after uint64) bson.D {
	return bson.D{
		field("user", bson.D{field("$in", bson.A{user, everybody})}), field("room", room), field("seq", bson.D{field("$gt", int64(after))}),
		field("sender", bson.D{field("$nin", append(slices.Clone(hidden), user))}),
	}
}

// NextMention implements store.Inboxes.
func (s *inboxStore) NextMention(ctx context.Context, user, room string, hidden []string, after uint64) (uint64, error) {
	var first mention
	err := s.mentions.FindOne(ctx, mentionsAfter(user, room, hidden, after), options.FindOne().SetSort(bson.D{field("seq", 1)})).Decode(&first)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("next mention: %w", err)
	}
	return uint64(first.Seq), nil
}

// BeginRead implements store.Inboxes.
func (s *inboxStore) BeginRead(ctx context.Context, room, user string, at, from uint64) error {
	id := field("_id", user+":"+room)
	_, err := s.reads.UpdateOne(ctx, bson.D{id}, bson.D{
		field("$setOnInsert", bson.D{field("user", user), field("room", room), field("seq", int64(from)), field("began", int64(at))}),
	}, options.UpdateOne().SetUpsert(true))
	if err == nil {
		earlier := field("$or", bson.A{bson.D{field("began", bson.D{field("$lt", int64(at))})}, bson.D{field("began", nil)}})
		_, err = s.reads.UpdateOne(ctx, bson.D{id, earlier}, bson.D{
			field("$max", bson.D{field("seq", int64(from))}), field("$set", bson.D{field("began", int64(at))}),
		})
	}
	if err != nil {
		return fmt.Errorf("begin a read position: %w", err)
	}
	return nil
}

// MoveReadBack implements store.Inboxes.
func (s *inboxStore) MoveReadBack(ctx context.Context, room, user string, seq uint64) error {
	_, err := s.reads.UpdateOne(ctx, bson.D{field("_id", user+":"+room)}, bson.D{
		field("$min", bson.D{field("seq", int64(seq))}),
		field("$setOnInsert", bson.D{field("user", user), field("room", room)}),
	}, options.UpdateOne().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("take back a read position: %w", err)
	}
	return nil
}

// PutReads implements store.Inboxes.
func (s *inboxStore) PutReads(ctx context.Context, user string, reads map[string]uint64) error {
	for room, seq := range reads {
		if _, err := s.PutRead(ctx, room, user, seq); err != nil {
			return err
		}
	}
	return ctx.Err()
}
