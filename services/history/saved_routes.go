package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/services/history/store"
)

type savedInput struct {
	Before int64 `query:"before" doc:"Only what was saved before this time, in UTC milliseconds."`
	Limit  int   `query:"limit" doc:"1 to 100; 25 if absent."`
}

type savedNamesOutputBody struct {
	Names []historyapi.SavedName `json:"names" nullable:"false" doc:"The one that was saved last first."`
}

type saveInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who wrote the message."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the message."`
}

func (in *saveInput) request(user string) savedRequest {
	return savedRequest{user, in.Room, store.Name{Sender: in.Author, ID: in.ID}}
}

// savedRoutes are the routes to what the user has saved.
func (s *Service) savedRoutes(api huma.API) {
	list := inTurn(s.reads, func(r savedList) string { return r.user }, func(l historyapi.Saved) int { return 1000 * len(l.Saved) }, s.saved.list)
	route(s, api, guarded(http.MethodGet, "/v1/saved", "saved", "The messages that you have saved, the last first"),
		func(ctx context.Context, user string, in *savedInput) (historyapi.Saved, error) {
			return list(ctx, savedList{user, in.Before, in.Limit})
		})
	route(s, api, guarded(http.MethodGet, "/v1/saved/names", "saved-names", "The names of the messages that you have saved"),
		func(ctx context.Context, user string, _ *struct{}) (out savedNamesOutputBody, err error) {
			out.Names, err = s.saved.names(ctx, user)
			return out, err
		})
	const one = "/v1/saved/{room}/{author}/{id}"
	command(s, api, guarded(http.MethodPut, one, "save", "Save a message, for yourself alone"),
		func(ctx context.Context, user string, in *saveInput) error {
			if err := s.guard.mayRead(ctx, user, in.Room); err != nil {
				return err
			}
			return s.saved.save(ctx, in.request(user))
		})
	command(s, api, guarded(http.MethodDelete, one, "drop-saved", "Save a message no more"),
		func(ctx context.Context, user string, in *saveInput) error {
			return s.saved.drop(ctx, in.request(user))
		})
}
