package directory

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindResetRoom is the kind of an intent to reset a room.
const kindResetRoom = "reset-room"

// actRoomReset is an action of the audit log.
const actRoomReset = "room.reset"

type resetRoomInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Name string `json:"name" doc:"The room's name, to confirm which room you reset."`
	}
}

func (s *rooms) resetRoomRoute(api huma.API) {
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/reset", "reset-room", "Remove everything that was said in a room, for everybody and for ever: moderators and owners"),
		limited(s.core, func(ctx context.Context, in *resetRoomInput) (empty, error) {
			return empty{}, s.resetRoom(ctx, httpapi.User(ctx), in.Room, in.Body.Name)
		}))
}

// resetRoom appends the entry that empties a room: clients drop what they have of it, and history
// removes what comes before. Its members stay.
func (s *rooms) resetRoom(ctx context.Context, c auth.Claims, id, name string) error {
	r, _, err := s.rights.permitted(ctx, directoryapi.ActionClear, id, c.User)
	if err == nil {
		err = s.rights.accountMay(c, directoryapi.ActionClear)
	}
	if err != nil {
		return err
	}
	if strings.TrimSpace(name) != r.Name {
		return chat.E(chat.CodeBadRequest, "that is not the room's name: type it exactly, to confirm which room you empty")
	}
	return s.auditLog.audit(ctx, store.Act{Action: actRoomReset, Room: id, Detail: r.Name}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindResetRoom, Room: id, Actor: c.User}, func(context.Context) error { return nil })
	})
}

// tellReset appends the reset, and the event that says who did it. A retry does not reset the room
// again, which would remove what was said since.
func (s *rooms) tellReset(ctx context.Context, i store.Intent) error {
	if _, there, err := s.records.roomThere(ctx, i.Room); err != nil || !there {
		return err
	}
	if err := s.changes.eventOnce(ctx, i, chat.Event{Type: chat.TypeReset, Room: i.Room, ID: i.ID, User: i.Actor, TS: i.Created}); err != nil {
		return err
	}
	e, err := s.changes.act(ctx, i, chat.ActReset)
	if err != nil {
		return err
	}
	e.ID += "-why" // beside the reset itself
	return s.changes.eventOnce(ctx, i, e)
}
