package directory

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceMentions answers MentionsRequest with MentionsReply.
const ServiceMentions = "directory.mentions"

// Limits of a MentionsRequest.
const (
	MaxMentions     = 100    // texts
	MaxMentionNames = 20_000 // names of all texts
)

// MentionsRequest asks whom names in messages may mean.
type MentionsRequest struct {
	Texts []MentionText `json:"texts"` // at most MaxMentions
}

// MentionText is a message that mentions somebody.
type MentionText struct {
	Room   string   `json:"room"`
	Sender string   `json:"sender"`
	Names  []string `json:"names"`         // see mentions.Text.Names
	All    bool     `json:"all,omitempty"` // it mentions the whole room, or who is online there
}

// MentionsReply answers MentionsRequest: of each text in order.
type MentionsReply struct {
	Texts []Mentioned `json:"texts"`
}

// Mentioned is whom a text may mention.
type Mentioned struct {
	// of the names those that members of the room have, or who is asked to come in, and their ids
	Users map[string]string `json:"users,omitempty"`
	// of these users those who are asked to come in, and are not members yet: they are not told
	// now, and find it when they come in
	Asked []string `json:"asked,omitempty"`
	All   bool     `json:"all,omitempty"` // the sender may ActionMentionAll
}

// Mentions returns whom names in messages may mean.
func (c *Client) Mentions(ctx context.Context, texts []MentionText) (MentionsReply, error) {
	return api.Call[MentionsRequest, MentionsReply](ctx, c.rpc, ServiceMentions, MentionsRequest{Texts: texts})
}
