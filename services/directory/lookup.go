package directory

import (
	"context"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/libs/tokens"
	"hubbub.internal/services/directory/store"
)

// lookup answers what other services ask about rooms, their members and whom a message mentions.
type lookup struct {
	*core
	records *records
	rights  *rights
}

// answerLookup answers directoryapi.ServiceLookup.
func (s *lookup) answerLookup(ctx context.Context, r directoryapi.LookupRequest) (directoryapi.Lookup, error) {
	if !chat.ValidID(r.User) || len(r.Users) > directoryapi.MaxLookup || len(r.Rooms) > directoryapi.MaxLookup {
		return directoryapi.Lookup{}, chat.E(chat.CodeBadRequest, "user must be an id, and the lists of users and rooms short enough for one request")
	}
	out, err := s.lookup(ctx, r)
	return out, s.stored(err)
}

func (s *lookup) lookup(ctx context.Context, r directoryapi.LookupRequest) (out directoryapi.Lookup, err error) {
	if out.Users, err = s.lookupUsers(ctx, r.User, slices.Concat(r.Users, r.Rooms)); err != nil || len(r.Rooms) == 0 {
		return out, err
	}
	mine, err := s.memberships(ctx, r.User)
	if err != nil {
		return out, err
	}
	ids := make([]string, len(mine.Rooms))
	for i, m := range mine.Rooms {
		ids[i] = m.Room
	}
	rooms, err := s.store.Rooms(ctx, ids)
	if err != nil {
		return out, err
	}
	out.Rooms = map[string][]string{}
	for _, name := range r.Rooms {
		found, err := s.lookupRoom(ctx, name, rooms)
		if err != nil {
			return out, err
		}
		if user := out.Users[name]; user != "" && len(found) == 0 {
			found = []string{chat.DirectRoom(r.User, user)}
		}
		if len(found) > 0 {
			out.Rooms[name] = found
		}
	}
	return out, nil
}

// lookupRoom returns the rooms with a name, of the given rooms or else of the public ones, or the
// room that has it as its id.
func (s *lookup) lookupRoom(ctx context.Context, name string, some []store.Room) (found []string, err error) {
	key, folded := names.Key(name), tokens.Fold(name)
	for _, r := range some {
		if r.ID == name || !isTalk(r) && r.Name != "" && (names.Key(r.Name) == key || folded != "" && tokens.Fold(r.Name) == folded) {
			found = append(found, r.ID)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if chat.ValidID(name) && !chat.Reserved(name) {
		r, there, err := s.records.roomThere(ctx, name)
		if err != nil || there {
			return []string{r.ID}, err
		}
	}
	public, err := s.store.PublicRoomsAlike(ctx, names.LooksOf(name), directoryapi.MaxLookup)
	for _, r := range public {
		if names.Key(r.Name) == key {
			found = append(found, r.ID)
		}
	}
	return found, err
}

// lookupUsers returns the ids of users by their names, or ids. "me" is who asks.
func (s *lookup) lookupUsers(ctx context.Context, asker string, all []string) (map[string]string, error) {
	keys := make([]string, len(all))
	for i, name := range all {
		keys[i] = keyOf(name)
	}
	found, err := s.store.UsersByNames(ctx, keys)
	if err != nil {
		return nil, err
	}
	byIDs, err := s.store.UsersOf(ctx, slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !chat.ValidID(id) }))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, name := range all {
		for _, u := range found {
			if u.NameKey == keys[i] && !u.Deleted() {
				out[name] = u.ID
			}
		}
		for _, u := range byIDs {
			if u.ID == name {
				out[name] = u.ID
			}
		}
		if name == "me" && out[name] == "" {
			out[name] = asker
		}
	}
	return out, nil
}
