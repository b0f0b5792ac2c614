package history

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
)

type pinsInput struct {
	Room   string `path:"room" maxLength:"64"`
	Before uint64 `query:"before" doc:"Only pins before this seq."`
	Limit  int    `query:"limit" doc:"1 to 100; 25 if absent."`
}

// pinRoute is the route to the pinned messages of a room.
func (s *Service) pinRoute(api huma.API) {
	list := inTurn(s.reads, func(r historyapi.PinsRequest) string { return r.User }, func(p historyapi.Pins) int { return 1000 * len(p.Pins) }, s.pins.list)
	route(s, api, guarded(http.MethodGet, "/v1/rooms/{room}/pins", "pins", "The pinned messages of a room, the one that was pinned last first"),
		func(ctx context.Context, user string, in *pinsInput) (out historyapi.Pins, err error) {
			if err = s.guard.mayRead(ctx, user, in.Room); err == nil {
				out, err = list(ctx, historyapi.PinsRequest{User: user, Room: in.Room, Before: in.Before, Limit: in.Limit})
			}
			return out, err
		})
}
