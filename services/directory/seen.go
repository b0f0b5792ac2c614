package directory

import (
	"context"
	"fmt"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// saw answers directoryapi.ServiceSaw.
func (s *privacy) saw(ctx context.Context, r directoryapi.SawRequest) (directoryapi.SawReply, error) {
	var none directoryapi.SawReply
	if len(r.Seen) > directoryapi.MaxSaw {
		return none, chat.E(chat.CodeBadRequest, fmt.Sprintf("at most %d users", directoryapi.MaxSaw))
	}
	// An edge whose clock is ahead must not store a time in the future, which would stay the
	// latest.
	now := time.Now().UnixMilli()
	all := make([]store.Seen, 0, len(r.Seen))
	for _, one := range r.Seen {
		if !chat.ValidID(one.User) || one.At <= 0 {
			return none, chat.E(chat.CodeBadRequest, "each entry needs the id of a user and a time after 0, in UTC milliseconds")
		}
		all = append(all, store.Seen{User: one.User, At: min(one.At, now)})
	}
	return none, s.stored(s.store.PutSeen(ctx, all))
}

// seen answers directoryapi.ServiceSeen.
func (s *privacy) seen(ctx context.Context, r directoryapi.SeenRequest) (directoryapi.Seen, error) {
	if !chat.ValidID(r.User) {
		return directoryapi.Seen{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	if r.Asker != "" && !chat.ValidID(r.Asker) {
		return directoryapi.Seen{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	if may, err := s.maySeeSeen(ctx, r.Asker, r.User); err != nil || !may {
		return directoryapi.Seen{User: r.User}, s.stored(err)
	}
	at, err := s.store.Seen(ctx, r.User)
	return directoryapi.Seen{User: r.User, At: at}, s.stored(err)
}
