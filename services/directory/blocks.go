package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// kindBlock is the kind of an intent to block or unblock a user: Actor blocks, User is blocked.
	kindBlock = "block"
	// maxBlocks is how many people a user may block.
	maxBlocks = 1000
)

// The kinds of blocks, as clients name them.
const (
	blockAll   = "block"
	ignoreOnly = "ignore"
)

// errTakesNone answers the sender of a message that its receiver does not accept. It gives no
// reason, because nobody is told who blocks them.
var errTakesNone = chat.E(chat.CodeForbidden, "this person takes no messages from you")

// blocks reports whether a user takes nothing from another.
func (s *rights) blocks(ctx context.Context, user, other string) (bool, error) {
	b, err := s.store.Block(ctx, user, other)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && !b.Ignore, err
}

// unlessMissing returns an error but for store.ErrNotFound.
func unlessMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// apart reports whether one of two users blocks the other.
func (s *rights) apart(ctx context.Context, one, other string) (bool, error) {
	out, err := s.blocks(ctx, one, other)
	if err == nil && !out {
		out, err = s.blocks(ctx, other, one)
	}
	return out, err
}

// blocks lets users block and ignore others.
type blocks struct {
	*core
	records *records
	changes *changes
	quotas  *quotas
}

// block notes that a user blocks another, or with ignoreOnly that the user ignores the other.
func (s *blocks) block(ctx context.Context, c auth.Claims, other, kind string) error {
	switch {
	case other == c.User:
		return chat.E(chat.CodeBadRequest, "you cannot block yourself")
	case kind != "" && kind != blockAll && kind != ignoreOnly:
		return chat.E(chat.CodeBadRequest, "kind must be block or ignore")
	}
	u, err := s.records.user(ctx, other)
	if err != nil {
		return err
	}
	_, err = s.store.Block(ctx, c.User, other)
	added := errors.Is(err, store.ErrNotFound)
	if added {
		err = s.checkBlocks(ctx, c.User, 1)
	}
	if err != nil {
		return err
	}
	b := store.Block{User: c.User, Other: u.ID, Name: u.Name, Ignore: kind == ignoreOnly, Created: time.Now().UnixMilli()}
	return s.changes.change(ctx, store.Intent{Kind: kindBlock, User: other, Actor: c.User}, func(ctx context.Context) error {
		err := s.store.PutBlock(ctx, b)
		if err == nil && added {
			err = s.quotas.keepQuota(ctx, s.checkBlocks(ctx, c.User, 0), func(ctx context.Context) error { return s.store.DeleteBlock(ctx, c.User, other) })
		}
		if err != nil || b.Ignore {
			return err
		}
		return unlessMissing(s.store.RefuseRequest(ctx, chat.DirectRoom(c.User, other), c.User, refusedUntil()))
	})
}

// checkBlocks returns an error unless a user may block so many more people.
func (s *blocks) checkBlocks(ctx context.Context, user string, more int) error {
	mine, err := s.store.Blocks(ctx, user, "", maxBlocks+1)
	if err == nil && len(mine)+more > maxBlocks {
		err = chat.E(chat.CodeTooMany, fmt.Sprintf("you can block at most %d people: unblock somebody first", maxBlocks))
	}
	return err
}

// unblock ends a block. It is no error if there is none.
func (s *blocks) unblock(ctx context.Context, c auth.Claims, other string) error {
	if !chat.ValidID(other) {
		return errNoUser
	}
	return s.changes.change(ctx, store.Intent{Kind: kindBlock, User: other, Actor: c.User}, func(ctx context.Context) error {
		return s.store.DeleteBlock(ctx, c.User, other)
	})
}

// tellBlock tells the caches of permissions and the user's own devices of a block, and not the
// blocked user.
func (s *blocks) tellBlock(ctx context.Context, i store.Intent) error {
	change := directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: chat.DirectRoom(i.Actor, i.User)}
	if err := s.changes.control(ctx, change); err != nil {
		return err
	}
	// one of which may be refused by it
	if err := s.changes.listChanged(ctx, i.Actor, i.ID+"-requests", chat.ListRequests, i.Created); err != nil {
		return err
	}
	return s.changes.listChanged(ctx, i.Actor, i.ID, chat.ListBlocks, i.Created)
}

type blockView struct {
	User  string `json:"user"`
	Name  string `json:"name" doc:"At the time of the block."`
	Kind  string `json:"kind" enum:"block,ignore"`
	Since int64  `json:"since" doc:"UTC milliseconds."`
}

type blocksOutput struct {
	Blocks []blockView `json:"blocks"`
}

// myBlocks lists whom a user blocks and ignores.
func (s *blocks) myBlocks(ctx context.Context, c auth.Claims) (blocksOutput, error) {
	all, err := s.store.Blocks(ctx, c.User, "", maxBlocks)
	out := blocksOutput{Blocks: []blockView{}}
	for _, b := range all {
		v := blockView{User: b.Other, Name: b.Name, Kind: blockAll, Since: b.Created}
		if b.Ignore {
			v.Kind = ignoreOnly
		}
		out.Blocks = append(out.Blocks, v)
	}
	if err != nil {
		return out, err
	}
	names := make([]named, len(out.Blocks))
	for i := range names {
		names[i] = named{out.Blocks[i].User, &out.Blocks[i].Name}
	}
	return out, s.records.unname(ctx, names)
}

type blockInput struct {
	User string `path:"user" maxLength:"64"`
	Body struct {
		Kind string `json:"kind,omitempty" doc:"block: the other cannot write to me, open a direct room or invite me, and is not shown. ignore: is not shown. Left out: block."`
	}
}

type unblockInput struct {
	User string `path:"user" maxLength:"64"`
}

func (s *blocks) blockRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/blocks", "blocks", "Whom I block and ignore"),
		func(ctx context.Context, _ *struct{}) (blocksOutput, error) {
			return s.myBlocks(ctx, httpapi.User(ctx))
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/blocks/{user}", "block", "Block or ignore somebody, who is not told"),
		limited(s.core, func(ctx context.Context, in *blockInput) (empty, error) {
			return empty{}, s.block(ctx, httpapi.User(ctx), in.User, in.Body.Kind)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/blocks/{user}", "unblock", "Block and ignore somebody no more"),
		limited(s.core, func(ctx context.Context, in *unblockInput) (empty, error) {
			return empty{}, s.unblock(ctx, httpapi.User(ctx), in.User)
		}))
}
