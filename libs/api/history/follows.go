package history

import "hubbub.internal/libs/chat"

const (
	// MaxInboxThreads is how many threads an Inbox has at most.
	MaxInboxThreads = 50
	// MaxFollows is how many threads are looked at that a user follows: those that the user had to
	// do with last.
	MaxFollows = 1000
)

// FollowedRequest asks for the threads that a user follows, those with something new first, and of
// both those with the last answer first. The caller has authenticated the user.
type FollowedRequest struct {
	User   string `json:"user"`
	Unread bool   `json:"unread,omitempty"` // only those with something new
	Cursor string `json:"cursor,omitempty"` // Next of the answer before, to the same request
	Limit  int    `json:"limit,omitempty"`  // 1 to MaxThreads; 0: DefaultThreads
}

// Followed answers FollowedRequest.
type Followed struct {
	Threads []FollowedThread `json:"threads" nullable:"false" doc:"Those with something new first, and then those with the last answer first."`
	Next    string           `json:"next,omitempty" doc:"There may be more: ask again with it as cursor."`
}

// FollowedThread is a thread that a user follows.
type FollowedThread struct {
	chat.InboxThread
	Root    *chat.InboxLatest `json:"root,omitempty" doc:"The root; left out: there is no such message."`
	Latest  *chat.InboxLatest `json:"latest,omitempty" doc:"The last answer."`
	Replies chat.Replies      `json:"replies"`
}

// Follows is what is kept of a user and threads: those first that the user had to do with last.
type Follows struct {
	Threads []FollowState `json:"threads" nullable:"false" doc:"At most 1000 that you follow, and as many that you follow no more."`
}

// FollowState is whether a user follows a thread.
type FollowState struct {
	Room      string `json:"room"`
	Author    string `json:"author" doc:"Id of the user who sent the root."`
	ID        string `json:"id" doc:"Id of the root."`
	Following bool   `json:"following" doc:"False: you do not follow it any more, whatever is said there; or nothing is known of you and it."`
	Read      uint64 `json:"read" doc:"Through which seq you have read the answers."`
}
