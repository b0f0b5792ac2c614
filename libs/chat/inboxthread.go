package chat

// InboxThread is a thread that a user follows, with how much of it is new.
type InboxThread struct {
	Room   string `json:"room"`
	Author string `json:"author" doc:"Id of the user who sent the root."`
	ID     string `json:"id" doc:"Id of the root."`
	// Read, Last and FirstUnread are Seqs of the room.
	Read        uint64 `json:"read" doc:"How far you have read the answers."`
	Last        uint64 `json:"last" doc:"The seq of the last answer."`
	TS          int64  `json:"last_ts" doc:"Its time, in UTC milliseconds."`
	Unread      int    `json:"unread" doc:"Answers of others after read that are not deleted, up to 99."`
	More        bool   `json:"more,omitempty" doc:"There are more than unread."`
	FirstUnread uint64 `json:"first_unread,omitempty" doc:"The seq of the first unread answer; left out: there is none."`
}
