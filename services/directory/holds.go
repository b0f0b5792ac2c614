package directory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
	"hubbub.internal/services/directory/store"
)

// Actions of the audit log.
const (
	actHold     = "server.hold"
	actHoldLift = "server.hold.lift"
	// a copy of what it has kept, once when it begins and once with its hash
	actHoldExport = "server.hold.export"
)

// holdView is a legal hold as operators see it.
type holdView struct {
	ID      string `json:"id"`
	Room    string `json:"room,omitempty" doc:"Id of the room that is held, also of one that is gone."`
	User    string `json:"user,omitempty" doc:"Id of the user whose messages are held, in all rooms."`
	Called  string `json:"called,omitempty" doc:"Name of the room or the user, as it is now; left out: it has none."`
	Reason  string `json:"reason"`
	By      string `json:"by,omitempty" doc:"Id of who made it; left out: at a console."`
	ByName  string `json:"by_name"`
	Created int64  `json:"created" doc:"UTC milliseconds."`
}

type holdInput struct {
	Body struct {
		Room   string `json:"room,omitempty" maxLength:"64" doc:"Id of a room: all that is said there is held."`
		User   string `json:"user,omitempty" maxLength:"256" doc:"Id or name of a user instead: all that they say is held, in all rooms."`
		Reason string `json:"reason" doc:"One line of 1 to 256 characters, such as the number of a case."`
	}
}

type heldInput struct {
	Hold string `path:"hold" maxLength:"64"`
}

type holdsOutput struct {
	Holds []holdView `json:"holds" nullable:"false" doc:"The oldest first."`
}

func (s *Service) holdRoutes(api huma.API) {
	route(s, api, guarded(http.MethodGet, "/v1/server/holds", "holds", "The legal holds: for operators"),
		func(ctx context.Context, _ *struct{}) (out holdsOutput, err error) {
			if _, err := s.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User); err != nil {
				return out, err
			}
			out.Holds, err = s.holds(ctx)
			return out, err
		})
	route(s, api, guarded(http.MethodPost, "/v1/server/holds", "make-hold", "Keep what is said in a room, or by somebody, from being removed: for operators"),
		limited(s, func(ctx context.Context, in *holdInput) (holdView, error) {
			c := httpapi.User(ctx)
			if _, err := s.permittedOnServer(ctx, directoryapi.ActionHold, c.User); err != nil {
				return holdView{}, err
			}
			return s.hold(ctx, historyapi.Hold{Room: in.Body.Room, User: in.Body.User, Reason: in.Body.Reason, Actor: c.User, Name: c.Name})
		}))
	route(s, api, guarded(http.MethodDelete, "/v1/server/holds/{hold}", "lift-hold", "End a legal hold, and remove what only it has kept: for operators"),
		limited(s, func(ctx context.Context, in *heldInput) (empty, error) {
			if _, err := s.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User); err != nil {
				return empty{}, err
			}
			return empty{}, s.lift(ctx, in.Hold)
		}))
	op := guarded(http.MethodGet, "/v1/server/holds/{hold}/export", "export-hold", "A copy of what a legal hold has kept of removed and replaced texts: for operators")
	op.Responses = map[string]*huma.Response{"200": {Description: "An answer that is cut off is not whole.", Content: map[string]*huma.MediaType{"application/x-ndjson": {}}}}
	huma.Register(api, op, func(ctx context.Context, in *heldInput) (*huma.StreamResponse, error) {
		_, err := s.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User)
		if err == nil {
			err = s.exports.count(time.Now(), "copies", httpapi.User(ctx).User)
		}
		c := &copying{Hold: in.Hold}
		var lines []json.RawMessage
		if err == nil {
			lines, err = s.next(ctx, c)
		}
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return s.copyOut(ctx, c, lines, false), nil
	})
}

// hold makes a legal hold of a room, or of a user, by id or name. A room may be gone: what was said
// there may be held by a hold of a user. Who is held is not told.
func (s *Service) hold(ctx context.Context, h historyapi.Hold) (holdView, error) {
	reason, err := checkText("reason", h.Reason, 1, maxReason)
	if err != nil {
		return holdView{}, err
	}
	if (h.Room == "") == (h.User == "") {
		return holdView{}, chat.E(chat.CodeBadRequest, "a hold is of a room, or of a user")
	}
	act := store.Act{Action: actHold, Room: h.Room, Detail: reason}
	h.ID, h.Reason, h.Created = chat.NewID(), reason, time.Now().UnixMilli()
	v := holdView{ID: h.ID, Room: h.Room, Reason: reason, By: h.Actor, ByName: h.Name, Created: h.Created}
	if h.Room != "" {
		r, err := s.store.Room(ctx, h.Room)
		if errors.Is(err, store.ErrNotFound) || !chat.ValidID(h.Room) {
			return v, chat.E(chat.CodeNotFound, "there is no room with that id")
		} else if err != nil {
			return v, err
		}
		v.Called = r.Name
	} else {
		u, err := s.named(ctx, h.User)
		if err != nil {
			return v, err
		}
		h.User, act.Subject, act.SubjectName = u.ID, u.ID, u.Name
		v.User, v.Called = u.ID, u.Name
	}
	return v, s.audit(ctx, act, func(ctx context.Context) error {
		err := historyapi.NewClient(s.bus).Hold(ctx, h)
		if err == nil {
			s.log.Info("made a legal hold", zap.String("hold", h.ID), zap.String("room", h.Room), zap.String("user", h.User), zap.String("by", h.Name))
		}
		return err
	})
}

// holds returns all legal holds.
func (s *Service) holds(ctx context.Context) ([]holdView, error) {
	all, err := historyapi.NewClient(s.bus).Holds(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]holdView, len(all))
	for i, h := range all {
		views[i] = holdView{ID: h.ID, Room: h.Room, User: h.User, Reason: h.Reason, By: h.Actor, ByName: h.Name, Created: h.Created}
		if h.Room != "" {
			var r store.Room
			if r, _, err = s.roomThere(ctx, h.Room); err == nil {
				views[i].Called = r.Name
			}
		} else {
			views[i].Called, err = s.nameOf(ctx, h.User)
		}
		if err != nil {
			return nil, err
		}
	}
	return views, nil
}

// lift ends a legal hold.
func (s *Service) lift(ctx context.Context, id string) error {
	h, err := s.heldBy(ctx, id)
	if err != nil {
		return err
	}
	return s.audit(ctx, store.Act{Action: actHoldLift, Room: h.Room, Subject: h.User, Detail: h.Reason}, func(ctx context.Context) error {
		_, err := historyapi.NewClient(s.bus).Lift(ctx, id)
		return err
	})
}

func (s *Service) heldBy(ctx context.Context, id string) (historyapi.Hold, error) {
	all, err := historyapi.NewClient(s.bus).Holds(ctx)
	if err != nil {
		return historyapi.Hold{}, err
	}
	at := slices.IndexFunc(all, func(h historyapi.Hold) bool { return h.ID == id })
	if at < 0 {
		return historyapi.Hold{}, chat.E(chat.CodeNotFound, "there is no such hold: it may have been lifted")
	}
	return all[at], nil
}

// copyHeld adds the head of a copy of what a hold has kept, or some entries.
func (s *Service) copyHeld(ctx context.Context, c *copying) (lines []json.RawMessage, err error) {
	if !c.Begun {
		return s.beginHeld(ctx, c)
	}
	run, err := patiently(ctx, func() (historyapi.Held, error) {
		return historyapi.NewClient(s.bus).Held(ctx, historyapi.HeldRequest{ID: c.Hold, Room: c.From.Room, Seq: c.From.Seq})
	})
	if err != nil {
		return nil, err
	}
	for _, e := range run.Entries {
		if lines, err = c.add(lines, export.KindHeld, e); err != nil {
			return nil, err
		}
		c.From = historyapi.MineNext{Room: e.Room, Seq: e.Seq}
	}
	if run.More {
		return lines, nil
	}
	return s.endCopy(ctx, c, lines)
}

func (s *Service) beginHeld(ctx context.Context, c *copying) ([]json.RawMessage, error) {
	h, err := s.heldBy(ctx, c.Hold)
	if err != nil {
		return nil, err
	}
	by := consoleOf(ctx)
	if by == "" {
		by = httpapi.User(ctx).Name
	}
	head := export.Head{Version: export.Version, At: time.Now().UnixMilli(), By: by, Hold: &export.Hold{ID: h.ID, Reason: h.Reason, By: h.Name, Created: h.Created}}
	if h.Room != "" {
		r, _, err := s.roomThere(ctx, h.Room)
		if err != nil {
			return nil, err
		}
		head.Room = &export.Room{ID: h.Room, Name: r.Name, Topic: r.Topic, Private: r.Private, Direct: r.Direct, Created: r.Created}
	} else {
		name, err := s.nameOf(ctx, h.User)
		if err != nil {
			return nil, err
		}
		head.Person = &export.Person{ID: h.User, Name: name}
	}
	if err := s.note(ctx, store.Act{Action: actHoldExport, Room: h.Room, Subject: h.User, Detail: "hold " + h.ID}); err != nil {
		return nil, err
	}
	c.Begun = true
	return c.add(nil, export.KindHead, head)
}

// adminHold makes a hold, lists holds, or lifts one, at a console.
func (s *Service) adminHold(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	switch r.Do {
	case directoryapi.AdminHold:
		v, err := s.hold(ctx, historyapi.Hold{Room: r.Filter.Room, User: r.User, Reason: r.Note, Name: consoleOf(ctx)})
		reply.Lines = linesOf([]holdView{v})
		return reply, err
	case directoryapi.AdminLift:
		return reply, s.lift(ctx, r.User)
	}
	all, err := s.holds(ctx)
	reply.Lines = linesOf(all)
	return reply, err
}
