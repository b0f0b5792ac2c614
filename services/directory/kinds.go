package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// checkGuestMay returns what is wrong with Config.GuestMay.
func checkGuestMay(actions []string) error {
	all := directoryapi.GuestActions()
	for _, a := range actions {
		if !slices.Contains(all, directoryapi.Action(a)) {
			names := make([]string, len(all))
			for i, known := range all {
				names[i] = string(known)
			}
			return fmt.Errorf("--guest-may: %q is none of %s", a, strings.Join(names, ", "))
		}
	}
	if slices.Contains(actions, string(directoryapi.ActionSend)) && !slices.Contains(actions, string(directoryapi.ActionReact)) {
		return errors.New("--guest-may: whoever may send may react: add react, or leave send out")
	}
	return nil
}

// guestsMay reports whether guests may do an action anywhere.
func (s *rights) guestsMay(action directoryapi.Action) bool {
	if slices.Contains(directoryapi.GuestActions(), action) {
		return slices.Contains(s.cfg.GuestMay, string(action))
	}
	return directoryapi.May(directoryapi.RoleGuest, action, directoryapi.Account)
}

// accountMay returns an error unless the kind of the user's account may do an action at all.
func (s *rights) accountMay(c auth.Claims, action directoryapi.Action) error {
	if c.Guest && !s.guestsMay(action) {
		return chat.E(chat.CodeForbidden, "guests may not do that here: register first")
	}
	return nil
}

// narrow takes from an Access what the kind of the user's account may not do at all. It reads the
// user only where the operator has taken something from guests.
func (s *rights) narrow(ctx context.Context, a *directoryapi.Access, user string) error {
	send, react := s.guestsMay(directoryapi.ActionSend), s.guestsMay(directoryapi.ActionReact)
	if send && react || !a.Send && !a.React && !a.Ask {
		return nil
	}
	guest, err := s.records.isGuest(ctx, user)
	if err != nil || !guest {
		return err
	}
	a.Send, a.Ask, a.React = a.Send && send, a.Ask && send, a.React && react
	return nil
}
