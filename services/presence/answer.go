package presence

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/presence/roster"
)

// listTimeout is how long a question waits for its turn to have a big room looked through.
const listTimeout = time.Second

// methods are the requests that presence answers.
func (s *Service) methods() []api.Method {
	return []api.Method{
		api.Answer(presenceapi.ServiceWho, s.who),
		api.Answer(presenceapi.ServiceUser, s.user),
		api.Answer(presenceapi.ServiceHidden, s.invisible),
		api.Answer(presenceapi.ServiceActive, s.active),
	}
}

// failed logs an error that has no code.
func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}

// invisible answers who of some users is invisible.
func (s *Service) invisible(_ context.Context, req presenceapi.HiddenRequest) (presenceapi.Hidden, error) {
	if len(req.Users) > presenceapi.MaxLimit {
		return presenceapi.Hidden{}, chat.E(chat.CodeBadRequest, "at most 1000 users")
	}
	if err := s.replica.Ready(); err != nil {
		return presenceapi.Hidden{}, err
	}
	out := presenceapi.Hidden{Users: []string{}}
	s.replica.View(func(r *roster.Roster) {
		for _, user := range req.Users {
			if r.Invisible(user) {
				out.Users = append(out.Users, user)
			}
		}
	})
	return out, nil
}

// active answers who of some users is using a device, or does not want to be disturbed.
func (s *Service) active(_ context.Context, req presenceapi.ActiveRequest) (presenceapi.Active, error) {
	if len(req.Users) > presenceapi.MaxLimit {
		return presenceapi.Active{}, chat.E(chat.CodeBadRequest, "at most 1000 users")
	}
	if err := s.replica.Ready(); err != nil {
		return presenceapi.Active{}, err
	}
	var out presenceapi.Active
	s.replica.View(func(r *roster.Roster) {
		for _, user := range req.Users {
			active, dnd := r.Active(user)
			if active {
				out.Active = append(out.Active, user)
			}
			if dnd {
				out.DND = append(out.DND, user)
			}
		}
	})
	return out, nil
}

// who answers who is online in a room.
func (s *Service) who(_ context.Context, req presenceapi.WhoRequest) (presenceapi.Who, error) {
	if req.Limit == 0 {
		req.Limit = presenceapi.DefaultLimit
	}
	after, ok := decodeCursor(req.After)
	switch {
	case !chat.ValidID(req.Room):
		return presenceapi.Who{}, chat.E(chat.CodeBadRequest, "room is not an id")
	case req.Limit < 1 || req.Limit > presenceapi.MaxLimit:
		return presenceapi.Who{}, chat.E(chat.CodeBadRequest, "limit is 1 to 1000")
	case !ok:
		return presenceapi.Who{}, chat.E(chat.CodeBadRequest, "after is not the next of an answer")
	}
	if err := s.replica.Ready(); err != nil {
		return presenceapi.Who{}, err
	}
	var out presenceapi.Who
	s.replica.View(func(r *roster.Roster) { out.Count = r.Online(req.Room) })
	if big := out.Count > s.cfg.BigRoom; big && req.After == "" {
		// Whoever enters a room asks. Where very many do, each is told how many there are, which
		// costs nothing; who wants to know more asks for it.
		out.Users, out.Next = []presenceapi.Person{}, presenceapi.FromStart
		return out, nil
	} else if big {
		// A page of a big room costs a look at all who are in it. One at a time: changes wait for
		// no more than one.
		select {
		case s.listing <- struct{}{}:
			defer func() { <-s.listing }()
		case <-time.After(listTimeout):
			return presenceapi.Who{}, chat.Unavailable("too many ask who is online in rooms with very many", listTimeout)
		}
	}
	var more bool
	s.replica.View(func(r *roster.Roster) {
		out.Count = r.Online(req.Room)
		out.Users, more = r.Who(req.Room, after, req.Limit)
		if req.After == "" {
			out.Going = r.Going(req.Room, presenceapi.MaxLimit)
		}
	})
	if out.Users == nil {
		out.Users = []presenceapi.Person{}
	}
	if len(out.Going) > 0 {
		out.GoingMS = (s.cfg.Flap + 2*s.cfg.Coalesce).Milliseconds() // had they left just now
	}
	if more {
		last := out.Users[len(out.Users)-1]
		out.Next = encodeCursor(roster.Cursor{Name: last.Name, User: last.User})
	}
	return out, nil
}

// user answers what others see of a user.
func (s *Service) user(_ context.Context, req presenceapi.UserRequest) (presenceapi.User, error) {
	if !chat.ValidID(req.User) {
		return presenceapi.User{}, chat.E(chat.CodeBadRequest, "user is not an id")
	}
	if err := s.replica.Ready(); err != nil {
		return presenceapi.User{}, err
	}
	var out presenceapi.User
	s.replica.View(func(r *roster.Roster) { _, out.Status, _, out.Devices = r.User(req.User) })
	if out.Status == presenceapi.Offline {
		out.Devices = nil
	}
	return out, nil
}

// A cursor names the last person of a page, so that a page goes on at the right place although
// people come and go.
func encodeCursor(c roster.Cursor) string {
	// an id has no line break
	return base64.RawURLEncoding.EncodeToString([]byte(c.User + "\n" + c.Name))
}

func decodeCursor(s string) (roster.Cursor, bool) {
	if s == "" || s == presenceapi.FromStart {
		return roster.Cursor{}, true
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	user, name, ok := strings.Cut(string(b), "\n")
	return roster.Cursor{Name: name, User: user}, err == nil && ok && chat.ValidID(user)
}
