package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
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

// commands carries out what operators ask for, over HTTP and by hubbub admin.
type commands struct {
	*core
	records         *records
	serverRecord    *serverRecord
	nameRules       *nameRules
	rights          *rights
	auditLog        *auditLog
	views           *views
	invitationLinks *invitationLinks
	retentions      *retentions
	holds           *holds
	passwords       *passwords
	admissions      *admissions
	operators       *operators
	copies          *copies
	sessions        *sessions
	bans            *bans
	accounts        *accounts
	users           *users
	setup           *setup
	imports         *imports
}

// answerAdmin answers directoryapi.ServiceAdmin.
func (s *commands) answerAdmin(ctx context.Context, r directoryapi.AdminRequest) (directoryapi.AdminReply, error) {
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

// administer does what an operator asks for at a console. The last operator stays there, too.
func (s *commands) administer(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
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
		reply.Import, err = s.imports.adminImport(ctx, r.Import)
		return reply, err
	case directoryapi.AdminInvitations:
		page, err := s.invitationLinks.list(ctx, r.After)
		reply.Lines, reply.Next = linesOf(page.Invitations), page.Next
		return reply, err
	case directoryapi.AdminInvite:
		v, err := s.invitationLinks.makeLink(ctx, auth.Claims{Name: consoleOf(ctx)}, r.Uses, time.Duration(r.Minutes)*time.Minute, r.Note)
		reply.Link = InvitationLinkPath(v.Link)
		return reply, err
	case directoryapi.AdminRevoke:
		return reply, s.invitationLinks.revoke(ctx, r.User)
	case directoryapi.AdminCreate:
		return s.adminCreate(ctx, r.User)
	}
	u, err := s.records.named(ctx, r.User)
	if err != nil {
		return reply, err
	}
	switch r.Do {
	case directoryapi.AdminPromote:
		role := r.Role
		if role == "" {
			role = directoryapi.RoleOperator
		}
		return reply, s.operators.setServerRole(ctx, "", u.ID, role)
	case directoryapi.AdminDemote:
		return reply, s.operators.setServerRole(ctx, "", u.ID, "")
	case directoryapi.AdminReset:
		out, err := s.passwords.makeReset(ctx, u)
		reply.Link = out.Path
		return reply, err
	case directoryapi.AdminDisable, directoryapi.AdminEnable:
		return reply, s.users.setDisabled(ctx, "", u.ID, r.Do == directoryapi.AdminDisable)
	case directoryapi.AdminSignOut:
		return reply, s.users.signOut(ctx, "", u.ID)
	case directoryapi.AdminBan:
		return reply, s.bans.ban(ctx, auth.Claims{}, wholeServer, u.ID, r.Note, r.Minutes)
	case directoryapi.AdminUnban:
		return reply, s.bans.unban(ctx, auth.Claims{}, wholeServer, u.ID)
	}
	return reply, chat.E(chat.CodeBadRequest, fmt.Sprintf("%q is not a command that this release knows", r.Do))
}

// InvitationLinkPath returns where an invitation link leads, relative to the URL of the page.
func InvitationLinkPath(link string) string { return "?invite=" + url.QueryEscape(link) }

// adminCreate makes an account whose password nobody knows, and a link with which it is chosen.
func (s *commands) adminCreate(ctx context.Context, name string) (reply directoryapi.AdminReply, err error) {
	if name, err = names.Person(name); err != nil {
		return reply, err
	}
	if s.nameRules.isReserved(name) && !s.nameRules.isOwnersName(name) {
		return reply, errNameReserved
	}
	secret, _ := newLinkSecret()
	u, err := s.accounts.makeAccount(ctx, name, secret, "hubbub admin", "")
	if err != nil {
		return reply, err
	}
	out, err := s.passwords.makeReset(ctx, u)
	reply.Link = out.Path
	return reply, err
}

func (s *commands) adminUsers(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	page, err := s.users.serverUsers(ctx, r.User, "", r.After)
	reply.Lines, reply.Next = linesOf(page.Users), page.Next
	return reply, err
}

func (s *commands) adminActs(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	in := actsInput{
		Actor: r.Filter.Actor, Subject: r.Filter.Subject, Room: r.Filter.Room, Action: r.Filter.Action, Since: r.Filter.Since, Until: r.Filter.Until, Before: r.After,
	}
	if err := checkFilter(in.filter()); err != nil {
		return reply, err
	}
	if r.After == "" { // of one export there is one act
		if err := s.auditLog.noteExport(ctx, &in); err != nil {
			return reply, err
		}
	}
	page, err := s.auditLog.pageOfActs(ctx, in.filter(), maxActs)
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

// adminCopy returns the next lines of a copy of a room, by id, or of
// what a user has said.
func (s *commands) adminCopy(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	var c copying
	switch {
	case r.After != "":
		if err := json.Unmarshal([]byte(r.After), &c); err != nil || c.Hold == "" && (c.Room == "") == (c.Person == "") {
			return reply, chat.E(chat.CodeBadRequest, "after must be the next of the answer before; leave it out to begin")
		}
	case r.Hold != "" && r.User == "" && r.Filter.Room == "":
		c.Hold = r.Hold
	case (r.User == "") == (r.Filter.Room == ""):
		return reply, chat.E(chat.CodeBadRequest, "an export is of a room, or of a user")
	case r.User != "":
		u, err := s.records.named(ctx, r.User)
		if err != nil {
			return reply, err
		}
		c.Person = u.ID
	default:
		room, err := s.store.Room(ctx, r.Filter.Room)
		if errors.Is(err, store.ErrNotFound) {
			err = chat.E(chat.CodeNotFound, "there is no room with that id")
		}
		if err != nil {
			return reply, err
		}
		c.Room = room.ID
	}
	if reply.Lines, err = s.copies.next(ctx, &c); err != nil || c.Ended {
		return reply, err
	}
	next, err := json.Marshal(c)
	reply.Next = string(next)
	return reply, err
}

// adminHold makes a hold, lists holds, or lifts one, at a console.
func (s *commands) adminHold(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	switch r.Do {
	case directoryapi.AdminHold:
		v, err := s.holds.hold(ctx, historyapi.Hold{Room: r.Filter.Room, User: r.User, Reason: r.Note, Name: consoleOf(ctx)})
		reply.Lines = linesOf([]holdView{v})
		return reply, err
	case directoryapi.AdminLift:
		return reply, s.holds.lift(ctx, r.User)
	}
	all, err := s.holds.holds(ctx)
	reply.Lines = linesOf(all)
	return reply, err
}

// adminRetention changes how long messages are kept, in a room or on the server, and returns it.
func (s *commands) adminRetention(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	if r.Filter.Room == "" {
		v, err := s.retentions.setRetention(ctx, r.Retention)
		reply.Lines = linesOf([]retentionView{v})
		return reply, err
	}
	room, err := s.store.Room(ctx, r.Filter.Room)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return reply, chat.E(chat.CodeNotFound, "there is no room with that id")
	case err != nil:
		return reply, err
	case r.Retention.Least != nil || r.Retention.Most != nil:
		return reply, chat.E(chat.CodeBadRequest, "bounds apply to the whole server: leave out the room")
	case r.Retention.Keep != nil && !directoryapi.AnybodyMay(directoryapi.ActionRetain, roomPlace(room)):
		return reply, refusal(directoryapi.ActionRetain, roomPlace(room))
	}
	if err := s.retentions.setKeep(ctx, auth.Claims{}, &room, r.Retention.Keep); err != nil {
		return reply, err
	}
	views := []roomView{{ID: room.ID}}
	if err := s.views.nameKept(ctx, map[string]store.Room{room.ID: room}, views); err != nil {
		return reply, err
	}
	kept := keptView{}
	if views[0].Kept != nil {
		kept = *views[0].Kept
	}
	reply.Lines = linesOf([]keptView{kept})
	return reply, nil
}
