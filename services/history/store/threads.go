package store

import (
	"context"

	"hubbub.internal/libs/chat"
)

// Threads keeps which messages are answers in which thread, and what a root says of its thread; see
// Store for what holds of its methods. A thread is named by its root, which may not be there.
type Threads interface {
	// RootsOf returns the roots of the threads that messages with these names are answers in. Those
	// that are in none are left out.
	RootsOf(ctx context.Context, room string, names []Name) (map[Name]Name, error)
	// NewestAnswers returns the last answers in a thread with Seq < before, in order, at most
	// limit, and as Newest no more than a page can have; OldestAnswers the first with Seq > after.
	NewestAnswers(ctx context.Context, room string, root Name, before uint64, limit int) ([]Entry, error)
	OldestAnswers(ctx context.Context, room string, root Name, after uint64, limit int) ([]Entry, error)
	// RepliesBetween returns what is known of the threads whose roots are messages of a room
	// between two Seqs, both included.
	RepliesBetween(ctx context.Context, room string, first, last uint64) ([]Replies, error)
	// Threads returns the threads of a room whose last answer has a Seq < before, the last first,
	// at most limit.
	Threads(ctx context.Context, room string, before uint64, limit int) ([]Replies, error)
	// RemoveThreads removes what is kept of the threads of a room.
	RemoveThreads(ctx context.Context, room string) error
}

const (
	// MaxUsers is how many users Replies has at most.
	MaxUsers = 5
	// LookUsers is among how many of the last answers they are looked for.
	LookUsers = 100
)

// Replies is what is known of a thread that has answers which are not deleted. It is made of them
// anew whenever one comes or goes, so it cannot drift.
type Replies struct {
	Room   string   `bson:"room"`
	Author string   `bson:"author"` // who sent the root
	ID     string   `bson:"id"`     // of the root
	At     uint64   `bson:"at"`     // Seq of the root; 0: there is no such message
	Count  int      `bson:"count"`  // answers, up to chat.MaxReplies
	More   bool     `bson:"more"`   // there are more
	Users  []string `bson:"users"`  // who answered: the last first
	Last   uint64   `bson:"last"`   // Seq of the last answer
	TS     int64    `bson:"ts"`     // its time, in UTC milliseconds
	// Through is the Seq of the last entry that was counted: an answer, or the deletion of one.
	Through uint64 `bson:"through"`
}

// Root returns the name of the root.
func (r *Replies) Root() Name { return Name{r.Author, r.ID} }

// Visible returns what clients get of it; nil: no answer is left.
func (r *Replies) Visible() *chat.Replies {
	if r.Count == 0 {
		return nil
	}
	return &chat.Replies{Count: r.Count, More: r.More, Users: r.Users, Last: r.Last, TS: r.TS}
}

// LastUsers returns the first users of those who answered, the last answer first.
func LastUsers(senders []string) []string {
	users := make([]string, 0, MaxUsers)
next:
	for _, sender := range senders {
		for _, user := range users {
			if user == sender {
				continue next
			}
		}
		if users = append(users, sender); len(users) == MaxUsers {
			break
		}
	}
	return users
}

// OnlyInThread reports whether an entry is an answer in a thread that pages of its room leave out.
func (e *Entry) OnlyInThread() bool { return e.Thread != (Name{}) && !e.Broadcast }
