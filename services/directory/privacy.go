package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// maxFound is how many users a search finds.
const maxFound = 20

// The choices: who may know or do something.
const (
	everybody   = "everybody"
	whoShares   = "rooms" // those who are in a room with the user, besides the default ones
	nobodyAtAll = "nobody"
)

var errNotAdded = chat.E(chat.CodeForbidden, "this person does not want to be added or invited by you")

// settings are an account's settings.
type settings struct {
	SeenBy    string `json:"seen_by" doc:"Who may know when you were here last: everybody, rooms (who is in a room with you) or nobody."`
	Listed    bool   `json:"listed" doc:"Others can find you by your name, and in the list of all users."`
	InvitedBy string `json:"invited_by" doc:"Who may add you to rooms and invite you: everybody, rooms or nobody. Strangers only ask in any case, unless the operator says otherwise."`
	DirectBy  string `json:"direct_by" doc:"Who may begin direct messages with you: everybody, rooms or nobody. Strangers only ask in any case, unless the operator says otherwise."`
}

func settingsOf(a store.Account) settings {
	return settings{
		SeenBy: cmp.Or(a.SeenBy, everybody), Listed: !a.Unlisted, InvitedBy: cmp.Or(a.InvitedBy, everybody), DirectBy: cmp.Or(a.DirectBy, everybody),
	}
}

// privacy keeps and applies the users' choices: who may find them, add them, write to them, and see
// when they were last connected.
type privacy struct {
	*core
	serverRecord *serverRecord
}

func (s *privacy) settings(ctx context.Context, user string) (settings, error) {
	a, err := s.store.Account(ctx, user)
	return settingsOf(a), err
}

// choices are changes of the settings; nil keeps a setting.
type choices struct {
	SeenBy    *string `json:"seen_by,omitempty" doc:"Who may know when you were here last: everybody, rooms (who is in a room with you) or nobody."`
	Listed    *bool   `json:"listed,omitempty" doc:"Others can find you by your name, and in the list of all users."`
	InvitedBy *string `json:"invited_by,omitempty" doc:"Who may add you to rooms and invite you: everybody, rooms or nobody."`
	DirectBy  *string `json:"direct_by,omitempty" doc:"Who may begin direct messages with you: everybody, rooms or nobody."`
}

func (s *privacy) changeSettings(ctx context.Context, user string, c choices) (settings, error) {
	if c == (choices{}) {
		return settings{}, chat.E(chat.CodeBadRequest, "choose seen_by, listed, invited_by or direct_by")
	}
	for name, value := range map[string]*string{"seen_by": c.SeenBy, "invited_by": c.InvitedBy, "direct_by": c.DirectBy} {
		if value != nil && *value != everybody && *value != whoShares && *value != nobodyAtAll {
			return settings{}, chat.E(chat.CodeBadRequest, name+" must be everybody, rooms or nobody")
		}
	}
	p := store.AccountPatch{SeenBy: c.SeenBy, InvitedBy: c.InvitedBy, DirectBy: c.DirectBy}
	if c.Listed != nil {
		p.Unlisted = new(!*c.Listed)
	}
	if err := s.store.PatchAccount(ctx, user, p); err != nil {
		return settings{}, err
	}
	return s.settings(ctx, user)
}

// admits reports whether a user's choice allows the token's user. It always allows operators, who
// must be able to reach everybody. With a guest, who may enter any public room, only a shared
// private room counts.
func (s *privacy) admits(ctx context.Context, c auth.Claims, user, choice string) (bool, error) {
	if choice == everybody {
		return true, nil
	}
	role, err := s.serverRecord.serverRole(ctx, c.User)
	if err != nil || role == directoryapi.RoleOperator || choice == nobodyAtAll {
		return role == directoryapi.RoleOperator, err
	}
	both, err := s.store.Members(ctx, chat.DirectRoom(c.User, user), "", 2)
	if err != nil || len(both) == 2 {
		return len(both) == 2, err // they have a direct room
	}
	return s.acquainted(ctx, c, user)
}

// checkAdded returns an error unless the token's user may add a user to rooms or invite them.
func (s *privacy) checkAdded(ctx context.Context, c auth.Claims, user string) error {
	chosen, err := s.settings(ctx, user)
	if err != nil {
		return err
	}
	if may, err := s.admits(ctx, c, user, chosen.InvitedBy); err != nil || may {
		return err
	}
	return errNotAdded
}

// checkWritten returns an error unless the token's user may begin direct messages with a user. It
// gives no reason, because the reason may be a block.
func (s *privacy) checkWritten(ctx context.Context, c auth.Claims, user string) error {
	chosen, err := s.settings(ctx, user)
	if err != nil {
		return err
	}
	if may, err := s.admits(ctx, c, user, chosen.DirectBy); err != nil || may {
		return err
	}
	return errTakesNone
}

// maySeeSeen reports whether asker may know when a user was last here. An empty asker stands for
// anybody.
func (s *privacy) maySeeSeen(ctx context.Context, asker, user string) (bool, error) {
	if asker == user {
		return true, nil
	}
	a, err := s.store.Account(ctx, user)
	if err != nil {
		return false, err
	}
	switch settingsOf(a).SeenBy {
	case everybody:
		return true, nil
	case whoShares:
		return s.shareRoom(ctx, asker, user)
	}
	return false, nil
}

// shareRoom reports whether two users share a room other than the default rooms.
func (s *privacy) shareRoom(ctx context.Context, a, b string) (bool, error) {
	if a == "" {
		return false, nil
	}
	mine, err := s.store.MembershipsOf(ctx, a, maxRooms)
	if err != nil {
		return false, err
	}
	theirs, err := s.store.MembershipsOf(ctx, b, maxRooms)
	return len(sharedRooms(mine, theirs)) > 0, err
}

// sharedRooms returns the rooms, other than default rooms, of which two users are members.
func sharedRooms(mine, theirs []store.Member) (shared []string) {
	in := map[string]bool{}
	for _, m := range mine {
		in[m.Room] = !isDefault(m.Room)
	}
	for _, m := range theirs {
		if in[m.Room] {
			shared = append(shared, m.Room)
		}
	}
	return shared
}

// hiddenFrom returns which of these users a list of all users hides from asker: those who chose so,
// and on a server without such a list everybody except asker and users with a role of their own.
func (s *privacy) hiddenFrom(ctx context.Context, asker string, users []store.User, roles map[string]directoryapi.Role) (map[string]bool, error) {
	hidden, err := s.unlisted(ctx, asker, users)
	if !s.cfg.ListUsers {
		for _, u := range users {
			hidden[u.ID] = hidden[u.ID] || u.ID != asker && roles[u.ID] == ""
		}
	}
	return hidden, err
}

// unlisted returns which of these users chose not to be found, as far as asker is concerned.
func (s *privacy) unlisted(ctx context.Context, asker string, users []store.User) (map[string]bool, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	hidden := map[string]bool{}
	accounts, err := s.store.AccountsOf(ctx, ids)
	for _, a := range accounts {
		hidden[a.User] = a.Unlisted && a.User != asker
	}
	for _, u := range users {
		hidden[u.ID] = hidden[u.ID] || u.Deleted()
	}
	return hidden, err
}

// findUsers finds users whose name begins with query, and then those whose name contains it,
// ignoring accents. On a server without a list of users it finds only the exact name. It never
// finds unlisted users.
func (s *privacy) findUsers(ctx context.Context, asker, query string) (shown []store.User, err error) {
	name, err := names.Normal(strings.TrimSpace(query))
	if err != nil {
		return nil, nil // no name begins like this
	}
	key := names.Key(name)
	// It reads more than it returns, so that hidden users do not take the places of others.
	found, err := s.store.Users(ctx, key, 5*maxFound)
	if err != nil {
		return nil, err
	}
	if look := names.Bare(names.LooksOf(name).Lower); s.cfg.ListUsers && len(found) < maxFound && utf8.RuneCountInString(name) > 1 {
		more, err := s.store.UsersLike(ctx, look, 5*maxFound)
		if err != nil {
			return nil, err
		}
		for _, u := range more {
			if !slices.ContainsFunc(found, func(other store.User) bool { return other.ID == u.ID }) {
				found = append(found, u)
			}
		}
	}
	hidden, err := s.unlisted(ctx, asker, found)
	if err != nil {
		return nil, err
	}
	for _, u := range found {
		if !hidden[u.ID] && (s.cfg.ListUsers || u.NameKey == key) && len(shown) < maxFound {
			shown = append(shown, u)
		}
	}
	return shown, nil
}

// acquainted reports whether the token's user is no stranger to another: they share a room other
// than the default rooms. A guest must share a private room, because anybody can become a guest and
// enter any public room. Operators are strangers to nobody.
func (s *privacy) acquainted(ctx context.Context, c auth.Claims, other string) (bool, error) {
	role, err := s.serverRecord.serverRole(ctx, c.User)
	if err != nil || role == directoryapi.RoleOperator {
		return err == nil, err
	}
	mine, err := s.store.GroupsOf(ctx, c.User, maxListed)
	if err != nil {
		return false, err
	}
	theirs, err := s.store.GroupsOf(ctx, other, maxListed)
	if err != nil {
		return false, err
	}
	shared := sharedRooms(mine, theirs)
	if len(shared) == 0 || !c.Guest {
		return len(shared) > 0, nil
	}
	rooms, err := s.store.Rooms(ctx, shared)
	return slices.ContainsFunc(rooms, func(r store.Room) bool { return r.Private }), err
}
