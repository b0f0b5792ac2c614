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

// deleteMine deletes the account of the user of a token, for good: log-ins, memberships, mail
// address and choices. What the user has said stays where it was said, unless messages is true:
// then history deletes it, in direct rooms, too. The name stays taken, so that nobody else can pass
// for the user.
func (s *Service) deleteMine(ctx context.Context, c auth.Claims, secret string, messages bool) error {
	u, err := s.user(ctx, c.User)
	if err != nil {
		return err
	}
	if u.Guest() {
		return s.deleteAccount(ctx, u, u.ID, messages)
	}
	if err := s.proveAgain(ctx, u, c, secret); err != nil {
		return err
	}
	if role, err := s.serverRole(ctx, u.ID); err != nil {
		return err
	} else if role != "" {
		return errRunsServer
	}
	return s.audit(ctx, store.Act{Action: actDelete, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		return s.deleteAccount(ctx, u, u.ID, messages)
	})
}

// deleteAccount deletes an account, and with messages all that the user has said. All of a guest
// goes with the log-in.
func (s *Service) deleteAccount(ctx context.Context, u store.User, actor string, messages bool) error {
	if u.Guest() {
		if messages {
			if err := s.removeMessages(ctx, chat.NewID(), u.ID); err != nil {
				return err
			}
		}
		return s.endLogins(ctx, u)
	}
	i := store.Intent{Kind: kindDelete, User: u.ID, Actor: actor}
	if messages {
		i.Role = removeMessages
	}
	return s.change(ctx, i, func(ctx context.Context) error { return s.store.PutDeleted(ctx, u.AsDeleted(deletedName)) })
}

// tellDeleted ends all that there is of a user whose account is deleted. It can be done again.
func (s *Service) tellDeleted(ctx context.Context, i store.Intent) error {
	u, err := s.store.User(ctx, i.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Deleted() {
		return nil // it was not done
	} else if err != nil {
		return err
	}
	if err := s.store.EndSessionsOf(ctx, u.ID); err != nil {
		return err
	}
	if err := s.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeUser, User: u.ID, At: time.Now().UnixMilli()}); err != nil {
		return err
	}
	if err := s.leaveAll(ctx, u); err != nil {
		return err
	}
	// In what is left, direct rooms, the other still sees somebody. Nobody has to be told.
	if err := s.store.RenameMember(ctx, u.ID, u.Name); err != nil {
		return err
	}
	if err := errors.Join(s.store.DeleteAccount(ctx, u.ID), s.store.DeletePreferences(ctx, u.ID), s.store.DeleteLettersOf(ctx, u.ID), s.dropTickets(ctx, u.ID)); err != nil {
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

// removeMessages asks history to delete all that a user has said, which goes on by itself from then
// on. The id is the request's: asking again with it is no other request.
func (s *Service) removeMessages(ctx context.Context, id, user string) error {
	return historyapi.NewClient(s.bus).Purge(ctx, historyapi.PurgeRequest{ID: id, User: user, Actor: user, Name: deletedName})
}

// kindUnsave is the kind of an intent to have history forget what a user has saved.
const kindUnsave = "unsave"

// unsave asks history to forget what a user has saved, who is gone: later, if it is away, so that
// nothing waits for it.
func (s *Service) unsave(ctx context.Context, user string) error {
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

// collectData returns what there is of the user of a token.
func (s *Service) collectData(ctx context.Context, c auth.Claims) (d myData, err error) {
	u, err := s.user(ctx, c.User)
	if err != nil {
		return d, err
	}
	d = myData{Account: accountOf(u), Created: u.Created, Memberships: []roomOfMine{}}
	if d.LastSeen, err = s.store.Seen(ctx, u.ID); err != nil {
		return d, err
	}
	a, err := s.store.Account(ctx, u.ID)
	if err != nil {
		return d, err
	}
	d.Mail, d.Settings = a.Mail, settingsOf(a)
	if d.Preferences, err = s.preferences(ctx, u.ID); err != nil {
		return d, err
	}
	if d.Sessions, err = s.mySessions(ctx, c); err != nil {
		return d, err
	}
	mine, err := s.store.MembershipsOf(ctx, u.ID, 2*maxRooms)
	if err != nil {
		return d, err
	}
	listed, err := s.rooms(ctx, u.ID, u.Guest())
	if err != nil {
		return d, err
	}
	called := map[string]string{}
	for _, r := range listed {
		called[r.ID] = r.Name
	}
	for _, m := range mine {
		d.Memberships = append(d.Memberships, roomOfMine{Room: m.Room, Name: called[m.Room], Role: m.Role, Since: m.Since})
	}
	return d, nil
}
