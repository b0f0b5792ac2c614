package directory

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

const (
	// browsedRooms is how many public rooms a page has by default, and maxBrowsed how many at most.
	browsedRooms = 50
	maxBrowsed   = 200
	// sweepEvery is how often sweepActivity looks for active public rooms, sweepBatch how many
	// rooms one request covers (bus.Heads takes 1,000), and countedMembers where it stops counting
	// a room's members.
	sweepEvery     = time.Minute
	sweepBatch     = 1000
	countedMembers = 1000
)

// sorts are what public rooms can be sorted by.
var sorts = map[string]string{"": store.SortActive, "active": store.SortActive, "new": store.SortNew, "members": store.SortSize}

type browseInput struct {
	Q      string `query:"q" maxLength:"64" doc:"What the name has in it, in any case and without regard to accents, or as letters that look alike."`
	Sort   string `query:"sort" enum:"active,new,members" doc:"Those that somebody wrote in last come first (active, the default), the newest, or those with most members."`
	Cursor string `query:"cursor" maxLength:"128" doc:"The next of the page before, which had the same q and sort."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"How many rooms at most; 50 if left out."`
}

type browsedView struct {
	roomView
	Members int   `json:"members,omitempty" doc:"As of a minute or so ago, counted up to 1000; absent: a room for everybody."`
	Active  int64 `json:"active,omitempty" doc:"When somebody last wrote there (UTC milliseconds), to a minute or so."`
}

type browseOutput struct {
	Rooms []browsedView `json:"rooms"`
	Next  string        `json:"next,omitempty" doc:"Cursor of the next page; absent: this is the last."`
}

// publicRooms lists public rooms and notes which are active.
type publicRooms struct {
	*core
	records *records
	rights  *rights

	// when it was last seen which public rooms are active (UTC milliseconds)
	swept atomic.Int64
}

func (s *publicRooms) browseRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/public-rooms", "public-rooms", "Public rooms, by pages"),
		func(ctx context.Context, in *browseInput) (browseOutput, error) {
			c := httpapi.User(ctx)
			return s.browse(ctx, c.User, c.Guest, *in)
		})
}

// browse returns a page of the public rooms. It leaves out rooms that the user is banned from or
// may not enter as a guest, so a page may have fewer than were asked for.
func (s *publicRooms) browse(ctx context.Context, user string, guest bool, in browseInput) (browseOutput, error) {
	out := browseOutput{Rooms: []browsedView{}}
	found, next, err := s.findPublic(ctx, in, false)
	if out.Next = next; err != nil {
		return out, err
	}
	if guest {
		if found, err = s.rights.openToGuests(ctx, found); err != nil {
			return out, err
		}
	}
	mine, err := s.store.GroupsOf(ctx, user, maxListed)
	if err != nil {
		return out, err
	}
	roles := map[string]directoryapi.Role{}
	for _, m := range mine {
		roles[m.Room] = m.Role
	}
	bans, err := s.store.BansOf(ctx, user)
	if err != nil {
		return out, err
	}
	banned := map[string]bool{}
	for _, b := range bans {
		banned[b.Room] = !b.Over(time.Now().UnixMilli())
	}
	for _, r := range found {
		if banned[r.ID] {
			continue
		}
		v := browsedView{Members: r.Size, Active: r.Active}
		if isDefault(r.ID) {
			v.Members, roles[r.ID] = 0, cmp.Or(roles[r.ID], directoryapi.RoleMember)
		}
		v.roomView = viewOf(r, roles[r.ID])
		out.Rooms = append(out.Rooms, v)
	}
	return out, nil
}

// findPublic returns a page of the public rooms, archived or not, and the cursor of the next;
// empty: there is none.
func (s *publicRooms) findPublic(ctx context.Context, in browseInput, archived bool) (found []store.Room, next string, err error) {
	limit := min(cmp.Or(in.Limit, browsedRooms), maxBrowsed)
	q := store.PublicQuery{Look: names.Bare(names.LooksOf(strings.TrimSpace(in.Q)).Lower), Sort: sorts[in.Sort], Archived: archived, Limit: limit + 1}
	if in.Cursor != "" {
		before, id, _ := strings.Cut(in.Cursor, ".")
		if q.Before, err = strconv.ParseInt(before, 10, 64); err != nil || !chat.ValidID(id) {
			return nil, "", chat.E(chat.CodeBadRequest, "cursor must be the next of the page before; leave it out to begin")
		}
		q.BeforeID = id
	}
	found, err = s.store.FindPublic(ctx, q)
	found, more := page(found, limit)
	if more {
		last := found[limit-1]
		next = strconv.FormatInt(q.At(last), 10) + "." + last.ID
	}
	return found, next, err
}

// sweepActivity notes once a minute which public rooms have new entries, and counts their members
// anew: joining and leaving write entries, too.
func (s *publicRooms) sweepActivity(ctx context.Context) error {
	if time.Since(time.UnixMilli(s.swept.Load())) < sweepEvery {
		return nil
	}
	for after := ""; ; {
		rooms, err := s.store.PublicAfter(ctx, after, sweepBatch)
		if err != nil {
			return err
		}
		if err := s.noteActivity(ctx, rooms); err != nil {
			return err
		}
		if len(rooms) < sweepBatch {
			s.swept.Store(time.Now().UnixMilli())
			return nil
		}
		after = rooms[len(rooms)-1].ID
	}
}

func (s *publicRooms) noteActivity(ctx context.Context, rooms []store.Room) error {
	ids := make([]string, len(rooms))
	for i, r := range rooms {
		ids[i] = r.ID
	}
	if len(ids) == 0 {
		return nil
	}
	heads, err := s.bus.Heads(ctx, ids)
	if err != nil {
		return err
	}
	if len(heads) != len(rooms) {
		return errors.New("the bus does not say where the logs of all rooms end")
	}
	for i, r := range rooms {
		head := int64(heads[i].Seq) //nolint:gosec // at most bus.MaxSeq
		if head == 0 || head == r.Head {
			continue // retention may have taken the last entry
		}
		a := store.Activity{Head: head, Active: time.Now().UnixMilli(), Size: countedMembers}
		if r.Head == 0 {
			a.Active = max(r.Active, r.Created) // when its last entry is from, nobody has seen
		}
		if !isDefault(r.ID) {
			if a.Size, err = s.records.countMembers(ctx, r.ID, countedMembers); err != nil {
				return err
			}
		}
		if err := s.store.SetActivity(ctx, r.ID, a); err != nil {
			return err
		}
	}
	return nil
}
