package directory

import (
	"context"
	"fmt"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// departed returns which of some users have deleted their accounts.
func (s *records) departed(ctx context.Context, users []string) (gone []string, err error) {
	all, err := s.store.UsersOf(ctx, users)
	for _, u := range all {
		if u.Deleted() {
			gone = append(gone, u.ID)
		}
	}
	return gone, err
}

// answerDeparted answers directoryapi.ServiceDeparted.
func (s *records) answerDeparted(ctx context.Context, r directoryapi.DepartedRequest) (reply directoryapi.DepartedReply, err error) {
	if len(r.Users) > directoryapi.MaxDeparted {
		return reply, chat.E(chat.CodeBadRequest, fmt.Sprintf("ask for at most %d users at a time", directoryapi.MaxDeparted))
	}
	reply.Departed, err = s.departed(ctx, r.Users)
	return reply, s.stored(err)
}

// named is a name that was kept with something that a user did or that was done to the user.
type named struct {
	user string
	name *string
}

// unname replaces the kept names of users who have deleted their accounts since.
func (s *records) unname(ctx context.Context, names []named) error {
	seen := map[string]bool{"": true}
	var users []string
	for _, n := range names {
		if !seen[n.user] {
			seen[n.user] = true
			users = append(users, n.user)
		}
	}
	gone := map[string]bool{}
	all, err := s.departed(ctx, users)
	for _, user := range all {
		gone[user] = true
	}
	for _, n := range names {
		if gone[n.user] && *n.name != "" {
			*n.name = deletedName
		}
	}
	return err
}
