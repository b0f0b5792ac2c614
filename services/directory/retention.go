package directory

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/services/directory/store"
)

// kindRetention is the kind of an intent to change how long messages of a room are kept.
const kindRetention = "retention"

// Actions of the audit log.
const (
	actRetention     = "server.retention" // the rule of the server, or its bounds
	actRoomRetention = "room.retention"   // what was removed
)

// retentionView is the retention of the server.
type retentionView struct {
	Keep  string `json:"keep" doc:"For rooms without a rule of their own: forever, an age such as 30 days, or a number such as 1000 messages."`
	Least string `json:"least,omitempty" doc:"No room removes messages younger than this, such as 7 days; absent: no bound."`
	Most  string `json:"most,omitempty" doc:"No room keeps messages older than this; absent: no bound."`
}

// keptView is the retention of a room. The zero keptView keeps messages forever.
type keptView struct {
	Days  int    `json:"days,omitempty" doc:"Messages older than this are removed; absent: none are removed for their age."`
	Count int    `json:"count,omitempty" doc:"Only this many of the newest are kept; absent: any number."`
	Least int    `json:"least,omitempty" doc:"Messages up to this many days old are kept whatever their number."`
	Rule  string `json:"rule,omitempty" doc:"The room's own rule; absent: the server's applies."`
}

type retentionInput struct {
	Body struct {
		Keep  *string `json:"keep,omitempty" maxLength:"64" doc:"forever, an age such as 30 days, or a number such as 1000 messages."`
		Least *string `json:"least,omitempty" maxLength:"64" doc:"An age, such as 7 days; empty: no bound."`
		Most  *string `json:"most,omitempty" maxLength:"64" doc:"An age, such as 2 years; empty: no bound."`
	}
}

// retentions sets how long messages are kept on the server and in a room, and asks history to
// remove the older ones.
type retentions struct {
	*core
	records      *records
	serverRecord *serverRecord
	changes      *changes
	rights       *rights
	auditLog     *auditLog
}

func (s *retentions) retentionRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/server/retention", "retention", "How long messages are kept: for operators and auditors"),
		func(ctx context.Context, _ *struct{}) (retentionView, error) {
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionListRooms, httpapi.User(ctx).User); err != nil {
				return retentionView{}, err
			}
			r, err := s.store.Server(ctx)
			return retentionOf(r), err
		})
	route(s.core, api, guarded(http.MethodPatch, "/v1/server/retention", "set-retention", "Change how long messages are kept: for operators"),
		limited(s.core, func(ctx context.Context, in *retentionInput) (retentionView, error) {
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionRetain, httpapi.User(ctx).User); err != nil {
				return retentionView{}, err
			}
			return s.setRetention(ctx, directoryapi.AdminRules{Keep: in.Body.Keep, Least: in.Body.Least, Most: in.Body.Most})
		}))
}

func retentionOf(r store.Server) retentionView {
	v := retentionView{Keep: r.Keep, Least: retention.Rule{Days: r.KeepLeast}.String(), Most: retention.Rule{Days: r.KeepMost}.String()}
	if v.Keep == "" {
		v.Keep = retention.Rule{Forever: true}.String()
	}
	return v
}

func boundsOf(r store.Server) retention.Bounds {
	return retention.Bounds{Least: r.KeepLeast, Most: r.KeepMost}
}

// ruleOf parses a stored rule. One that it cannot parse is from a later release, and removes
// nothing.
func ruleOf(text string) retention.Rule {
	rule, err := retention.Parse(text)
	if err != nil {
		rule = retention.Rule{Forever: true}
	}
	return rule
}

// effectOf returns the retention that applies to a room.
func effectOf(server store.Server, room store.Room) retention.Effect {
	return boundsOf(server).Effect(ruleOf(room.Keep), ruleOf(server.Keep))
}

// setRetention changes the server's rule and bounds; nil leaves one as it is.
func (s *retentions) setRetention(ctx context.Context, rules directoryapi.AdminRules) (v retentionView, err error) {
	bad := func(err error) error { return chat.E(chat.CodeBadRequest, err.Error()) }
	change := func(r *store.Server) error {
		if rules.Keep != nil {
			keep, err := retention.Parse(*rules.Keep)
			if err != nil {
				return bad(err)
			}
			r.Keep = keep.String()
		}
		for _, bound := range []struct {
			text *string
			days *int
		}{{rules.Least, &r.KeepLeast}, {rules.Most, &r.KeepMost}} {
			if bound.text == nil {
				continue
			}
			if *bound.days, err = retention.ParseAge(*bound.text); err != nil {
				return bad(err)
			}
		}
		bounds := boundsOf(*r)
		if err := bounds.Validate(); err != nil {
			return bad(err)
		}
		if err := bounds.Check(ruleOf(r.Keep)); err != nil {
			return bad(err)
		}
		return nil
	}
	r, err := s.store.Server(ctx)
	if err != nil {
		return v, err
	}
	was := retentionOf(r)
	if err := change(&r); err != nil || retentionOf(r) == was {
		return was, err
	}
	v = retentionOf(r)
	act := store.Act{Action: actRetention, Detail: fmt.Sprintf("keep %q, at least %q, at most %q", v.Keep, v.Least, v.Most)}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		return s.serverRecord.changeServer(ctx, func(r *store.Server) error {
			if err := change(r); err != nil {
				return err
			}
			v = retentionOf(*r)
			return nil
		})
	})
	if err == nil {
		s.log.Info("changed how long messages are kept", zap.Any("to", v))
		s.sweep(ctx)
	}
	return v, err
}

// sweep asks history to apply changed rules at once. If history does not answer, its next round
// applies them within minutes.
func (s *retentions) sweep(ctx context.Context) {
	if err := historyapi.NewClient(s.bus).Sweep(ctx); err != nil {
		s.log.Info("could not ask history to apply the new rules of retention now; its next round will", zap.Error(err))
	}
}

// setKeep changes the retention of a room. It announces nothing if that is the rule already.
func (s *retentions) setKeep(ctx context.Context, c auth.Claims, r *store.Room, keep *string) error {
	if keep == nil {
		return nil
	}
	rule, err := retention.Parse(*keep)
	if err != nil {
		return chat.E(chat.CodeBadRequest, err.Error())
	}
	server, err := s.store.Server(ctx)
	if err != nil {
		return err
	}
	if err := boundsOf(server).Check(rule); err != nil {
		return chat.E(chat.CodeBadRequest, err.Error())
	}
	text := rule.String()
	if text == r.Keep {
		return nil
	}
	r.Keep = text
	p := store.RoomPatch{Keep: &text}
	err = s.auditLog.audit(ctx, store.Act{Action: actRoomChange, Room: r.ID, Detail: patched(p)}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindRetention, Room: r.ID, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PatchRoom(ctx, r.ID, p)
		})
	})
	if err == nil {
		s.sweep(ctx)
	}
	return err
}

// tellRetention tells a room of its retention.
func (s *retentions) tellRetention(ctx context.Context, i store.Intent) error {
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err
	}
	server, err := s.store.Server(ctx)
	if err != nil {
		return err
	}
	e, err := s.changes.act(ctx, i, chat.ActRetention)
	if err != nil {
		return err
	}
	if i.Actor == "" {
		e.Name = "The operator"
	}
	e.Text = effectOf(server, room).String()
	return s.changes.event(ctx, e)
}

// nameKept adds the retention to views of rooms.
func (s *views) nameKept(ctx context.Context, rooms map[string]store.Room, views []roomView) error {
	server, err := s.serverRecord.recentServer(ctx)
	if err != nil {
		return err
	}
	for i := range views {
		r := rooms[views[i].ID]
		e := effectOf(server, r)
		if v := (keptView{Days: e.Days, Count: e.Count, Least: e.Least, Rule: r.Keep}); v != (keptView{}) {
			views[i].Kept = &v
		}
	}
	return nil
}

// keptViewOf is viewOf with the retention.
func (s *views) keptViewOf(ctx context.Context, r store.Room, role directoryapi.Role) (roomView, error) {
	one := []roomView{viewOf(r, role)}
	err := s.nameKept(ctx, map[string]store.Room{r.ID: r}, one)
	return one[0], err
}

// answerRetention answers directoryapi.ServiceRetention.
func (s *retentions) answerRetention(ctx context.Context, r directoryapi.RetentionRequest) (out directoryapi.Retention, err error) {
	if len(r.Rooms) > directoryapi.MaxRetention {
		return out, chat.E(chat.CodeBadRequest, "too many rooms in one request")
	}
	server, err := s.store.Server(ctx)
	if err != nil {
		return out, s.stored(err)
	}
	rooms, err := s.store.Rooms(ctx, r.Rooms)
	if err != nil {
		return out, s.stored(err)
	}
	out.Rooms = map[string]retention.Effect{}
	for _, room := range rooms {
		if e := effectOf(server, room); e.Removes() {
			out.Rooms[room.ID] = e
		}
	}
	return out, nil
}

// answerRemoved answers directoryapi.ServiceRemoved.
func (s *retentions) answerRemoved(ctx context.Context, r directoryapi.RemovedRequest) (out directoryapi.RemovedReply, err error) {
	detail := fmt.Sprintf("%d messages through %d: %s", r.Messages, r.Through, r.Rule)
	return out, s.stored(s.auditLog.note(ctx, store.Act{Action: actRoomRetention, ActorName: "retention", Room: r.Room, Detail: detail}))
}
