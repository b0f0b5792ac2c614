package directory

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindArchive and kindDeleteRoom are the kinds of intents to archive or restore a room, and to
// delete it. The name of an intent to delete is the room's.
const (
	kindArchive    = "archive"
	kindDeleteRoom = "delete-room"
)

// Actions of the audit log.
const (
	actRoomArchive = "room.archive"
	actRoomRestore = "room.restore"
	actRoomDelete  = "room.delete"
)

// farewells is how many members are told at a time that their room is gone.
const farewells = 200

type deleteRoomInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Name string `json:"name" doc:"The room's name, so that nobody deletes another room than is meant."`
	}
}

func (s *rooms) archiveRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/archive", "archive-room", "Make a room read only and take it off the lists: owners"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.archive(ctx, httpapi.User(ctx), in.Room, true)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/restore", "restore-room", "End that a room is archived: owners"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.archive(ctx, httpapi.User(ctx), in.Room, false)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/delete", "delete-room", "Delete a room with all that was said there, for ever: owners, and who runs the server"),
		limited(s.core, func(ctx context.Context, in *deleteRoomInput) (empty, error) {
			return empty{}, s.deleteForGood(ctx, httpapi.User(ctx), in.Room, in.Body.Name)
		}))
}

// archive archives a room, or restores it. Nobody is told if it is in that state already.
func (s *rooms) archive(ctx context.Context, c auth.Claims, id string, archived bool) error {
	r, err := s.ownedOrOperated(ctx, c, directoryapi.ActionArchive, id)
	if err != nil || archived == (r.Archived != 0) {
		return err
	}
	at, action := int64(0), actRoomRestore
	if archived {
		at, action = time.Now().UnixMilli(), actRoomArchive
	}
	return s.auditLog.audit(ctx, store.Act{Action: action, Room: id, Detail: r.Name}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindArchive, Room: id, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PatchRoom(ctx, id, store.RoomPatch{Archived: &at})
		})
	})
}

// tellArchive tells whether a room is archived now.
func (s *rooms) tellArchive(ctx context.Context, i store.Intent) error {
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRules, Room: i.Room}); err != nil {
		return err
	}
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err
	}
	act := chat.ActRestore
	if room.Archived != 0 {
		act = chat.ActArchive
	}
	e, err := s.changes.act(ctx, i, act)
	if err != nil {
		return err
	}
	return s.changes.event(ctx, e)
}

// deleteForGood deletes a room with all that was said there. No other room gets its id: each new
// room gets a new one, and history accepts no entry of a deleted room.
func (s *rooms) deleteForGood(ctx context.Context, c auth.Claims, id, name string) error {
	r, err := s.ownedOrOperated(ctx, c, directoryapi.ActionDelete, id)
	if err != nil {
		return err
	}
	if strings.TrimSpace(name) != r.Name {
		return chat.E(chat.CodeBadRequest, "that is not the room's name: type it exactly, to confirm which room you delete")
	}
	return s.auditLog.audit(ctx, store.Act{Action: actRoomDelete, Room: id, Detail: r.Name}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindDeleteRoom, Room: id, Name: r.Name, Actor: c.User}, func(ctx context.Context) error {
			return s.store.DeleteRoom(ctx, id)
		})
	})
}

// ownedOrOperated returns a room that the user may archive or delete: as its owner, or as an
// operator of the server, who need not be in it.
func (s *rooms) ownedOrOperated(ctx context.Context, c auth.Claims, action directoryapi.Action, id string) (store.Room, error) {
	r, _, refused := s.rights.permitted(ctx, action, id, c.User)
	if refused == nil || chat.CodeOf(refused) != chat.CodeForbidden || !chat.ValidID(id) {
		return r, refused
	}
	if _, err := s.rights.permittedOnServer(ctx, action, c.User); err != nil {
		if chat.CodeOf(err) == chat.CodeForbidden {
			err = refused
		}
		return r, err
	}
	r, there, err := s.records.roomThere(ctx, id)
	switch {
	case err != nil:
		return r, err
	case !there:
		return r, errNoRoom
	}
	if place := roomPlace(r); !directoryapi.AnybodyMay(action, place) {
		return r, refusal(action, place)
	}
	return r, nil
}

// tellDelete removes what belonged to a deleted room, tells its members, and asks history to forget
// it. After an interruption the next try goes on with the members who are left.
func (s *rooms) tellDelete(ctx context.Context, i store.Intent) error {
	if _, there, err := s.records.roomThere(ctx, i.Room); err != nil || there {
		return err // it was not deleted after all
	}
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: i.Room}); err != nil {
		return err
	}
	e, err := s.changes.act(ctx, i, chat.ActDelete)
	if err != nil {
		return err
	}
	e.Member, e.MemberName, e.Text, e.Target = "", "", i.Name, i.Room
	err = drain(func() ([]store.Member, error) { return s.store.Members(ctx, i.Room, "", farewells) }, func(m store.Member) error {
		removed := chat.Event{Type: chat.TypeRemoved, Room: chat.UserRoom(m.User), ID: i.ID, User: i.Actor, Target: i.Room, TS: i.Created}
		told := e
		// beside the other, which clients of earlier releases know
		told.Room, told.ID = removed.Room, i.ID+"-why"
		for _, event := range []chat.Event{removed, told} {
			if err := s.changes.event(ctx, event); err != nil {
				return err
			}
		}
		return s.store.DeleteMember(ctx, i.Room, m.User)
	})
	if err != nil {
		return err
	}
	if err := s.membership.deleteRoom(ctx, i.Room); err != nil {
		return err
	}
	return historyapi.NewClient(s.bus).Forget(ctx, i.Room)
}
