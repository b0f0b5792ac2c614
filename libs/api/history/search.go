package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// ServiceSearch is the service that finds messages: SearchRequest to Found.
const ServiceSearch = "history.search"

// Limits of a search, in results.
const (
	DefaultFound = 20
	MaxFound     = 50
)

// The orders that results have.
const (
	SortNew  = "new"  // the newest first
	SortBest = "best" // those that match best, of the newest 400
)

// SearchRequest asks for messages in the rooms that a user may read. The caller has authenticated
// the user; history asks the directory for the rooms.
type SearchRequest struct {
	User string `json:"user"`
	// Query is what the user has typed: words, "phrases", -without and filters; see PROTOCOL.md.
	Query  string `json:"query"`
	Room   string `json:"room,omitempty"`   // in this one alone
	Sort   string `json:"sort,omitempty"`   // empty: SortNew
	Cursor string `json:"cursor,omitempty"` // Next of the answer before, to the same request
	Limit  int    `json:"limit,omitempty"`  // 1 to MaxFound; 0: DefaultFound
	// Zone is where the days of the query's dates are days: a name of the IANA's, such as
	// Asia/Kolkata; empty: UTC.
	Zone string `json:"zone,omitempty"`
}

// Found answers SearchRequest.
type Found struct {
	Results []Result `json:"results" nullable:"false"`
	Next    string   `json:"next,omitempty" doc:"There may be more: ask again with it as cursor. An answer may have few results, or none, and yet not be the last."`
	// Building: messages of the time before there was an index are still being added to it.
	Building bool `json:"building,omitempty" doc:"Older messages are still being indexed: there may be more than is found."`
}

// Result is a message that was found.
type Result struct {
	Room       string       `json:"room"`
	Message    chat.Message `json:"message" doc:"As on a page."`
	Highlights [][2]int     `json:"highlights" nullable:"false" doc:"Ranges of the text that match, from their first to behind their last, in UTF-16 code units."`
}

// Search returns messages in the rooms that a user may read.
func (c *Client) Search(ctx context.Context, r SearchRequest) (Found, error) {
	return api.Call[SearchRequest, Found](ctx, c.rpc, ServiceSearch, r)
}
