package store

import "context"

// Follows keeps who follows which threads, and how far they have read; see Store for what holds of
// its methods. A thread is named by its room and its root.
type Follows interface {
	// BeginFollows says that users follow threads, as far as nothing is kept of that. A position
	// that is there moves on to Read, and never back; who does not follow any more goes on so.
	BeginFollows(ctx context.Context, all []Follow) error
	// PutFollow says that a user follows a thread, or does not any more. Of one that is followed,
	// Read is as in BeginFollows.
	PutFollow(ctx context.Context, f Follow) error
	// ReadThread moves the position in a thread that a user follows on to a Seq, and reports
	// whether it was behind.
	ReadThread(ctx context.Context, user, room string, root Name, seq uint64, touched int64) (bool, error)
	// ReadThreads moves the positions in all threads that a user follows on to their last answers.
	ReadThreads(ctx context.Context, user string) error
	// FollowOf returns what is kept of a user and a thread; false: nothing.
	FollowOf(ctx context.Context, user, room string, root Name) (Follow, bool, error)
	// Follows returns what is kept of a user and all threads, those first that the user had to do
	// with last, at most limit of those that the user follows, and as many others.
	Follows(ctx context.Context, user string, limit int) ([]Follow, error)
	// Followed returns the threads that a user follows and that have answers, of those that the
	// user had to do with last, at most limit. Their order is the store's own.
	Followed(ctx context.Context, user string, limit int) ([]Followed, error)
	// UnreadAnswers counts the answers in a thread after a Seq that are not deleted and that
	// neither the user nor anybody in hidden has sent, up to chat.MaxUnread + 1, and returns the
	// Seq of the first. As Inbox it passes over MaxOwn others at most.
	UnreadAnswers(ctx context.Context, user string, hidden []string, room string, root Name, after uint64) (count int, first uint64, err error)
	// RemoveFollows removes what is kept of the threads of a room, and RemoveFollowsBy what is kept
	// of a user.
	RemoveFollows(ctx context.Context, room string) error
	RemoveFollowsBy(ctx context.Context, user string) error
	// NextFollower returns the user who comes after another, in an order of the store's own, of the
	// users of whom something is kept; empty: there is none. After the empty user comes the first.
	NextFollower(ctx context.Context, after string) (string, error)
	// LostFollows returns, at most limit, what is kept of a user and threads of which the store has
	// neither the root nor an answer that is not deleted, if it was touched before a time.
	LostFollows(ctx context.Context, user string, before int64, limit int) ([]Follow, error)
	// DropFollows removes what LostFollows has returned, unless it was touched since.
	DropFollows(ctx context.Context, lost []Follow) error
}

// Follow is a user and a thread.
type Follow struct {
	User      string `bson:"user"`
	Room      string `bson:"room"`
	Author    string `bson:"author"` // who sent the root
	ID        string `bson:"id"`     // of the root
	Following bool   `bson:"following"`
	Read      uint64 `bson:"read"`    // through this Seq the user has read the answers
	Touched   int64  `bson:"touched"` // when the user last had to do with it, in UTC milliseconds
}

// Root returns the name of the root.
func (f *Follow) Root() Name { return Name{f.Author, f.ID} }

// Followed is a thread that a user follows.
type Followed struct {
	Follow
	Replies Replies
}
