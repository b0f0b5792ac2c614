package history

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
)

const jsonType = "application/json"

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

// pageOutput has a historyapi.Page in JSON.
type pageOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

type quotesInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Messages []quoteName `json:"messages" minItems:"1" maxItems:"50"`
	}
}

type quotesOutput struct {
	Body struct {
		Quotes []quote `json:"quotes" nullable:"false" doc:"Those that there are, by their seqs."`
	}
}

type readsOutput struct {
	Body struct {
		Reads map[string]uint64 `json:"reads" doc:"How far you have read each room: room to seq."`
	}
}

type inboxInput struct {
	Room  string `query:"room" maxLength:"64" doc:"This room alone."`
	Next  string `query:"next" maxLength:"64" doc:"The next of the answer before."`
	Limit int    `query:"limit" doc:"1 to 500 rooms; 500 if absent."`
}

// inboxOutput has a historyapi.Inbox in JSON.
type inboxOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
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

// inboxRoutes are the routes to what is new to the user.
func (s *Service) inboxRoutes(api huma.API) {
	inbox := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[historyapi.Inbox](), true, "")
	huma.Register(api, huma.Operation{
		OperationID: "inbox", Method: http.MethodGet, Path: "/v1/inbox", Summary: "What is new in your rooms", Security: httpapi.Bearer,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: inbox}}}},
	},
		func(ctx context.Context, in *inboxInput) (*inboxOutput, error) {
			out, err := s.inboxOf(ctx, historyapi.InboxRequest{User: httpapi.User(ctx).User, Room: in.Room, Next: in.Next, Limit: in.Limit})
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &inboxOutput{jsonType, out}, nil
		})
	mark := func(ctx context.Context, req historyapi.MarkRequest) (*struct{}, error) {
		req.User = httpapi.User(ctx).User
		err := s.mayRead(ctx, req.User, req.Room)
		if err == nil {
			_, err = s.mark(ctx, req)
		}
		if err != nil {
			return nil, httpapi.Error(s.code(err), nil)
		}
		return nil, nil //nolint:nilnil // huma: no content
	}
	huma.Register(api, huma.Operation{OperationID: "read-all", Method: http.MethodPost, Path: "/v1/read", Summary: "Mark everything as read", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (*struct{}, error) { return mark(ctx, historyapi.MarkRequest{}) })
	huma.Register(api, huma.Operation{OperationID: "read-room", Method: http.MethodPost, Path: "/v1/rooms/{room}/read", Summary: "Mark a room as read", Security: httpapi.Bearer},
		func(ctx context.Context, in *markInput) (*struct{}, error) {
			return mark(ctx, historyapi.MarkRequest{Room: in.Room, Seq: in.Body.Seq})
		})
	huma.Register(api, huma.Operation{OperationID: "unread", Method: http.MethodPost, Path: "/v1/rooms/{room}/unread", Summary: "Mark a message and what follows as unread", Security: httpapi.Bearer},
		func(ctx context.Context, in *unreadInput) (*struct{}, error) {
			return mark(ctx, historyapi.MarkRequest{Room: in.Room, Unread: true, Seq: in.Body.Seq})
		})
}

// mayRead returns an error unless the user may read a room; none is all rooms of the user.
func (s *Service) mayRead(ctx context.Context, user, room string) error {
	if room == "" {
		return nil
	}
	_, err := s.reader(ctx, user, room)
	return err
}

// reader returns what the user may do in a room that the user may read; any other is an error.
func (s *Service) reader(ctx context.Context, user, room string) (directoryapi.Access, error) {
	a, err := s.cache.Access(ctx, user, room)
	if err == nil && !a.Read {
		err = chat.E(chat.CodeForbidden, "you may not read that room")
	}
	return a, err
}

type searchInput struct {
	Query  string `query:"q" required:"true" doc:"Words, \"phrases\", -without, and the filters from: in: before: after: on: has: is:; at most 500 characters."`
	Room   string `query:"room" maxLength:"64" doc:"In this room alone."`
	Sort   string `query:"sort" enum:"new,best" doc:"The newest first (new, the default), or those that match best, of the newest 400."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The next of the answer before, to the same search."`
	Limit  int    `query:"limit" doc:"1 to 50; 20 if absent."`
	Zone   string `query:"tz" maxLength:"64" doc:"Where the days of dates are days: the name of a time zone, such as Asia/Kolkata; UTC if absent."`
}

// searchOutput has a historyapi.Found in JSON.
type searchOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Service) searchRoute(api huma.API) {
	found := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[historyapi.Found](), true, "")
	huma.Register(api, huma.Operation{
		OperationID: "search", Method: http.MethodGet, Path: "/v1/search", Summary: "Search the messages of your rooms", Security: httpapi.Bearer,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: found}}}},
	},
		func(ctx context.Context, in *searchInput) (*searchOutput, error) {
			out, err := s.searchOf(ctx, historyapi.SearchRequest{
				User: httpapi.User(ctx).User, Query: in.Query, Room: in.Room, Sort: in.Sort, Cursor: in.Cursor, Limit: in.Limit, Zone: in.Zone,
			})
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &searchOutput{jsonType, out}, nil
		})
}

func (s *Service) routes(api huma.API) {
	s.inboxRoutes(api)
	s.searchRoute(api)
	page := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[historyapi.Page](), true, "")
	huma.Register(api, huma.Operation{
		OperationID: "messages", Method: http.MethodGet, Path: "/v1/rooms/{room}/messages", Summary: "A page of a room's messages", Security: httpapi.Bearer,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: page}}}},
	},
		func(ctx context.Context, in *pageInput) (*pageOutput, error) {
			a, err := s.reader(ctx, httpapi.User(ctx).User, in.Room)
			var page json.RawMessage
			if err == nil {
				var req historyapi.PageRequest
				if req, err = in.request(); err == nil {
					req.User, req.Events = httpapi.User(ctx).User, a.Role != ""
					page, err = s.pageOf(ctx, req)
				}
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &pageOutput{jsonType, page}, nil
		})
	s.threadRoutes(api, page)
	s.followRoutes(api)
	s.pinRoute(api)
	s.savedRoutes(api)
	huma.Register(api, huma.Operation{OperationID: "quotes", Method: http.MethodPost, Path: "/v1/rooms/{room}/quotes", Summary: "Messages by their names, such as those that others answer", Security: httpapi.Bearer},
		func(ctx context.Context, in *quotesInput) (*quotesOutput, error) {
			user := httpapi.User(ctx).User
			err := s.mayRead(ctx, user, in.Room)
			out := &quotesOutput{}
			if err == nil {
				out.Body.Quotes, err = s.quotesOf(ctx, quotesRequest{user, in.Room, in.Body.Messages})
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return out, nil
		})
	huma.Register(api, huma.Operation{OperationID: "reads", Method: http.MethodGet, Path: "/v1/reads", Summary: "How far you have read each room: see inbox, which says it, too", Deprecated: true, Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (*readsOutput, error) {
			reads, err := s.store.Reads(ctx, httpapi.User(ctx).User)
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			out := &readsOutput{}
			out.Body.Reads = reads
			return out, nil
		})
}
