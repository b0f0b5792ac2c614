package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Version is one text of a message.
type Version struct {
	Seq  uint64 `json:"seq"` // of the message, or of the edit
	TS   int64  `json:"ts"`  // UTC milliseconds
	Text string `json:"text"`
	Lost bool   `json:"lost"` // a server of a release that kept no versions has removed the text
}

// Versions is a part of what the text of a message was.
type Versions struct {
	Versions []Version `json:"versions"` // the present one first
	More     bool      `json:"more"`     // ask again before the Seq of the last
	Hidden   bool      `json:"hidden"`   // there are earlier ones, which the room does not show
}

// Versions returns over HTTP what the text of a message was: the versions before a seq, or with 0
// all of them, at most 25 at a time. A message that was deleted is not_found.
func (s *Session) Versions(ctx context.Context, room string, m Name, before uint64) (v Versions, err error) {
	path := roomPath(room, "versions/"+url.PathEscape(m.User)+"/"+url.PathEscape(m.ID))
	if before > 0 {
		path += fmt.Sprint("?before=", before)
	}
	err = s.call(ctx, http.MethodGet, path, nil, &v)
	return v, err
}
