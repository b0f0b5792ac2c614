package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
)

type threadsInput struct {
	Room   string `path:"room" maxLength:"64"`
	Before uint64 `query:"before" doc:"Only threads whose last answer is before this seq."`
	Limit  int    `query:"limit" doc:"1 to 100; 25 if absent."`
}

type threadsOutput struct{ Body historyapi.Threads }

type threadInput struct {
	Room   string                   `path:"room" maxLength:"64"`
	Author string                   `path:"author" maxLength:"64" doc:"Id of the user who sent the root."`
	ID     string                   `path:"id" maxLength:"64" doc:"Id of the root."`
	Before httpapi.Optional[uint64] `query:"before" doc:"Only answers before this seq."`
	After  httpapi.Optional[uint64] `query:"after" doc:"Only answers after this seq; after 0 are the first."`
	Around httpapi.Optional[uint64] `query:"around" doc:"Answers on both sides of this seq."`
	Limit  int                      `query:"limit" doc:"1 to 200; 50 if absent."`
}

// threadRoutes are the routes to the threads of a room. page is the schema of a page.
func (s *Service) threadRoutes(api huma.API, page *huma.Schema) {
	list := inTurn(s.reads, func(r historyapi.ThreadsRequest) string { return r.User }, func(t historyapi.Threads) int { return 1000 * len(t.Threads) }, s.threads)
	huma.Register(api, huma.Operation{OperationID: "threads", Method: http.MethodGet, Path: "/v1/rooms/{room}/threads", Summary: "The threads of a room, the one with the last answer first", Security: httpapi.Bearer},
		func(ctx context.Context, in *threadsInput) (*threadsOutput, error) {
			user := httpapi.User(ctx).User
			err := s.mayRead(ctx, user, in.Room)
			var out threadsOutput
			if err == nil {
				out.Body, err = list(ctx, historyapi.ThreadsRequest{User: user, Room: in.Room, Before: in.Before, Limit: in.Limit})
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &out, nil
		})
	huma.Register(api, huma.Operation{
		OperationID: "thread", Method: http.MethodGet, Path: "/v1/rooms/{room}/threads/{author}/{id}", Summary: "A page of the answers in a thread", Security: httpapi.Bearer,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: page}}}},
	},
		func(ctx context.Context, in *threadInput) (*pageOutput, error) {
			user := httpapi.User(ctx).User
			err := s.mayRead(ctx, user, in.Room)
			out := &pageOutput{ContentType: jsonType}
			if err == nil {
				page := pageInput{Room: in.Room, Before: in.Before, After: in.After, Around: in.Around, Limit: in.Limit}
				var req historyapi.PageRequest
				if req, err = page.request(); err == nil {
					req.User, req.Thread = user, chat.Thread{Author: in.Author, ID: in.ID}
					out.Body, err = s.pageOf(ctx, req)
				}
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return out, nil
		})
}
