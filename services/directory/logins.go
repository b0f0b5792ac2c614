package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxUserSessions is the greatest number of sessions that a user may be allowed. Ended sessions do
// not count; at most as many of them again are looked at.
const maxUserSessions = 1000

// sessionView is a session as its user sees it.
type sessionView struct {
	ID      string `json:"id"`
	Current bool   `json:"current" doc:"It is the one that asks."`
	Device  string `json:"device" doc:"Such as Firefox on Linux: what the client says, which may be anything."`
	Agent   string `json:"agent" doc:"The User-Agent that says so."`
	Address string `json:"address" doc:"From where it was used last: an IPv4 address, or an IPv6 network."`
	Created int64  `json:"created" doc:"UTC milliseconds."`
	Used    int64  `json:"used" doc:"When a token was last fetched with it: UTC milliseconds."`
}

// lastUse returns when a session was used last.
func lastUse(x store.Session) int64 { return cmp.Or(x.Used, x.Created) }

// logins lists and ends log-ins.
type logins struct {
	*core
	changes  *changes
	auditLog *auditLog
}

// liveSessions returns a user's sessions that have not ended, the one used last first.
func (s *logins) liveSessions(ctx context.Context, user string) ([]store.Session, error) {
	all, err := s.store.SessionsOf(ctx, user, 2*maxUserSessions)
	now := time.Now()
	live := slices.DeleteFunc(all, func(x store.Session) bool { return over(x, now) })
	slices.SortStableFunc(live, func(a, b store.Session) int { return cmp.Compare(lastUse(b), lastUse(a)) })
	return live, err
}

// endOldest ends a user's oldest sessions beyond the limit.
func (s *logins) endOldest(ctx context.Context, u store.User) error {
	live, err := s.liveSessions(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, x := range live[min(s.cfg.UserSessions, len(live)):] {
		if err := s.endSession(ctx, u, x.ID, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// mySessions lists the sessions of the user of a token.
func (s *logins) mySessions(ctx context.Context, c auth.Claims) ([]sessionView, error) {
	return s.sessionViews(ctx, c.User, c.Session)
}

// sessionViews lists the sessions of a user, who asks with the current one.
func (s *logins) sessionViews(ctx context.Context, user, current string) ([]sessionView, error) {
	live, err := s.liveSessions(ctx, user)
	views := []sessionView{}
	for _, x := range live {
		views = append(views, sessionView{
			ID: x.ID, Current: x.ID == current, Device: deviceName(x.Device), Agent: x.Device, Address: x.Address, Created: x.Created, Used: lastUse(x),
		})
	}
	return views, err
}

// endMine ends one of the user's own sessions.
func (s *logins) endMine(ctx context.Context, c auth.Claims, id string) error {
	x, err := s.store.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (x.User != c.User || over(x, time.Now())) {
		return chat.E(chat.CodeNotFound, "you have no such log-in")
	} else if err != nil {
		return err
	}
	a := store.Act{Action: actSessionEnd, Subject: c.User, SubjectName: c.Name, Detail: id}
	return s.auditLog.audit(ctx, a, func(ctx context.Context) error {
		return s.endSession(ctx, store.User{ID: c.User, Name: c.Name}, id, c.User)
	})
}

// endOthers ends all of a user's sessions but one, at the user's wish, and returns how many it
// ended.
func (s *logins) endOthers(ctx context.Context, u store.User, but string) (n int, err error) {
	live, err := s.liveSessions(ctx, u.ID)
	if err != nil {
		return 0, err
	}
	for _, x := range live {
		if x.ID == but {
			continue
		}
		if err := s.endSession(ctx, u, x.ID, u.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// endLogins ends all log-ins of a user that were made before now.
func (s *logins) endLogins(ctx context.Context, u store.User) error {
	i := store.Intent{Kind: directoryapi.ChangeUser, User: u.ID, Name: u.Name}
	return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.EndSessionsOf(ctx, u.ID) })
}

// endSession ends a session: it is not refreshed any more, and its sockets are closed.
func (s *logins) endSession(ctx context.Context, u store.User, session, actor string) error {
	i := store.Intent{Kind: directoryapi.ChangeUser, User: u.ID, Name: u.Name, Actor: actor, Session: session}
	return s.changes.change(ctx, i, func(ctx context.Context) error {
		// removing it, and the guest whose it is, is housekeeping
		return errors.Join(s.store.EndSession(ctx, session), s.store.DeleteSubscription(ctx, session))
	})
}

// logout ends the session of a token.
func (s *logins) logout(ctx context.Context, c auth.Claims) error {
	return s.endSession(ctx, store.User{ID: c.User, Name: c.Name}, c.Session, c.User)
}
