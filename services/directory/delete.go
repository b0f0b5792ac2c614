package directory

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindDelete is the kind of an intent to delete an account. Its Role is removeMessages if the
// user's messages go, too; name and session have no use there.
const kindDelete = "delete"

// removeMessages says that the messages of a user who deletes the account are deleted.
const removeMessages = "remove"

// deletedName is what a user is called who has deleted the account.
const deletedName = chat.DeletedName

// errRunsServer refuses a user who has a role on the server.
var errRunsServer = chat.E(chat.CodeConflict, "you have a role on this server: an operator has to take it away first")

// departures removes what belonged to users who go: guests whose log-in has ended, and deleted
// accounts.
type departures struct {
	*core
	records      *records
	serverRecord *serverRecord
	tickets      *tickets
	changes      *changes
	auditLog     *auditLog
	logins       *logins
	membership   *membership
	passwords    *passwords
	directs      *directs
	invitations  *invitations
}

// deleteMine deletes the account of the user of a token, for good: log-ins, memberships, mail
// address and choices. What the user has said stays where it was said, unless messages is true:
// then history deletes it, in direct rooms, too. The name stays taken, so that nobody else can pass
// for the user.
func (s *departures) deleteMine(ctx context.Context, c auth.Claims, secret string, messages bool) error {
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return err
	}
	if u.Guest() {
		return s.deleteAccount(ctx, u, u.ID, messages)
	}
	if err := s.passwords.proveAgain(ctx, u, c, secret); err != nil {
		return err
	}
	if role, err := s.serverRecord.serverRole(ctx, u.ID); err != nil {
		return err
	} else if role != "" {
		return errRunsServer
	}
	return s.auditLog.audit(ctx, store.Act{Action: actDelete, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		return s.deleteAccount(ctx, u, u.ID, messages)
	})
}

// deleteAccount deletes an account, and with messages also all that the user has said. A guest's
// account ends with the log-in.
func (s *departures) deleteAccount(ctx context.Context, u store.User, actor string, messages bool) error {
	if u.Guest() {
		if messages {
			if err := s.removeMessages(ctx, chat.NewID(), u.ID); err != nil {
				return err
			}
		}
		return s.logins.endLogins(ctx, u)
	}
	i := store.Intent{Kind: kindDelete, User: u.ID, Actor: actor}
	if messages {
		i.Role = removeMessages
	}
	return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.PutDeleted(ctx, u.AsDeleted(deletedName)) })
}

// tellDeleted removes what is left of a user whose account is deleted. It can be done again.
func (s *departures) tellDeleted(ctx context.Context, i store.Intent) error {
	u, err := s.store.User(ctx, i.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Deleted() {
		return nil // it was not done
	} else if err != nil {
		return err
	}
	if err := s.store.EndSessionsOf(ctx, u.ID); err != nil {
		return err
	}
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeUser, User: u.ID, At: time.Now().UnixMilli()}); err != nil {
		return err
	}
	if err := s.leaveAll(ctx, u); err != nil {
		return err
	}
	// In what is left, direct rooms, the other still sees somebody. Nobody has to be told.
	if err := s.store.RenameMember(ctx, u.ID, u.Name); err != nil {
		return err
	}
	if err := errors.Join(s.store.DeleteAccount(ctx, u.ID), s.store.DeletePreferences(ctx, u.ID), s.store.DeleteLettersOf(ctx, u.ID), s.tickets.dropTickets(ctx, u.ID)); err != nil {
		return err
	}
	if err := s.unsave(ctx, u.ID); err != nil {
		return err
	}
	if i.Role != removeMessages {
		return nil
	}
	return s.removeMessages(ctx, i.ID, u.ID) // last: the rest does not wait for history
}

// removeMessages asks history to delete all that a user has said; history then goes on by itself.
// id names the request, so asking again with it is the same request.
func (s *departures) removeMessages(ctx context.Context, id, user string) error {
	return historyapi.NewClient(s.bus).Purge(ctx, historyapi.PurgeRequest{ID: id, User: user, Actor: user, Name: deletedName})
}

// kindUnsave is the kind of an intent to ask history to forget what a user has saved and follows.
const kindUnsave = "unsave"

// unsave asks history to forget what a deleted account has saved and follows. If history does not
// answer, an intent lets housekeeping ask again, so nobody waits for it.
func (s *departures) unsave(ctx context.Context, user string) error {
	err := historyapi.NewClient(s.bus).Unsave(ctx, user)
	if err == nil {
		return nil
	}
	s.log.Info("history does not answer: what a deleted account has saved is forgotten later", zap.Error(err))
	return s.store.PutIntent(ctx, store.Intent{ID: "saved-" + user, Kind: kindUnsave, User: user, Created: time.Now().UnixMilli()})
}

// myData is what the directory has of a user.
type myData struct {
	Account     account       `json:"account"`
	Created     int64         `json:"created" doc:"UTC milliseconds."`
	LastSeen    int64         `json:"last_seen,omitempty" doc:"UTC milliseconds."`
	Mail        string        `json:"mail,omitempty"`
	Settings    settings      `json:"settings"`
	Preferences preferences   `json:"preferences"`
	Sessions    []sessionView `json:"sessions"`
	Memberships []roomOfMine  `json:"memberships"`
	// as history names them
	Saved []historyapi.SavedName `json:"saved,omitempty"`
}

type roomOfMine struct {
	Room  string            `json:"room"`
	Name  string            `json:"name" doc:"Of the room; of a direct room, of the other."`
	Role  directoryapi.Role `json:"role"`
	Since int64             `json:"since" doc:"UTC milliseconds."`
}

// departs removes a user with all memberships and bans. Direct rooms of a registered user keep
// theirs, so that the other still sees who it was; those of a guest end.
func (s *departures) departs(ctx context.Context, u store.User) error {
	if err := s.leaveAll(ctx, u); err != nil {
		return err
	}
	if now, err := s.store.User(ctx, u.ID); err == nil && !now.Guest() {
		return nil // who has registered in this moment
	}
	if err := errors.Join(s.store.DeleteAccount(ctx, u.ID), s.store.DeletePreferences(ctx, u.ID), s.unsave(ctx, u.ID)); err != nil {
		return err
	}
	return s.store.DeleteUser(ctx, u.ID)
}

// leaveAll ends all memberships of a user, but those of a registered user's direct rooms, and
// removes what others have against the user.
func (s *departures) leaveAll(ctx context.Context, u store.User) error {
	err := drain(func() ([]store.Member, error) { return s.store.GroupsOf(ctx, u.ID, maxRooms) },
		func(m store.Member) error { return s.membership.deleteMember(ctx, m.Room, m, u.ID) })
	if err != nil {
		return err
	}
	if err := s.directs.endRequestsOf(ctx, u); err != nil {
		return err
	}
	if err := s.invitations.endInvitationsOf(ctx, u.ID); err != nil {
		return err
	}
	bans, err := s.store.BansOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, b := range bans {
		if err := s.store.DeleteBan(ctx, b.Room, b.User); err != nil {
			return err
		}
	}
	if err := s.store.DeleteReadersOf(ctx, u.ID); err != nil {
		return err
	}
	if err := s.store.DeleteBlocksOf(ctx, u.ID); err != nil {
		return err
	}
	mutes, err := s.store.MutesOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, m := range mutes {
		if err := s.store.DeleteMute(ctx, m.Room, m.User); err != nil {
			return err
		}
	}
	return nil
}

// removeEnded removes sessions that have ended. A guest has no way back, and is removed with the
// session.
func (s *departures) removeEnded(ctx context.Context) error {
	ended, err := s.store.SessionsBefore(ctx, endedBy(time.Now()), endedBatch)
	if err != nil {
		return err
	}
	for _, x := range ended {
		u, err := s.store.User(ctx, x.User)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && u.Guest() {
			if err := s.departs(ctx, u); err != nil {
				return err
			}
		}
		// The session goes last, so that after a crash the removal begins again from it.
		if err := s.store.DeleteSubscription(ctx, x.ID); err != nil {
			return err
		}
		if err := s.store.DeleteSession(ctx, x.ID); err != nil {
			return err
		}
	}
	return nil
}

// tellUnsave asks history again to forget what a deleted account has saved and follows.
func (s *departures) tellUnsave(ctx context.Context, i store.Intent) error {
	return historyapi.NewClient(s.bus).Unsave(ctx, i.User)
}
