package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"hubbub.internal/services/history/store"
)

// atOnce are how many names a statement may have: one of each size is kept, since a statement with
// another number of parameters is parsed anew.
var atOnce = [...]int{1, 4, 16, 64, 256}

// namesOf begins a query of entries for each of so many names, who and what, by an index. The order
// of a CROSS JOIN is kept, so that each name is a search in an index.
func namesOf(size int, index string) string {
	return `WITH names(who, what) AS (VALUES (?, ?)` + strings.Repeat(`, (?, ?)`, size-1) + `) SELECT ` + columns + ` FROM names CROSS JOIN entries INDEXED BY ` + index + ` WHERE room = ? `
}

const (
	// aboutOf is the condition on what is about names.
	aboutOf = `AND target <> '' AND target = what AND author IN (who, 0) AND past = 0 `
	// calledOf is the condition on messages that have the names.
	calledOf = `AND id = what AND sender = who AND kind = 0 `
)

// nobody is no user's number.
const nobody = -1

// named asks for entries for each of names, each of which is asked for once, at most limit; 0: all.
func (s *Store) named(ctx context.Context, what, room string, names []store.Name, limit int, index, condition string, more ...any) (found []store.Entry, err error) {
	n, ok, err := s.rooms.number(ctx, kept{s}, room)
	if err != nil || !ok {
		return nil, err
	}
	seen := make(map[store.Name]bool, len(names))
	args := make([]any, 0, 2*len(names))
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		sender, ok, err := s.users.number(ctx, kept{s}, name.Sender)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if !ok {
			sender = nobody
		}
		args = append(args, sender, packID(name.ID))
	}
	most := limit
	if limit == 0 {
		most = -1
	}
	for part := range slices.Chunk(args, 2*atOnce[len(atOnce)-1]) {
		at, _ := slices.BinarySearch(atOnce[:], len(part)/2)
		all := append(make([]any, 0, 2*atOnce[at]+len(more)+2), part...)
		for len(all) < 2*atOnce[at] {
			all = append(all, int64(nobody), "")
		}
		some, err := s.list(ctx, what, kept{s}, namesOf(atOnce[at], index)+condition+`LIMIT ?`, append(append(append(all, n), more...), most)...)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if limit > 0 && len(found) >= limit {
			return found[:limit], nil
		}
	}
	return found, nil
}

// Messages implements store.Store.
func (s *Store) Messages(ctx context.Context, room string, names []store.Name) ([]store.Entry, error) {
	found, err := s.named(ctx, "messages", room, names, 0, "entries_by_id", calledOf)
	slices.SortFunc(found, inOrder)
	return found, err
}

// About implements store.Store.
func (s *Store) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	condition := aboutOf
	var kinds []any
	if len(types) > 0 {
		condition += `AND type IN (?` + strings.Repeat(`, ?`, len(types)-1) + `) `
		for _, kind := range types {
			kinds = append(kinds, kind)
		}
	}
	found, err := s.named(ctx, "entries about messages", room, names, limit, "entries_by_target", condition, kinds...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, inOrder)
	// What has no author is found once for each message with the ID.
	return slices.CompactFunc(found, func(a, b store.Entry) bool { return inOrder(a, b) == 0 }), nil
}

// inOrder compares entries of a room.
func inOrder(a, b store.Entry) int {
	return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.ID, b.ID))
}
