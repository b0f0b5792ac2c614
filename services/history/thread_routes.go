package history

import (
	"context"
	"encoding/json"
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

type followInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who sent the root."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the root."`
}

func (in *followInput) name() store.Name { return store.Name{Sender: in.Author, ID: in.ID} }

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
	followed := inTurn(s.reads, func(r historyapi.FollowedRequest) string { return r.User }, func(f historyapi.Followed) int { return 1000 * len(f.Threads) }, s.follows.page)
	route(s, api, guarded(http.MethodGet, "/v1/threads", "followed", "The threads that you follow, those with something new first"),
		func(ctx context.Context, user string, in *followedInput) (historyapi.Followed, error) {
			return followed(ctx, historyapi.FollowedRequest{User: user, Unread: in.Unread, Cursor: in.Cursor, Limit: in.Limit})
		})
	route(s, api, guarded(http.MethodGet, "/v1/follows", "follows", "Which threads you follow, and which no more"),
		func(ctx context.Context, user string, _ *struct{}) (historyapi.Follows, error) {
			return s.follows.all(ctx, user)
		})
	const one = "/v1/rooms/{room}/threads/{author}/{id}/"
	route(s, api, guarded(http.MethodGet, one+"follow", "follow-state", "Whether you follow a thread, and how far you have read it"),
		func(ctx context.Context, user string, in *followInput) (out historyapi.FollowState, err error) {
			if err = s.guard.mayRead(ctx, user, in.Room); err == nil {
				out, err = s.follows.of(ctx, user, in.Room, in.name())
			}
			return out, err
		})
	put := func(following bool) func(context.Context, string, *followInput) error {
		return func(ctx context.Context, user string, in *followInput) error {
			if err := s.guard.mayRead(ctx, user, in.Room); err != nil {
				return err
			}
			return s.follows.put(ctx, user, in.Room, in.name(), following)
		}
	}
	command(s, api, guarded(http.MethodPut, one+"follow", "follow", "Follow a thread"), put(true))
	command(s, api, guarded(http.MethodDelete, one+"follow", "unfollow", "Do not follow a thread any more, whatever is said there"), put(false))
	command(s, api, guarded(http.MethodPost, one+"read", "read-thread", "Mark a thread that you follow as read"),
		func(ctx context.Context, user string, in *readThreadInput) error {
			if err := s.guard.mayRead(ctx, user, in.Room); err != nil {
				return err
			}
			return s.follows.read(ctx, user, in.Room, store.Name{Sender: in.Author, ID: in.ID}, in.Body.Seq)
		})
}

// threadRoutes are the routes to the threads of a room.
func (s *Service) threadRoutes(api huma.API) {
	list := inTurn(s.reads, func(r historyapi.ThreadsRequest) string { return r.User }, func(t historyapi.Threads) int { return 1000 * len(t.Threads) }, s.threads.list)
	route(s, api, guarded(http.MethodGet, "/v1/rooms/{room}/threads", "threads", "The threads of a room, the one with the last answer first"),
		func(ctx context.Context, user string, in *threadsInput) (out historyapi.Threads, err error) {
			if err = s.guard.mayRead(ctx, user, in.Room); err == nil {
				out, err = list(ctx, historyapi.ThreadsRequest{User: user, Room: in.Room, Before: in.Before, Limit: in.Limit})
			}
			return out, err
		})
	encodedRoute[threadInput, historyapi.Page](s, api, guarded(http.MethodGet, "/v1/rooms/{room}/threads/{author}/{id}", "thread", "A page of the answers in a thread"),
		func(ctx context.Context, user string, in *threadInput) (json.RawMessage, error) {
			if err := s.guard.mayRead(ctx, user, in.Room); err != nil {
				return nil, err
			}
			page := pageInput{Room: in.Room, Before: in.Before, After: in.After, Around: in.Around, Limit: in.Limit}
			req, err := page.request()
			if err != nil {
				return nil, err
			}
			req.User, req.Thread = user, chat.Thread{Author: in.Author, ID: in.ID}
			return s.pages.of(ctx, req)
		})
}
