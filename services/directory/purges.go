package directory

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindPurge is the kind of an intent to delete a user's messages. Its Role is the span.
const kindPurge = "purge"

// Actions of the audit log.
const (
	actPurge     = "server.purge"
	actRoomPurge = "room.purge"
)

// spans are how far back a purge goes; 0: to the beginning.
var spans = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "ever": 0}

type purgeBody struct {
	Span    string `json:"span" doc:"hour, day or ever: how far back."`
	Ban     bool   `json:"ban,omitempty" doc:"Also ban the user, before anything is deleted."`
	Minutes int64  `json:"minutes,omitempty" doc:"Minutes until the ban ends by itself; absent: it lasts until somebody ends it."`
	Reason  string `json:"reason,omitempty" doc:"One line of up to 256 characters. The user sees it."`
}

type purgeInput struct {
	Room string `path:"room" maxLength:"64"`
	User string `path:"user" maxLength:"64"`
	Body purgeBody
}

type serverPurgeInput struct {
	User string `path:"user" maxLength:"64"`
	Body purgeBody
}

// purges asks history to delete what a user has said within some time.
type purges struct {
	*core
	records  *records
	changes  *changes
	rights   *rights
	auditLog *auditLog
	bans     *bans
}

func (s *purges) purgeRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/purges/{user}", "purge-in-room", "Delete the messages of somebody in a room, within some time: moderators and owners"),
		limited(s.core, func(ctx context.Context, in *purgeInput) (empty, error) {
			return empty{}, s.purge(ctx, httpapi.User(ctx), in.Room, in.User, in.Body)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/purges/{user}", "purge", "Delete the messages of somebody in all rooms, within some time: for operators"),
		limited(s.core, func(ctx context.Context, in *serverPurgeInput) (empty, error) {
			return empty{}, s.purge(ctx, httpapi.User(ctx), wholeServer, in.User, in.Body)
		}))
}

// purge deletes a user's messages, in a room or everywhere. The user's account may be gone.
func (s *purges) purge(ctx context.Context, c auth.Claims, room, user string, b purgeBody) error {
	if !chat.ValidID(user) {
		return errNoUser
	}
	mine, err := s.rights.permittedIn(ctx, directoryapi.ActionPurge, room, c.User)
	if err != nil {
		return err
	}
	if err := s.rights.checkOver(ctx, mine, directoryapi.ActionPurge, user); err != nil {
		return err
	}
	if _, ok := spans[b.Span]; !ok {
		return chat.E(chat.CodeBadRequest, "span must be hour, day or ever")
	}
	reason, err := checkText("reason", b.Reason, 0, maxReason)
	if err != nil {
		return err
	}
	name, err := s.records.nameOf(ctx, user)
	if err != nil {
		return err
	}
	if b.Ban {
		if err := s.bans.ban(ctx, c, room, user, reason, b.Minutes); err != nil {
			return err
		}
	}
	act := store.Act{Action: inRoom(room, actRoomPurge, actPurge), Room: room, Subject: user, SubjectName: name, Detail: because(b.Span, reason)}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		i := store.Intent{Kind: kindPurge, Room: room, User: user, Name: name, Actor: c.User, Role: b.Span, Session: reason}
		return s.changes.change(ctx, i, func(context.Context) error { return nil })
	})
}

// because appends the reason, if there is one, to a description for the audit log.
func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// tellPurge asks history to delete, which history then finishes by itself, and announces who did it
// and why. The intent keeps the reason in Session, which a purge does not use otherwise.
func (s *purges) tellPurge(ctx context.Context, i store.Intent) error {
	e, err := s.changes.act(ctx, i, chat.ActPurge)
	if err != nil {
		return err
	}
	if span := spans[i.Role]; span > 0 {
		e.Until = i.Created - span.Milliseconds()
	}
	e.Text = i.Session
	err = historyapi.NewClient(s.bus).Purge(ctx, historyapi.PurgeRequest{
		ID: i.ID, Room: i.Room, User: i.User, After: e.Until, Actor: i.Actor, Name: e.Name,
	})
	if err != nil {
		return err
	}
	return s.changes.tellModerated(ctx, e)
}
