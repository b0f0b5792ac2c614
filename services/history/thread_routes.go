package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
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

type followedInput struct {
	Unread bool   `query:"unread" doc:"Only threads with something new."`
	Cursor string `query:"cursor" maxLength:"300" doc:"The next of the answer before."`
	Limit  int    `query:"limit" doc:"1 to 100; 25 if absent."`
}

type followedOutput struct{ Body historyapi.Followed }

type followsOutput struct{ Body historyapi.Follows }

type followInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who sent the root."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the root."`
}

func (in *followInput) name() store.Name { return store.Name{Sender: in.Author, ID: in.ID} }

type followOutput struct{ Body historyapi.FollowState }

type readThreadInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who sent the root."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the root."`
	Body   struct {
		Seq uint64 `json:"seq,omitempty" doc:"Through which seq; left out: everything."`
	}
}

// followRoutes are the routes to the threads that the user follows.
func (s *Service) followRoutes(api huma.API) {
	followed := inTurn(s.reads, func(r historyapi.FollowedRequest) string { return r.User }, func(f historyapi.Followed) int { return 1000 * len(f.Threads) }, s.threadsOf)
	huma.Register(api, huma.Operation{OperationID: "followed", Method: http.MethodGet, Path: "/v1/threads", Summary: "The threads that you follow, those with something new first", Security: httpapi.Bearer},
		func(ctx context.Context, in *followedInput) (out *followedOutput, err error) {
			out = &followedOutput{}
			out.Body, err = followed(ctx, historyapi.FollowedRequest{User: httpapi.User(ctx).User, Unread: in.Unread, Cursor: in.Cursor, Limit: in.Limit})
			return answered(s, out, err)
		})
	huma.Register(api, huma.Operation{OperationID: "follows", Method: http.MethodGet, Path: "/v1/follows", Summary: "Which threads you follow, and which no more", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (out *followsOutput, err error) {
			out = &followsOutput{}
			out.Body, err = s.follows(ctx, httpapi.User(ctx).User)
			return answered(s, out, err)
		})
	const one = "/v1/rooms/{room}/threads/{author}/{id}/"
	huma.Register(api, huma.Operation{OperationID: "follow-state", Method: http.MethodGet, Path: one + "follow", Summary: "Whether you follow a thread, and how far you have read it", Security: httpapi.Bearer},
		func(ctx context.Context, in *followInput) (*followOutput, error) {
			user, out := httpapi.User(ctx).User, &followOutput{}
			err := s.mayRead(ctx, user, in.Room)
			if err == nil {
				out.Body, err = s.followOf(ctx, user, in.Room, in.name())
			}
			return answered(s, out, err)
		})
	for method, following := range map[string]bool{http.MethodPut: true, http.MethodDelete: false} {
		id, summary := "follow", "Follow a thread"
		if !following {
			id, summary = "unfollow", "Do not follow a thread any more, whatever is said there"
		}
		huma.Register(api, huma.Operation{OperationID: id, Method: method, Path: one + "follow", Summary: summary, Security: httpapi.Bearer},
			func(ctx context.Context, in *followInput) (*struct{}, error) {
				user := httpapi.User(ctx).User
				err := s.mayRead(ctx, user, in.Room)
				if err == nil {
					err = s.follow(ctx, user, in.Room, in.name(), following)
				}
				return answered[struct{}](s, nil, err)
			})
	}
	huma.Register(api, huma.Operation{OperationID: "read-thread", Method: http.MethodPost, Path: one + "read", Summary: "Mark a thread that you follow as read", Security: httpapi.Bearer},
		func(ctx context.Context, in *readThreadInput) (*struct{}, error) {
			user := httpapi.User(ctx).User
			err := s.mayRead(ctx, user, in.Room)
			if err == nil {
				err = s.readThread(ctx, user, in.Room, store.Name{Sender: in.Author, ID: in.ID}, in.Body.Seq)
			}
			return answered[struct{}](s, nil, err)
		})
}

// answered returns an answer, or the error that the client gets.
func answered[T any](s *Service, out *T, err error) (*T, error) {
	if err != nil {
		return nil, httpapi.Error(s.code(err), nil)
	}
	return out, nil
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
