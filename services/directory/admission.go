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
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// Who may register, and which guests are let in: the values of store.Server.
const (
	registrationOpen    = "open"
	registrationInvited = "invited" // with an invitation only
	registrationClosed  = "closed"

	guestsOn    = "on"
	guestsRooms = "rooms" // into store.Server.GuestRooms only
	guestsOff   = "off"
)

const (
	maxGuestRooms     = 50
	maxInvitationUses = 10_000
	maxInvitationLife = 365 * 24 * time.Hour
	invitationLife    = 7 * 24 * time.Hour // unless it is said
	maxInvitations    = 1000               // that have not ended
	pageInvitations   = 100
	invitationsKept   = 30 * 24 * time.Hour // after their end, for those who look
	maxInvitationNote = 128
)

var (
	errRegistrationClosed = chat.E(chat.CodeForbidden, "registration is closed here: ask whoever runs this server")
	errInvitationNeeded   = chat.E(chat.CodeForbidden, "an invitation is needed to register here: ask somebody for a link")
	errInvitationWrong    = chat.E(chat.CodeForbidden, "there is no such invitation: check that the link is complete")
	errInvitationRevoked  = chat.E(chat.CodeForbidden, "this invitation was taken back: ask for another")
	errInvitationEnded    = chat.E(chat.CodeForbidden, "this invitation has ended: ask for another")
	errInvitationUsed     = chat.E(chat.CodeForbidden, "this invitation was used by as many as it was for: ask for another")
	errNoGuests           = chat.E(chat.CodeForbidden, "guests are not let in here: log in")
)

// admission is who may come in, as everybody may know.
type admission struct {
	Registration string   `json:"registration" doc:"open, invited (with an invitation only) or closed."`
	Guests       string   `json:"guests" doc:"on, rooms (into some rooms only) or off."`
	GuestRooms   []string `json:"guest_rooms,omitempty" doc:"The rooms that guests may enter, if guests is rooms."`
}

// admission returns who may come in: what an operator has said, or else what the process was
// started with.
func (s *Service) admission(r store.Server) admission {
	a := admission{Registration: r.Registration, Guests: r.Guests}
	if a.Registration == "" {
		a.Registration = registrationClosed
		if s.cfg.Registration {
			a.Registration = registrationOpen
		}
	}
	if a.Guests == "" {
		a.Guests = guestsOff
		if s.cfg.Guests {
			a.Guests = guestsOn
		}
	}
	if a.Guests == guestsRooms {
		a.GuestRooms = r.GuestRooms
	}
	return a
}

// setAdmission changes who may come in; what is nil stays.
func (s *Service) setAdmission(ctx context.Context, registration, guests *string, rooms *[]string) (a admission, err error) {
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
	return a, s.audit(ctx, act, func(ctx context.Context) error {
		err := s.changeServer(ctx, func(r *store.Server) error {
			before := s.admission(*r)
			if registration != nil {
				r.Registration = *registration
			}
			if guests != nil {
				r.Guests = *guests
			}
			if rooms != nil {
				r.GuestRooms = *rooms
			}
			a = s.admission(*r)
			if a.Guests == guestsRooms && len(a.GuestRooms) == 0 {
				return chat.E(chat.CodeBadRequest, "say which rooms guests may enter, or turn guests off")
			}
			if before.Guests != guestsOff && (before.Guests != a.Guests || !slices.Equal(before.GuestRooms, a.GuestRooms)) {
				r.GuestsSince = time.Now().Add(2 * serverFresh).UnixMilli()
			}
			return nil
		})
		if err == nil {
			s.log.Info("who may come in was changed", zap.Any("to", a))
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

func (s *Service) checkGuestRooms(ctx context.Context, rooms []string) error {
	if len(rooms) > maxGuestRooms {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("guests may be let into %d rooms by name", maxGuestRooms))
	}
	for _, id := range rooms {
		if !chat.ValidID(id) {
			return chat.E(chat.CodeBadRequest, "a room is named by its id")
		}
		r, err := s.store.Room(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && r.Private {
			return chat.E(chat.CodeNotFound, fmt.Sprintf("there is no public room %q", id))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// serverFresh is how old what is known of the server's record may be where every question for
// permissions looks at it.
const serverFresh = time.Second

// recent is the record of the server, as it was a moment ago.
type recent struct {
	mu     sync.Mutex
	at     time.Time
	record store.Server
}

// recentServer returns the record of the server, as it was at most serverFresh ago. It is not to be
// changed.
func (s *Service) recentServer(ctx context.Context) (store.Server, error) {
	s.recent.mu.Lock()
	record, at := s.recent.record, s.recent.at
	s.recent.mu.Unlock()
	now := time.Now()
	if !at.IsZero() && now.Sub(at) < serverFresh {
		return record, nil
	}
	record, err := s.store.Server(ctx)
	if err != nil {
		return record, err
	}
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	s.recent.record, s.recent.at = record, now
	return record, nil
}

// forgetRecent drops the cache, so that the next question reads the record, which this process has
// just changed.
func (s *Service) forgetRecent() {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	s.recent.at = time.Time{}
}

// guestsOver reports whether a guest came in under other rules than those of now.
func guestsOver(r store.Server, u store.User) bool { return u.Guest() && u.Created < r.GuestsSince }

// guestsBatch is how many users are looked at in a round of housekeeping.
const guestsBatch = 500

// endGuests signs out the guests who came in under other rules. They may come in again, as others:
// so no answer that caches keep of a guest's permissions is of other rules than those of now.
func (s *Service) endGuests(ctx context.Context) error {
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
			if err := s.endLogins(ctx, u); err != nil {
				return err
			}
		}
		s.guestsEnded.after = u.ID
	}
	s.guestsEnded.done = len(users) < guestsBatch
	return nil
}

// progress is how far housekeeping has come with the guests of before a time.
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
	Registration string       `json:"registration" doc:"open, invited (with an invitation only) or closed."`
	Guests       string       `json:"guests" doc:"on, rooms (into some rooms only) or off."`
	GuestRooms   []string     `json:"guest_rooms,omitempty" doc:"The rooms that guests may enter, if guests is rooms."`
	Mail         bool         `json:"mail,omitempty" doc:"Who has forgotten the password can have a link sent: POST /v1/forgot."`
	GuestMay     []string     `json:"guest_may" doc:"Of what guests may do unless the operator takes it away, what they may do here: see docs/roles.md."`
	Invitation   *invitedView `json:"invitation,omitempty" doc:"What is to be said of the invitation that was asked for."`
}

// door returns what everybody may know of who may come in, and of the invitation that they have, if
// they have one.
func (s *Service) door(ctx context.Context, link string) (v serverView, err error) {
	r, err := s.store.Server(ctx)
	if err != nil {
		return v, err
	}
	a := s.admission(r)
	v.Registration, v.Guests, v.GuestRooms, v.Mail = a.Registration, a.Guests, a.GuestRooms, s.mailing != nil
	v.GuestMay = append([]string{}, s.cfg.GuestMay...)
	if link == "" {
		return v, nil
	}
	i, err := s.invited(ctx, link)
	if e, ok := errors.AsType[*chat.Error](err); ok {
		v.Invitation = &invitedView{Problem: e.Message}
		return v, nil
	}
	v.Invitation = &invitedView{ByName: i.ActorName}
	if err != nil {
		return v, err
	}
	return v, s.unname(ctx, []named{{i.Actor, &v.Invitation.ByName}})
}

type invitationView struct {
	ID      string `json:"id"`
	Link    string `json:"link,omitempty" doc:"What the invited is given, as ?invite= of the page; told once, to whoever makes it."`
	By      string `json:"by,omitempty" doc:"Id of who invites."`
	ByName  string `json:"by_name"`
	Note    string `json:"note,omitempty"`
	Uses    int64  `json:"uses" doc:"How many may register with it."`
	Used    int64  `json:"used" doc:"How many have."`
	Created int64  `json:"created" doc:"UTC milliseconds."`
	Expires int64  `json:"expires" doc:"UTC milliseconds."`
	Revoked bool   `json:"revoked,omitempty"`
}

func viewOfInvitation(i store.Invitation) invitationView {
	return invitationView{
		ID: i.ID, By: i.Actor, ByName: i.ActorName, Note: i.Note, Uses: i.Uses, Used: i.Used, Created: i.Created, Expires: i.Expires, Revoked: i.Revoked,
	}
}

// invitePeople makes a link with which so many people may register; a time of 0 is invitationLife.
func (s *Service) invitePeople(ctx context.Context, by auth.Claims, uses int64, life time.Duration, note string) (v invitationView, err error) {
	if life == 0 {
		life = invitationLife
	}
	if uses < 1 || uses > maxInvitationUses || life < time.Minute || life > maxInvitationLife {
		return v, chat.E(chat.CodeBadRequest, fmt.Sprintf("an invitation is for 1 to %d people, and good for a minute to a year", maxInvitationUses))
	}
	if note, err = checkText("note", note, 0, maxInvitationNote); err != nil {
		return v, err
	}
	now := time.Now()
	if err := s.checkInvitations(ctx, 1); err != nil {
		return v, err
	}
	secret, hash := newLinkSecret()
	i := store.Invitation{
		ID: chat.NewID(), Hash: hash, Actor: by.User, ActorName: by.Name, Note: note, Uses: uses, Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli(),
	}
	act := store.Act{Action: actInvite, Detail: fmt.Sprintf("%s, %d uses, for %s", i.ID, uses, life)}
	err = s.audit(ctx, act, func(ctx context.Context) error {
		if err := s.store.CreateInvitation(ctx, i); err != nil {
			return err
		}
		return s.keepQuota(ctx, s.checkInvitations(ctx, 0), func(ctx context.Context) error { return s.store.DeleteInvitation(ctx, i.ID) })
	})
	v = viewOfInvitation(i)
	v.Link = i.ID + "." + secret
	return v, err
}

// checkInvitations returns an error unless there may be so many more invitations.
func (s *Service) checkInvitations(ctx context.Context, more int) error {
	all, err := s.store.Invitations(ctx, "", maxInvitations+1)
	if err == nil && len(all)+more > maxInvitations {
		err = chat.E(chat.CodeTooMany, "there are too many invitations: wait until some have been over for a month")
	}
	return err
}

type invitationsOutput struct {
	Invitations []invitationView `json:"invitations" doc:"Newest first."`
	Next        string           `json:"next,omitempty" doc:"As before, it asks for older ones; left out: there are none."`
}

func (s *Service) invitations(ctx context.Context, before string) (out invitationsOutput, err error) {
	out.Invitations = []invitationView{}
	all, err := s.store.Invitations(ctx, before, pageInvitations+1)
	all, more := page(all, pageInvitations)
	if more {
		out.Next = all[pageInvitations-1].ID
	}
	for _, i := range all {
		out.Invitations = append(out.Invitations, viewOfInvitation(i))
	}
	if err != nil {
		return out, err
	}
	names := make([]named, len(out.Invitations))
	for i := range names {
		names[i] = named{out.Invitations[i].By, &out.Invitations[i].ByName}
	}
	return out, s.unname(ctx, names)
}

// revokeInvitation has nobody more register with an invitation.
func (s *Service) revokeInvitation(ctx context.Context, id string) error {
	if !chat.ValidID(id) {
		return errInvitationWrong
	}
	i, err := s.store.Invitation(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return chat.E(chat.CodeNotFound, "there is no such invitation")
	} else if err != nil || i.Revoked {
		return err
	}
	act := store.Act{Action: actInviteRevoke, Subject: i.Actor, SubjectName: i.ActorName, Detail: i.ID}
	return s.audit(ctx, act, func(ctx context.Context) error { return s.store.RevokeInvitation(ctx, id) })
}

// invited returns the invitation that a link is of, and an error for one that nobody can register
// with.
func (s *Service) invited(ctx context.Context, link string) (i store.Invitation, err error) {
	id, secret, _ := strings.Cut(link, ".")
	if !chat.ValidID(id) {
		return i, errInvitationWrong
	}
	i, err = s.store.Invitation(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return i, errInvitationWrong
	case err != nil:
		return i, err
	case !sameHash(i.Hash, hashOfLink(secret)):
		return i, errInvitationWrong
	case i.Revoked:
		return i, errInvitationRevoked
	case i.Expires <= time.Now().UnixMilli():
		return i, errInvitationEnded
	case i.Used >= i.Uses:
		return i, errInvitationUsed
	}
	return i, nil
}

// admit takes a use of the invitation that somebody registers with, if one is needed: give gives it
// back. how says for the audit log what let them in.
func (s *Service) admit(ctx context.Context, link string) (how string, give func(context.Context) error, err error) {
	give = func(context.Context) error { return nil }
	r, err := s.store.Server(ctx)
	if err != nil {
		return "", give, err
	}
	switch mode := s.admission(r).Registration; {
	case mode == registrationOpen:
		return "", give, nil
	case mode == registrationClosed:
		return "", give, errRegistrationClosed
	case link == "":
		return "", give, errInvitationNeeded
	}
	i, err := s.invited(ctx, link)
	if err == nil {
		err = s.store.UseInvitation(ctx, i.ID, time.Now().UnixMilli())
		if errors.Is(err, store.ErrNotFound) {
			if _, err = s.invited(ctx, link); err == nil { // in this moment
				err = errInvitationUsed
			}
		}
	}
	if chat.CodeOf(err) == chat.CodeForbidden {
		s.log.Info("somebody used an invalid invitation link", zap.String("invitation", i.ID), zap.String("address", peerOf(ctx)), zap.Error(err))
	}
	if err != nil {
		return "", give, err
	}
	return fmt.Sprintf("by invitation %s of %s", i.ID, i.ActorName), func(ctx context.Context) error { return s.store.ReturnInvitation(ctx, i.ID) }, nil
}

// removeOldInvitations removes those that have been over for long.
func (s *Service) removeOldInvitations(ctx context.Context) error {
	return s.store.DeleteInvitationsBefore(ctx, time.Now().Add(-invitationsKept).UnixMilli())
}

// mayAdmit returns an error unless a user may say who comes in.
func (s *Service) mayAdmit(ctx context.Context, user string) error {
	_, err := s.permittedOnServer(ctx, directoryapi.ActionAdmit, user)
	return err
}
