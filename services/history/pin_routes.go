package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
)

type pinsInput struct {
	Room   string `path:"room" maxLength:"64"`
	Before uint64 `query:"before" doc:"Only pins before this seq."`
	Limit  int    `query:"limit" doc:"1 to 100; 25 if absent."`
}

type pinsOutput struct{ Body historyapi.Pins }

// pinRoute is the route to the pinned messages of a room.
func (s *Service) pinRoute(api huma.API) {
	list := inTurn(s.reads, func(r historyapi.PinsRequest) string { return r.User }, func(p historyapi.Pins) int { return 1000 * len(p.Pins) }, s.pins)
	huma.Register(api, huma.Operation{OperationID: "pins", Method: http.MethodGet, Path: "/v1/rooms/{room}/pins", Summary: "The pinned messages of a room, the one that was pinned last first", Security: httpapi.Bearer},
		func(ctx context.Context, in *pinsInput) (*pinsOutput, error) {
			user := httpapi.User(ctx).User
			err := s.mayRead(ctx, user, in.Room)
			var out pinsOutput
			if err == nil {
				out.Body, err = list(ctx, historyapi.PinsRequest{User: user, Room: in.Room, Before: in.Before, Limit: in.Limit})
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &out, nil
		})
}
