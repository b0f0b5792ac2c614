package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// guestMark ends the name of every guest. A registered name has no space, so no guest can look like
// a registered user.
const guestMark = mentions.GuestMark

var errNameReserved = chat.E(chat.CodeConflict, "that name is reserved: choose another")

// keyOf returns the NameKey for a name as people write it: a guest's name ends with guestMark.
func keyOf(name string) string {
	if guest, ok := strings.CutSuffix(name, guestMark); ok {
		return guestKey(guest)
	}
	return names.Key(name)
}

// guestKey returns the NameKey of a guest whose name without guestMark is name.
func guestKey(name string) string { return ":" + names.LooksOf(name).Lower }

// nameRules decides which names of users and rooms are free.
type nameRules struct {
	*core
}

// isReserved reports whether nobody may register a name, because it speaks for the server, or is or
// looks like one of Config.Owners.
func (s *nameRules) isReserved(name string) bool {
	return names.Reserved(name) || slices.ContainsFunc(s.cfg.Owners, func(owner string) bool { return names.Alike(name, owner) })
}

// isOwnersName reports whether a name is one of Config.Owners, and not only looks like one.
func (s *nameRules) isOwnersName(name string) bool {
	return slices.ContainsFunc(s.cfg.Owners, func(owner string) bool { return names.Key(name) == names.Key(owner) })
}

// checkFree returns errNameTaken if a registered user other than self has a name that looks like
// this one.
func (s *nameRules) checkFree(ctx context.Context, looks names.Looks, self string) error {
	alike, err := s.store.UsersAlike(ctx, looks, 2)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(alike, func(u store.User) bool { return u.ID != self }) {
		return errNameTaken
	}
	return nil
}

// checkRoomName returns a room's name in its normal form, or an error if it looks like that of
// another public room.
func (s *nameRules) checkRoomName(ctx context.Context, name string, private bool, self string) (string, names.Looks, error) {
	name, err := checkText("room's name", name, 1, maxRoomName)
	if err != nil {
		return "", names.Looks{}, err
	}
	// good names mix alphabets, but not within a word
	for word := range strings.FieldsSeq(name) {
		if err := names.Restrict(word); err != nil {
			return "", names.Looks{}, err
		}
	}
	looks := names.LooksOf(name)
	if private {
		return name, looks, nil // only its members see it, and they know where they are
	}
	alike, err := s.store.PublicRoomsAlike(ctx, looks, 2)
	if err != nil {
		return "", names.Looks{}, err
	}
	for _, r := range alike {
		if r.ID != self {
			return "", names.Looks{}, chat.E(chat.CodeConflict, fmt.Sprintf("there is a public room %q already, which looks the same: choose another name, such as %q", r.Name, name+" 2"))
		}
	}
	return name, looks, nil
}

// numbered returns the name of the n-th guest who asks for the same name.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

// freeName returns a name that nobody has: the wanted one, if need be with a number.
func (s *nameRules) freeName(ctx context.Context, wanted string) (string, error) {
	for n := range maxImportNames {
		name := numbered(wanted, n+1)
		if over := utf8.RuneCountInString(name) - names.MaxPerson; over > 0 {
			name = numbered(chat.FirstCharacters(wanted, max(utf8.RuneCountInString(wanted)-over, 1)), n+1)
		}
		name, err := names.Person(name)
		if err != nil {
			return "", err
		}
		if s.isReserved(name) {
			continue
		}
		if _, err := s.store.UserByName(ctx, names.Key(name)); err == nil {
			continue
		} else if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		if err := s.checkFree(ctx, names.LooksOf(name), ""); err == nil {
			return name, nil
		} else if !errors.Is(err, errNameTaken) {
			return "", err
		}
	}
	return "", errNameTaken
}

// freeRoomName returns a free name for a room: the wanted one, if need be with a number.
func (s *nameRules) freeRoomName(ctx context.Context, wanted string, private bool) (string, names.Looks, error) {
	var taken error
	for n := range maxImportNames {
		tried := wanted
		if n > 0 {
			tried = fmt.Sprintf("%s %d", wanted, n+1)
		}
		name, looks, err := s.checkRoomName(ctx, tried, private, "")
		if chat.CodeOf(err) != chat.CodeConflict {
			return name, looks, err
		}
		taken = err
	}
	return "", names.Looks{}, taken
}
