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

// kindPurge is the kind of an intent to have a user's messages deleted. Its Role is the span.
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
	Ban     bool   `json:"ban,omitempty" doc:"Ban the user, too, before anything is deleted."`
	Minutes int64  `json:"minutes,omitempty" doc:"After so many minutes the ban ends by itself; left out: when somebody ends it."`
	Reason  string `json:"reason,omitempty" doc:"One line of up to 256 characters, which the user is told, too."`
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

// purges asks history to delete what a user has said lately.
type purges struct {
	*core
	records  *records
	changes  *changes
	rights   *rights
	auditLog *auditLog
	bans     *bans
}

func (s *purges) purgeRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/purges/{user}", "purge-in-room", "Delete all messages of somebody in a room, of some time: moderators and owners"),
		limited(s.core, func(ctx context.Context, in *purgeInput) (empty, error) {
			return empty{}, s.purge(ctx, httpapi.User(ctx), in.Room, in.User, in.Body)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/purges/{user}", "purge", "Delete all messages of somebody in all rooms, of some time: for operators"),
		limited(s.core, func(ctx context.Context, in *serverPurgeInput) (empty, error) {
			return empty{}, s.purge(ctx, httpapi.User(ctx), wholeServer, in.User, in.Body)
		}))
}

// purge has a user's messages deleted, in a room or everywhere. The user may be one who is not
// there any more.
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

// because adds the reason to what was done, if there is one.
func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// tellPurge asks history to delete, which goes on by itself from then on, and tells who did it and
// why. The reason of a purge is kept as the intent's Session, which it has no other use for.
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
