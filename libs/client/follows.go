package client

import (
	"context"
	"net/http"
	"net/url"

	"hubbub.internal/libs/chat"
)

// FollowedThread is a thread that the user follows.
type FollowedThread struct {
	chat.InboxThread
	Root    *chat.InboxLatest `json:"root"`   // nil: there is no such message
	Latest  *chat.InboxLatest `json:"latest"` // the last answer
	Replies chat.Replies      `json:"replies"`
}

// Followed returns threads that the user follows: those with something new first, or with unread
// only those, and of both the one with the last answer first. If it returns a next, there may be
// more: ask again with it as cursor. The first cursor is empty.
func (s *Session) Followed(ctx context.Context, unread bool, cursor string) (threads []FollowedThread, next string, err error) {
	query := url.Values{}
	if unread {
		query.Set("unread", "true")
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var out struct {
		Threads []FollowedThread
		Next    string
	}
	err = s.call(ctx, http.MethodGet, "/v1/threads?"+query.Encode(), nil, &out)
	return out.Threads, out.Next, err
}

// Follow says that the user follows a thread, which is named by its root, or does not any more,
// whatever is said there.
func (s *Session) Follow(ctx context.Context, room string, root Name, follow bool) error {
	method := http.MethodPut
	if !follow {
		method = http.MethodDelete
	}
	return s.call(ctx, method, threadPath(room, root, "follow"), nil, nil)
}

// ReadThread marks a thread that the user follows as read through a seq, or with 0 all of it.
func (s *Session) ReadThread(ctx context.Context, room string, root Name, seq uint64) error {
	body := map[string]uint64{}
	if seq > 0 {
		body["seq"] = seq
	}
	return s.call(ctx, http.MethodPost, threadPath(room, root, "read"), body, nil)
}

func threadPath(room string, root Name, what string) string {
	return roomPath(room, "threads/"+url.PathEscape(root.User)+"/"+url.PathEscape(root.ID)+"/"+what)
}
