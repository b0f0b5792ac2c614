package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

const (
	// maxBy is the greatest length of the name that a user of the console gives.
	maxBy = 128
	// maxAdminRequest is the greatest size of an AdminRequest over HTTP, in bytes.
	maxAdminRequest = bus.MaxData
)

// answerAdmin answers directoryapi.ServiceAdmin.
func (s *Service) answerAdmin(ctx context.Context, r directoryapi.AdminRequest) (directoryapi.AdminReply, error) {
	by, err := checkText("name of who asks", r.By, 1, maxBy)
	if err != nil {
		return directoryapi.AdminReply{}, err
	}
	level := zap.InfoLevel
	if i := r.Import; i != nil && i.Step != directoryapi.ImportBegin && i.Step != directoryapi.ImportEnd {
		level = zap.DebugLevel // there are many
	}
	s.log.Log(level, "carrying out a command of hubbub admin", zap.String("do", r.Do), zap.String("user", r.User), zap.String("by", by))
	reply, err := s.administer(asConsole(ctx, "hubbub admin ("+by+")"), r)
	if err != nil {
		err = s.fail(ctx, err)
	}
	return reply, err
}

// AdminHandler answers AdminRequests over HTTP, for a socket that only whoever runs the process can
// reach.
func (s *Service) AdminHandler() http.Handler {
	return s.whenPrepared(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in directoryapi.AdminRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminRequest)).Decode(&in); err != nil {
			httpapi.WriteStatus(w, http.StatusBadRequest, "the request is not of this service's form")
			return
		}
		reply, err := s.answerAdmin(r.Context(), in)
		if err != nil {
			problem := httpapi.Error(err, nil)
			status := http.StatusInternalServerError
			if p, ok := errors.AsType[*httpapi.Problem](problem); ok {
				status = p.Status
			}
			httpapi.WriteError(w, status, problem)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(reply) // fails only if the client has gone
	}))
}

// administer does what an operator asks for at a console. The last operator stays there, too.
func (s *Service) administer(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	switch r.Do {
	case directoryapi.AdminUsers:
		return s.adminUsers(ctx, r)
	case directoryapi.AdminAudit:
		return s.adminActs(ctx, r)
	case directoryapi.AdminExport:
		return s.adminCopy(ctx, r)
	case directoryapi.AdminHold, directoryapi.AdminHolds, directoryapi.AdminLift:
		return s.adminHold(ctx, r)
	case directoryapi.AdminRetention:
		return s.adminRetention(ctx, r)
	case directoryapi.AdminImport:
		reply.Import, err = s.adminImport(ctx, r.Import)
		return reply, err
	case directoryapi.AdminInvitations:
		page, err := s.invitations(ctx, r.After)
		reply.Lines, reply.Next = linesOf(page.Invitations), page.Next
		return reply, err
	case directoryapi.AdminInvite:
		v, err := s.invitePeople(ctx, auth.Claims{Name: consoleOf(ctx)}, r.Uses, time.Duration(r.Minutes)*time.Minute, r.Note)
		reply.Link = InvitePath(v.Link)
		return reply, err
	case directoryapi.AdminRevoke:
		return reply, s.revokeInvitation(ctx, r.User)
	case directoryapi.AdminCreate:
		return s.adminCreate(ctx, r.User)
	}
	u, err := s.named(ctx, r.User)
	if err != nil {
		return reply, err
	}
	switch r.Do {
	case directoryapi.AdminPromote:
		role := r.Role
		if role == "" {
			role = directoryapi.RoleOperator
		}
		return reply, s.setServerRole(ctx, "", u.ID, role)
	case directoryapi.AdminDemote:
		return reply, s.setServerRole(ctx, "", u.ID, "")
	case directoryapi.AdminReset:
		out, err := s.makeReset(ctx, u)
		reply.Link = out.Path
		return reply, err
	case directoryapi.AdminDisable, directoryapi.AdminEnable:
		return reply, s.setDisabled(ctx, "", u.ID, r.Do == directoryapi.AdminDisable)
	case directoryapi.AdminSignOut:
		return reply, s.signOut(ctx, "", u.ID)
	case directoryapi.AdminBan:
		return reply, s.ban(ctx, auth.Claims{}, wholeServer, u.ID, r.Note, r.Minutes)
	case directoryapi.AdminUnban:
		return reply, s.unban(ctx, auth.Claims{}, wholeServer, u.ID)
	}
	return reply, chat.E(chat.CodeBadRequest, fmt.Sprintf("%q is not a command that this release knows", r.Do))
}

// InvitePath returns where an invitation leads, from where the page is.
func InvitePath(link string) string { return "?invite=" + url.QueryEscape(link) }

// named returns a user by id or name.
func (s *Service) named(ctx context.Context, who string) (store.User, error) {
	if chat.ValidID(who) {
		u, err := s.store.User(ctx, who)
		if !errors.Is(err, store.ErrNotFound) {
			return u, err
		}
	}
	name, err := names.Normal(who)
	if err != nil {
		return store.User{}, errNoUser
	}
	u, err := s.store.UserByName(ctx, names.Key(name))
	if errors.Is(err, store.ErrNotFound) {
		err = errNoUser
	}
	return u, err
}

// adminCreate makes an account whose password nobody knows, and a link with which it is chosen.
func (s *Service) adminCreate(ctx context.Context, name string) (reply directoryapi.AdminReply, err error) {
	if name, err = names.Person(name); err != nil {
		return reply, err
	}
	if s.isReserved(name) && !s.isOwnersName(name) {
		return reply, errNameReserved
	}
	secret, _ := newLinkSecret()
	u, err := s.makeAccount(ctx, name, secret, "hubbub admin", "")
	if err != nil {
		return reply, err
	}
	out, err := s.makeReset(ctx, u)
	reply.Link = out.Path
	return reply, err
}

func (s *Service) adminUsers(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	page, err := s.serverUsers(ctx, r.User, "", r.After)
	reply.Lines, reply.Next = linesOf(page.Users), page.Next
	return reply, err
}

func (s *Service) adminActs(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	in := actsInput{
		Actor: r.Filter.Actor, Subject: r.Filter.Subject, Room: r.Filter.Room, Action: r.Filter.Action, Since: r.Filter.Since, Until: r.Filter.Until, Before: r.After,
	}
	if err := checkFilter(in.filter()); err != nil {
		return reply, err
	}
	if r.After == "" { // of one export there is one act
		if err := s.noteExport(ctx, &in); err != nil {
			return reply, err
		}
	}
	page, err := s.pageOfActs(ctx, in.filter(), maxActs)
	reply.Lines, reply.Next = linesOf(page.Acts), page.Next
	return reply, err
}

// linesOf returns the JSON of each element.
func linesOf[T any](all []T) []json.RawMessage {
	lines := make([]json.RawMessage, len(all))
	for i, one := range all {
		lines[i], _ = json.Marshal(one) // these always have a form
	}
	return lines
}
