package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
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

// holds makes, lists and lifts legal holds, which history keeps.
type holds struct {
	*core
	records  *records
	auditLog *auditLog
}

// hold makes a legal hold of a room, or of a user, by id or name. A room may be gone: what was said
// there may be held by a hold of a user. Who is held is not told.
func (s *holds) hold(ctx context.Context, h historyapi.Hold) (holdView, error) {
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
		u, err := s.records.named(ctx, h.User)
		if err != nil {
			return v, err
		}
		h.User, act.Subject, act.SubjectName = u.ID, u.ID, u.Name
		v.User, v.Called = u.ID, u.Name
	}
	return v, s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		err := historyapi.NewClient(s.bus).Hold(ctx, h)
		if err == nil {
			s.log.Info("made a legal hold", zap.String("hold", h.ID), zap.String("room", h.Room), zap.String("user", h.User), zap.String("by", h.Name))
		}
		return err
	})
}

// holds returns all legal holds.
func (s *holds) holds(ctx context.Context) ([]holdView, error) {
	all, err := historyapi.NewClient(s.bus).Holds(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]holdView, len(all))
	for i, h := range all {
		views[i] = holdView{ID: h.ID, Room: h.Room, User: h.User, Reason: h.Reason, By: h.Actor, ByName: h.Name, Created: h.Created}
		if h.Room != "" {
			var r store.Room
			if r, _, err = s.records.roomThere(ctx, h.Room); err == nil {
				views[i].Called = r.Name
			}
		} else {
			views[i].Called, err = s.records.nameOf(ctx, h.User)
		}
		if err != nil {
			return nil, err
		}
	}
	return views, nil
}

// lift ends a legal hold.
func (s *holds) lift(ctx context.Context, id string) error {
	h, err := s.heldBy(ctx, id)
	if err != nil {
		return err
	}
	return s.auditLog.audit(ctx, store.Act{Action: actHoldLift, Room: h.Room, Subject: h.User, Detail: h.Reason}, func(ctx context.Context) error {
		_, err := historyapi.NewClient(s.bus).Lift(ctx, id)
		return err
	})
}

func (s *holds) heldBy(ctx context.Context, id string) (historyapi.Hold, error) {
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
