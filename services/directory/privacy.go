package directory

import (
	"context"
	"strings"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// maxFound is how many users a search finds.
const maxFound = 20

// Who may know when a user was here last.
const (
	seenByEverybody = "everybody"
	seenByRooms     = "rooms" // those who are in a room with the user, besides the default ones
	seenByNobody    = "nobody"
)

// settings are what users choose for their accounts.
type settings struct {
	SeenBy string `json:"seen_by" doc:"Who may know when you were here last: everybody, rooms (who is in a room with you) or nobody."`
	Listed bool   `json:"listed" doc:"Others find you by your name, and in the list of all users."`
}

func settingsOf(a store.Account) settings {
	s := settings{SeenBy: a.SeenBy, Listed: !a.Unlisted}
	if s.SeenBy == "" {
		s.SeenBy = seenByEverybody
	}
	return s
}

func (s *Service) settings(ctx context.Context, user string) (settings, error) {
	a, err := s.store.Account(ctx, user)
	return settingsOf(a), err
}

// changeSettings changes what is not nil.
func (s *Service) changeSettings(ctx context.Context, user string, seenBy *string, listed *bool) (settings, error) {
	if seenBy == nil && listed == nil {
		return settings{}, chat.E(chat.CodeBadRequest, "choose seen_by, listed or both")
	}
	p := store.AccountPatch{SeenBy: seenBy}
	if seenBy != nil && *seenBy != seenByEverybody && *seenBy != seenByRooms && *seenBy != seenByNobody {
		return settings{}, chat.E(chat.CodeBadRequest, "seen_by is everybody, rooms or nobody")
	}
	if listed != nil {
		p.Unlisted = new(!*listed)
	}
	if err := s.store.PatchAccount(ctx, user, p); err != nil {
		return settings{}, err
	}
	return s.settings(ctx, user)
}

// maySeeSeen reports whether asker may know when a user was last here. An empty asker is somebody.
func (s *Service) maySeeSeen(ctx context.Context, asker, user string) (bool, error) {
	if asker == user {
		return true, nil
	}
	a, err := s.store.Account(ctx, user)
	if err != nil {
		return false, err
	}
	switch settingsOf(a).SeenBy {
	case seenByEverybody:
		return true, nil
	case seenByRooms:
		return s.shareRoom(ctx, asker, user)
	}
	return false, nil
}

// shareRoom reports whether two users are in a room together, besides the default ones.
func (s *Service) shareRoom(ctx context.Context, a, b string) (bool, error) {
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

// sharedRooms returns the rooms of which two users are members, besides the default ones.
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

// hiddenFrom returns which of some users asker is not shown in a list of all users: those who do not wish it, and where the
// server has no such list all but asker and those with a role of their own.
func (s *Service) hiddenFrom(ctx context.Context, asker string, users []store.User, roles map[string]directoryapi.Role) (map[string]bool, error) {
	hidden, err := s.unlisted(ctx, asker, users)
	if !s.cfg.ListUsers {
		for _, u := range users {
			hidden[u.ID] = hidden[u.ID] || u.ID != asker && roles[u.ID] == ""
		}
	}
	return hidden, err
}

// unlisted returns which of some users do not wish to be found by asker.
func (s *Service) unlisted(ctx context.Context, asker string, users []store.User) (map[string]bool, error) {
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

// findUsers finds users by the beginning of their name, or by all of it where the server has no list of users. Who is not
// listed is not found.
func (s *Service) findUsers(ctx context.Context, asker, query string) (shown []store.User, err error) {
	name, err := names.Normal(strings.TrimSpace(query))
	if err != nil {
		return nil, nil // no name begins so
	}
	key := names.Key(name)
	// More than are shown, so that those who are hidden take nobody's place.
	found, err := s.store.Users(ctx, key, 5*maxFound)
	if err != nil {
		return nil, err
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
