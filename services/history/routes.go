package history

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
)

type pageInput struct {
	Room   string                   `path:"room" maxLength:"64"`
	Before httpapi.Optional[uint64] `query:"before" doc:"Only messages before this seq."`
	After  httpapi.Optional[uint64] `query:"after" doc:"Only messages after this seq; after 0 are the first."`
	Around httpapi.Optional[uint64] `query:"around" doc:"Messages on both sides of this seq."`
	At     httpapi.Optional[int64]  `query:"at" doc:"Messages on both sides of the first one of this time or later, in UTC milliseconds; where there is none, the newest."`
	// of who asks, without those of people whom they block or ignore
	Mention httpapi.Optional[uint64] `query:"mention" doc:"Messages on both sides of the first one after this seq that mentions you; where there is none, none."`
	Limit   int                      `query:"limit" doc:"1 to 200; 50 if absent."`
}

// request returns the request for the page.
func (in *pageInput) request() (historyapi.PageRequest, error) {
	if in.Before.Set && in.Before.Value == 0 || in.Around.Set && in.Around.Value == 0 {
		return historyapi.PageRequest{}, chat.E(chat.CodeBadRequest, "before and around are seqs, which begin with 1; after=0 is from the first message on")
	}
	req := historyapi.PageRequest{
		Room: in.Room, Before: in.Before.Value, After: in.After.Value, Around: in.Around.Value, At: in.At.Value, Mention: in.Mention.Value, Limit: in.Limit,
		Oldest: in.After.Set && in.After.Value == 0,
	}
	if in.At.Set && in.At.Value == 0 {
		req.At = 1 // nothing was said in that millisecond
	}
	if in.Mention.Set && in.Mention.Value == 0 {
		req.Mention = 1 // a room's first seq is far above
	}
	return req, nil
}

type quotesInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Messages []quoteName `json:"messages" minItems:"1" maxItems:"50"`
	}
}

type quotesOutputBody struct {
	Quotes []quote `json:"quotes" nullable:"false" doc:"Those that there are, by their seqs."`
}

type readsOutputBody struct {
	Reads map[string]uint64 `json:"reads" doc:"How far you have read each room: room to seq."`
}

type inboxInput struct {
	Room  string `query:"room" maxLength:"64" doc:"This room alone."`
	Next  string `query:"next" maxLength:"64" doc:"The next of the answer before."`
	Limit int    `query:"limit" doc:"1 to 500 rooms; 500 if absent."`
}

type markInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Seq uint64 `json:"seq,omitempty" doc:"Through which seq; left out: everything."`
	}
}

type unreadInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Seq uint64 `json:"seq" minimum:"1" doc:"The seq of the first message that is to be unread."`
	}
}

type searchInput struct {
	Query  string `query:"q" required:"true" doc:"Words, \"phrases\", -without, and the filters from: in: before: after: on: has: is:; at most 500 characters."`
	Room   string `query:"room" maxLength:"64" doc:"In this room alone."`
	Sort   string `query:"sort" enum:"new,best" doc:"The newest first (new, the default), or those that match best, of the newest 400."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The next of the answer before, to the same search."`
	Limit  int    `query:"limit" doc:"1 to 50; 20 if absent."`
	Zone   string `query:"tz" maxLength:"64" doc:"Where the days of dates are days: the name of a time zone, such as Asia/Kolkata; UTC if absent."`
}

func (s *Service) routes(api huma.API) {
	s.inboxRoutes(api)
	encodedRoute[searchInput, historyapi.Found](s, api, guarded(http.MethodGet, "/v1/search", "search", "Search the messages of your rooms"),
		func(ctx context.Context, user string, in *searchInput) (json.RawMessage, error) {
			return s.searcher.of(ctx, historyapi.SearchRequest{
				User: user, Query: in.Query, Room: in.Room, Sort: in.Sort, Cursor: in.Cursor, Limit: in.Limit, Zone: in.Zone,
			})
		})
	encodedRoute[pageInput, historyapi.Page](s, api, guarded(http.MethodGet, "/v1/rooms/{room}/messages", "messages", "A page of a room's messages"),
		func(ctx context.Context, user string, in *pageInput) (json.RawMessage, error) {
			a, err := s.guard.reader(ctx, user, in.Room)
			if err != nil {
				return nil, err
			}
			req, err := in.request()
			if err != nil {
				return nil, err
			}
			req.User, req.Events = user, a.Role != ""
			return s.pages.of(ctx, req)
		})
	s.threadRoutes(api)
	s.followRoutes(api)
	s.pinRoute(api)
	s.savedRoutes(api)
	s.versionRoute(api)
	route(s, api, guarded(http.MethodPost, "/v1/rooms/{room}/quotes", "quotes", "Messages by their names, such as those that others answer"),
		func(ctx context.Context, user string, in *quotesInput) (out quotesOutputBody, err error) {
			if err = s.guard.mayRead(ctx, user, in.Room); err == nil {
				out.Quotes, err = s.quotes.of(ctx, quotesRequest{user, in.Room, in.Body.Messages})
			}
			return out, err
		})
	reads := guarded(http.MethodGet, "/v1/reads", "reads", "How far you have read each room: see inbox, which says it, too")
	reads.Deprecated = true
	route(s, api, reads, func(ctx context.Context, user string, _ *struct{}) (out readsOutputBody, err error) {
		out.Reads, err = s.store.Reads(ctx, user)
		return out, err
	})
}

// inboxRoutes are the routes to what is new to the user.
func (s *Service) inboxRoutes(api huma.API) {
	encodedRoute[inboxInput, historyapi.Inbox](s, api, guarded(http.MethodGet, "/v1/inbox", "inbox", "What is new in your rooms"),
		func(ctx context.Context, user string, in *inboxInput) (json.RawMessage, error) {
			return s.inboxes.of(ctx, historyapi.InboxRequest{User: user, Room: in.Room, Next: in.Next, Limit: in.Limit})
		})
	mark := func(ctx context.Context, req historyapi.MarkRequest) error {
		err := s.guard.mayRead(ctx, req.User, req.Room)
		if err == nil {
			_, err = s.positions.mark(ctx, req)
		}
		return err
	}
	command(s, api, guarded(http.MethodPost, "/v1/read", "read-all", "Mark everything as read"),
		func(ctx context.Context, user string, _ *struct{}) error {
			return mark(ctx, historyapi.MarkRequest{User: user})
		})
	command(s, api, guarded(http.MethodPost, "/v1/rooms/{room}/read", "read-room", "Mark a room as read"),
		func(ctx context.Context, user string, in *markInput) error {
			return mark(ctx, historyapi.MarkRequest{User: user, Room: in.Room, Seq: in.Body.Seq})
		})
	command(s, api, guarded(http.MethodPost, "/v1/rooms/{room}/unread", "unread", "Mark a message and what follows as unread"),
		func(ctx context.Context, user string, in *unreadInput) error {
			return mark(ctx, historyapi.MarkRequest{User: user, Room: in.Room, Unread: true, Seq: in.Body.Seq})
		})
}
