package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"hubbub.internal/services/history/store"
)

// atOnce are how many names a statement may have: one of each size is kept, since a statement with
// another number of parameters is parsed anew.
var atOnce = [...]int{1, 4, 16, 64, 256}

// namesOf begins a query of entries for each of so many names, who and what, by an index. The order
// of a CROSS JOIN is kept, so that each name is a search in an index. The room is the first
// parameter, then come the limit, so many more of the condition, and the names: SQLite plans a
// statement anew where a text is bound to a parameter that it has looked at for the plan, and takes
// all from the 32nd on for one.
func namesOf(size, more int, index, condition string) string {
	var text strings.Builder
	text.WriteString(`WITH names(who, what) AS (VALUES `)
	for i := range size {
		if i > 0 {
			text.WriteString(`, `)
		}
		fmt.Fprintf(&text, `(?%d, ?%d)`, more+3+2*i, more+4+2*i)
	}
	text.WriteString(`) SELECT ` + columns + ` FROM names CROSS JOIN entries INDEXED BY ` + index + ` WHERE room = ?1 ` + condition + `LIMIT ?2`)
	return text.String()
}

// texts are the statements that there are.
var texts sync.Map // of shape to string

type shape struct {
	size, more       int
	index, condition string
}

func (s shape) text() string {
	if text, ok := texts.Load(s); ok {
		return text.(string)
	}
	text, _ := texts.LoadOrStore(s, namesOf(s.size, s.more, s.index, s.condition))
	return text.(string)
}

const (
	// aboutOf is the condition on what is about names.
	aboutOf = `AND target <> '' AND target = what AND author IN (who, 0) AND past = 0 `
	// calledOf is the condition on messages that have the names.
	calledOf = `AND id = what AND sender = who AND kind IN (0, 2) `
)

// nobody is no user's number.
const nobody = -1

// named asks for entries for each of names, each of which is asked for once, at most limit; 0: all.
func (s *file) named(ctx context.Context, what, room string, names []store.Name, limit int, index, condition string, more ...any) (found []store.Entry, err error) {
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
		all := append(append(append(make([]any, 0, 2*atOnce[at]+len(more)+2), n, most), more...), part...)
		for len(all) < cap(all) {
			all = append(all, int64(nobody), int64(0))
		}
		some, err := s.list(ctx, what, kept{s}, shape{atOnce[at], len(more), index, condition}.text(), all...)
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
func (s *entryStore) Messages(ctx context.Context, room string, names []store.Name) ([]store.Entry, error) {
	found, err := s.named(ctx, "messages", room, names, 0, "entries_by_id", calledOf)
	slices.SortFunc(found, inOrder)
	return found, err
}

// About implements store.Store.
func (s *entryStore) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	condition := aboutOf
	var kinds []any
	if len(types) > 0 {
		in := make([]string, len(types))
		for i, kind := range types {
			in[i] = fmt.Sprint("?", 3+i)
			kinds = append(kinds, kind)
		}
		condition += `AND type IN (` + strings.Join(in, ", ") + `) `
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
