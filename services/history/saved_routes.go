package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/history/store"
)

type savedInput struct {
	Before int64 `query:"before" doc:"Only what was saved before this time, in UTC milliseconds."`
	Limit  int   `query:"limit" doc:"1 to 100; 25 if absent."`
}

type savedOutput struct{ Body historyapi.Saved }

type savedNamesOutput struct {
	Body struct {
		Names []historyapi.SavedName `json:"names" nullable:"false" doc:"The one that was saved last first."`
	}
}

type saveInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who wrote the message."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the message."`
}

// savedRoutes are the routes to what the user has saved.
func (s *Service) savedRoutes(api huma.API) {
	list := inTurn(s.reads, func(r savedList) string { return r.user }, func(l historyapi.Saved) int { return 1000 * len(l.Saved) }, s.saved)
	huma.Register(api, huma.Operation{OperationID: "saved", Method: http.MethodGet, Path: "/v1/saved", Summary: "The messages that you have saved, the last first", Security: httpapi.Bearer},
		func(ctx context.Context, in *savedInput) (*savedOutput, error) {
			out, err := list(ctx, savedList{httpapi.User(ctx).User, in.Before, in.Limit})
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &savedOutput{out}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "saved-names", Method: http.MethodGet, Path: "/v1/saved/names", Summary: "The names of the messages that you have saved", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (*savedNamesOutput, error) {
			out := &savedNamesOutput{}
			var err error
			if out.Body.Names, err = s.savedNames(ctx, httpapi.User(ctx).User); err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return out, nil
		})
	change := func(change func(context.Context, savedRequest) error) func(context.Context, *saveInput) (*struct{}, error) {
		return func(ctx context.Context, in *saveInput) (*struct{}, error) {
			req := savedRequest{httpapi.User(ctx).User, in.Room, store.Name{Sender: in.Author, ID: in.ID}}
			if err := change(ctx, req); err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return nil, nil //nolint:nilnil // huma: no content
		}
	}
	huma.Register(api, huma.Operation{OperationID: "save", Method: http.MethodPut, Path: "/v1/saved/{room}/{author}/{id}", Summary: "Save a message, for yourself alone", Security: httpapi.Bearer},
		change(func(ctx context.Context, req savedRequest) error {
			if err := s.mayRead(ctx, req.user, req.room); err != nil {
				return err
			}
			return s.save(ctx, req)
		}))
	huma.Register(api, huma.Operation{OperationID: "drop-saved", Method: http.MethodDelete, Path: "/v1/saved/{room}/{author}/{id}", Summary: "Save a message no more", Security: httpapi.Bearer}, change(s.drop))
}
