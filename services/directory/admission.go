package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// Who may register, and which guests are let in: the values of store.Server.
const (
	registrationOpen    = "open"
	registrationInvited = "invited" // with an invitation link only
	registrationClosed  = "closed"

	guestsOn    = "on"
	guestsRooms = "rooms" // into store.Server.GuestRooms only
	guestsOff   = "off"
)

const (
	maxGuestRooms         = 50
	maxInvitationLinkUses = 10_000
	maxInvitationLinkLife = 365 * 24 * time.Hour
	invitationLinkLife    = 7 * 24 * time.Hour // unless it is said
	maxInvitationLinks    = 1000               // that have not ended
	pageInvitationLinks   = 100
	invitationLinksKept   = 30 * 24 * time.Hour // after their end, for those who look
	maxInvitationLinkNote = 128
)

var (
	errRegistrationClosed    = chat.E(chat.CodeForbidden, "registration is closed here: ask whoever runs this server")
	errInvitationLinkNeeded  = chat.E(chat.CodeForbidden, "an invitation is needed to register here: ask somebody for a link")
	errInvitationLinkWrong   = chat.E(chat.CodeForbidden, "there is no such invitation: check that the link is complete")
	errInvitationLinkRevoked = chat.E(chat.CodeForbidden, "this invitation was taken back: ask for another")
	errInvitationLinkEnded   = chat.E(chat.CodeForbidden, "this invitation has ended: ask for another")
	errInvitationLinkUsed    = chat.E(chat.CodeForbidden, "this invitation was used by as many as it was for: ask for another")
	errDisabled              = chat.E(chat.CodeForbidden, "this account is disabled: ask whoever runs this server")
	errNoGuests              = chat.E(chat.CodeForbidden, "this server admits no guests: log in")
)

// admission is who may come in, as everybody may know.
type admission struct {
	Registration string   `json:"registration" doc:"open, invited (with an invitation link only) or closed."`
	Guests       string   `json:"guests" doc:"on, rooms (into some rooms only) or off."`
	GuestRooms   []string `json:"guest_rooms,omitempty" doc:"The rooms that guests may enter, if guests is rooms."`
}

// admissions decides who may come in: who registers, which guests, and who is kept out.
type admissions struct {
	*core
	records         *records
	serverRecord    *serverRecord
	auditLog        *auditLog
	logins          *logins
	letters         *letters
	invitationLinks *invitationLinks

	guestsEnded progress // of endGuests
}

// setAdmission changes who may come in; what is nil stays.
func (s *admissions) setAdmission(ctx context.Context, registration, guests *string, rooms *[]string) (a admission, err error) {
	valid := func(what string, value *string, list ...string) error {
		if value != nil && !slices.Contains(list, *value) {
			return chat.E(chat.CodeBadRequest, fmt.Sprintf("%s is one of %s", what, strings.Join(list, ", ")))
		}
		return nil
	}
	if err := errors.Join(valid("registration", registration, registrationOpen, registrationInvited, registrationClosed),
		valid("guests", guests, guestsOn, guestsRooms, guestsOff)); err != nil {
		return a, err
	}
	if rooms != nil {
		if err := s.checkGuestRooms(ctx, *rooms); err != nil {
			return a, err
		}
	}
	act := store.Act{Action: actAdmission, Detail: admissionDetail(registration, guests, rooms)}
	return a, s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		err := s.serverRecord.changeServer(ctx, func(r *store.Server) error {
			before := s.serverRecord.admission(*r)
			if registration != nil {
				r.Registration = *registration
			}
			if guests != nil {
				r.Guests = *guests
			}
			if rooms != nil {
				r.GuestRooms = *rooms
			}
			a = s.serverRecord.admission(*r)
			if a.Guests == guestsRooms && len(a.GuestRooms) == 0 {
				return chat.E(chat.CodeBadRequest, "say which rooms guests may enter, or turn guests off")
			}
			if before.Guests != guestsOff && (before.Guests != a.Guests || !slices.Equal(before.GuestRooms, a.GuestRooms)) {
				r.GuestsSince = time.Now().Add(2 * serverFresh).UnixMilli()
			}
			return nil
		})
		if err == nil {
			s.log.Info("changed who may come in", zap.Any("to", a))
		}
		return err
	})
}

func admissionDetail(registration, guests *string, rooms *[]string) string {
	var what []string
	if registration != nil {
		what = append(what, "registration "+*registration)
	}
	if guests != nil {
		what = append(what, "guests "+*guests)
	}
	if rooms != nil {
		what = append(what, "rooms of guests "+strings.Join(*rooms, " "))
	}
	return strings.Join(what, ", ")
}

func (s *admissions) checkGuestRooms(ctx context.Context, rooms []string) error {
	if len(rooms) > maxGuestRooms {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("guests can be let into at most %d rooms: leave some out", maxGuestRooms))
	}
	for _, id := range rooms {
		if !chat.ValidID(id) {
			return chat.E(chat.CodeBadRequest, "a room is named by its id")
		}
		r, err := s.store.Room(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && r.Private {
			return chat.E(chat.CodeNotFound, fmt.Sprintf("there is no public room %q: it was deleted or made private, so leave it out", id))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// serverFresh is the greatest age of the server's record where every request for permissions reads
// it.
const serverFresh = time.Second

// recent is the server's record as it was at most serverFresh ago.
type recent struct {
	mu     sync.Mutex
	at     time.Time
	record store.Server
}

// guestsOver reports whether a guest came in under other rules than those of now.
func guestsOver(r store.Server, u store.User) bool { return u.Guest() && u.Created < r.GuestsSince }

// guestsBatch is how many users are looked at in a round of housekeeping.
const guestsBatch = 500

// endGuests signs out the guests who came in under earlier rules. They may come in again as new
// guests, so no cache keeps permissions that an earlier rule gave.
func (s *admissions) endGuests(ctx context.Context) error {
	r, err := s.store.Server(ctx)
	if err != nil || r.GuestsSince == 0 || s.guestsEnded.since == r.GuestsSince && s.guestsEnded.done {
		return err
	}
	if s.guestsEnded.since != r.GuestsSince {
		s.guestsEnded.since, s.guestsEnded.after, s.guestsEnded.done = r.GuestsSince, "", false
	}
	users, err := s.store.UsersAfter(ctx, s.guestsEnded.after, guestsBatch)
	if err != nil {
		return err
	}
	for _, u := range users {
		if guestsOver(r, u) {
			if err := s.logins.endLogins(ctx, u); err != nil {
				return err
			}
		}
		s.guestsEnded.after = u.ID
	}
	s.guestsEnded.done = len(users) < guestsBatch
	return nil
}

// progress is how far housekeeping has got with the guests from before a time.
type progress struct {
	since int64
	after string
	done  bool
}

type invitedView struct {
	ByName  string `json:"by_name,omitempty" doc:"Who invites."`
	Problem string `json:"problem,omitempty" doc:"Why nobody can register with it, in a sentence; left out: it is good."`
}

type serverView struct {
	Registration string       `json:"registration" doc:"open, invited (with an invitation link only) or closed."`
	Guests       string       `json:"guests" doc:"on, rooms (into some rooms only) or off."`
	GuestRooms   []string     `json:"guest_rooms,omitempty" doc:"The rooms that guests may enter, if guests is rooms."`
	Mail         bool         `json:"mail,omitempty" doc:"Who has forgotten the password can have a link sent: POST /v1/forgot."`
	GuestMay     []string     `json:"guest_may" doc:"Of what guests may do unless the operator takes it away, what they may do here: see docs/roles.md."`
	Invitation   *invitedView `json:"invitation,omitempty" doc:"What is to be said of the invitation link that was asked for."`
}

// door returns what everybody may know of who may come in, and of the invitation link that they
// have, if they have one.
func (s *admissions) door(ctx context.Context, link string) (v serverView, err error) {
	r, err := s.store.Server(ctx)
	if err != nil {
		return v, err
	}
	a := s.serverRecord.admission(r)
	v.Registration, v.Guests, v.GuestRooms, v.Mail = a.Registration, a.Guests, a.GuestRooms, s.letters.mailing != nil
	v.GuestMay = append([]string{}, s.cfg.GuestMay...)
	if link == "" {
		return v, nil
	}
	i, err := s.invitationLinks.valid(ctx, link)
	if e, ok := errors.AsType[*chat.Error](err); ok {
		v.Invitation = &invitedView{Problem: e.Message}
		return v, nil
	}
	v.Invitation = &invitedView{ByName: i.ActorName}
	if err != nil {
		return v, err
	}
	return v, s.records.unname(ctx, []named{{i.Actor, &v.Invitation.ByName}})
}

// minuteOf returns a time, in UTC milliseconds, as it stands in a refusal. The page reads it.
func minuteOf(ts int64) string {
	return time.UnixMilli(ts).UTC().Format("2006-01-02 15:04 MST")
}

// checkBan returns an error for a user who is banned from the server.
func (s *admissions) checkBan(ctx context.Context, user string) error {
	b, err := s.store.Ban(ctx, wholeServer, user)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && b.Over(time.Now().UnixMilli()):
		return nil
	case err != nil:
		return err
	}
	if role, err := s.serverRecord.serverRole(ctx, user); err != nil || role == directoryapi.RoleOperator {
		return err // as in banned
	}
	if b.Until != 0 {
		return chat.E(chat.CodeForbidden, fmt.Sprintf("you are banned from this server until %s", minuteOf(b.Until)))
	}
	return chat.E(chat.CodeForbidden, "you are banned from this server")
}

// checkEntry returns an error for a user who may not log in: a user who is banned from the server,
// whose account is disabled, or who is a guest under earlier rules.
func (s *admissions) checkEntry(ctx context.Context, user string) error {
	if err := s.checkBan(ctx, user); err != nil {
		return err
	}
	u, err := s.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil // whose log-in ends for that
	}
	if err == nil && u.Guest() {
		r, err := s.serverRecord.recentServer(ctx)
		if err == nil && guestsOver(r, u) {
			err = httpapi.ErrEnded
		}
		return err
	}
	if err == nil && u.Disabled {
		var role directoryapi.Role
		if role, err = s.serverRecord.serverRole(ctx, user); err == nil && role != directoryapi.RoleOperator {
			err = errDisabled
		}
	}
	return err
}
