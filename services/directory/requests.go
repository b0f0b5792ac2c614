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
	// requestSent marks a direct room whose other user has not accepted the request yet.
	requestSent = "sent"
	// maxRequestMessages is how many messages the sender of a request may send before it is
	// accepted.
	maxRequestMessages = 3
	// requestLife is how long a request stays open, and how long the sender of a refused one cannot
	// make another.
	requestLife = 30 * 24 * time.Hour
	// maxRequests is how many requests one page has.
	maxRequests = 50
	// endedRequests is how many requests or invitations a task ends at a time.
	endedRequests = 100
)

func refusedUntil() int64 { return time.Now().Add(requestLife).UnixMilli() }

// maxMadeRooms is how many rooms that are not direct a check of the quota for direct rooms reads
// besides.
const maxMadeRooms = 1000

// answerAsk answers directoryapi.ServiceAsk.
func (s *directs) answerAsk(ctx context.Context, r directoryapi.AskRequest) (none directoryapi.AskReply, err error) {
	if !chat.ValidID(r.User) || !chat.ValidID(r.Room) || !chat.ValidID(r.ID) {
		return none, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	a, _, err := s.rights.accessNow(ctx, r.Room, r.User)
	switch {
	case err != nil:
		return none, s.stored(err)
	case a.Send:
		return none, nil
	case !a.Ask:
		return none, chat.E(chat.CodeForbidden, "you may not write in this room")
	}
	asked, err := s.store.SendRequest(ctx, r.Room, r.User, r.ID, maxRequestMessages, time.Now().UnixMilli())
	if err == nil {
		return none, s.fail(ctx, s.tellAsked(ctx, asked))
	}
	if !errors.Is(err, store.ErrNotFound) {
		return none, s.stored(err)
	}
	both, err := s.store.Members(ctx, r.Room, "", 2)
	if err != nil {
		return none, s.stored(err)
	}
	for _, m := range both {
		if m.User != r.User && m.Hidden {
			return none, s.fail(ctx, unlessMissing(s.hideDirect(ctx, r.Room, m.User, m.Name, false)))
		}
	}
	return none, chat.E(chat.CodeForbidden, fmt.Sprintf("you can send at most %d messages until your request is accepted", maxRequestMessages))
}

// tellAsked tells the receiver's devices of a request. With its first message it also tells the
// caches of permissions, because the receiver may read the room from then on.
func (s *directs) tellAsked(ctx context.Context, r store.Request) error {
	if len(r.Sent) == 1 {
		if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: r.Room}); err != nil {
			return busError(err)
		}
	}
	if err := s.changes.listChanged(ctx, r.To, chat.NewID(), chat.ListRequests, time.Now().UnixMilli()); err != nil {
		return busError(err)
	}
	return nil
}

// requestTo returns a request to the user, unless it was refused.
func (s *directs) requestTo(ctx context.Context, user, room string) (store.Request, error) {
	none := chat.E(chat.CodeNotFound, "there is no such request")
	if !chat.ValidID(room) {
		return store.Request{}, none
	}
	r, err := s.store.Request(ctx, room)
	if errors.Is(err, store.ErrNotFound) || err == nil && (r.To != user || !r.Visible()) {
		err = none
	}
	return r, err
}

// acceptRequest makes the direct room of a request an ordinary one.
func (s *directs) acceptRequest(ctx context.Context, c auth.Claims, room string) (roomView, error) {
	r, err := s.requestTo(ctx, c.User, room)
	if err != nil {
		return roomView{}, err
	}
	return s.direct(ctx, c, r.From)
}

// refuseRequest refuses a request for requestLife. Nobody tells the sender.
func (s *directs) refuseRequest(ctx context.Context, c auth.Claims, room string) error {
	if _, err := s.requestTo(ctx, c.User, room); err != nil {
		return err
	}
	i := store.Intent{Kind: kindDirect, Room: room, User: c.User, Name: c.Name, Actor: c.User}
	return unlessMissing(s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.RefuseRequest(ctx, room, c.User, refusedUntil()) }))
}

// endRequests removes expired requests.
func (s *directs) endRequests(ctx context.Context) error {
	old, err := s.store.RequestsBefore(ctx, time.Now().UnixMilli(), endedRequests)
	if err != nil {
		return err
	}
	for _, r := range old {
		if err := s.endDirect(ctx, r.Room, r.From); err != nil {
			return err
		}
	}
	return nil
}

// endRequestsOf removes the requests from and to a user who goes, and for a guest all direct rooms.
func (s *directs) endRequestsOf(ctx context.Context, u store.User) error {
	err := drain(func() ([]store.Request, error) { return s.store.RequestsOf(ctx, u.ID, endedRequests) },
		func(r store.Request) error { return s.endDirect(ctx, r.Room, u.ID) })
	if err != nil || !u.Guest() {
		return err
	}
	// the memberships of other rooms have ended
	return drain(func() ([]store.Member, error) { return s.store.MembershipsOf(ctx, u.ID, endedRequests) },
		func(m store.Member) error { return s.endDirect(ctx, m.Room, u.ID) })
}

type requestView struct {
	Room  string `json:"room" doc:"The direct room: its messages can be read before it is accepted."`
	User  string `json:"user"`
	Name  string `json:"name"`
	Count int    `json:"count" doc:"How many messages there are."`
	Since int64  `json:"since" doc:"UTC milliseconds."`
}

type requestsOutput struct {
	Requests []requestView `json:"requests"`
	More     bool          `json:"more,omitempty" doc:"There are older ones: ask again with before set to the last one's since."`
}

// myRequests lists the requests to a user, newest first.
func (s *directs) myRequests(ctx context.Context, c auth.Claims, before int64) (requestsOutput, error) {
	out := requestsOutput{Requests: []requestView{}}
	if before <= 0 {
		before = endOfTime
	}
	all, err := s.store.RequestsTo(ctx, c.User, before, maxRequests+1)
	all, out.More = page(all, maxRequests)
	for _, r := range all {
		out.Requests = append(out.Requests, requestView{Room: r.Room, User: r.From, Name: r.FromName, Count: len(r.Sent), Since: r.Created})
	}
	if err != nil {
		return out, err
	}
	names := make([]named, len(out.Requests))
	for i := range names {
		names[i] = named{out.Requests[i].User, &out.Requests[i].Name}
	}
	return out, s.records.unname(ctx, names)
}

type beforeInput struct {
	Before int64 `query:"before" doc:"Only requests from before this time (UTC milliseconds)."`
}

type directsOutput struct {
	Rooms []roomView `json:"rooms"`
	Next  int64      `json:"next,omitempty" doc:"There are older ones: ask again with this as before."`
}

// directs lists a user's direct rooms, newest first.
func (s *directs) directs(ctx context.Context, c auth.Claims, before int64) (directsOutput, error) {
	out := directsOutput{Rooms: []roomView{}}
	if before <= 0 {
		before = endOfTime
	}
	mine, err := s.store.DirectsOf(ctx, c.User, before, maxDirects)
	for _, m := range mine {
		out.Rooms = append(out.Rooms, viewOf(directRoom(m.Room), m.Role))
	}
	if len(mine) == maxDirects {
		out.Next = mine[maxDirects-1].Since
	}
	if err == nil {
		err = s.views.nameDirect(ctx, c.User, out.Rooms)
	}
	return out, err
}

func (s *directs) requestRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/direct", "directs", "My direct rooms, newest first"),
		func(ctx context.Context, in *beforeInput) (directsOutput, error) {
			return s.directs(ctx, httpapi.User(ctx), in.Before)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/hide", "hide-room", "Hide a direct room until the other writes again"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.hide(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/requests", "requests", "Strangers who want to write to me, newest first"),
		func(ctx context.Context, in *beforeInput) (requestsOutput, error) {
			return s.myRequests(ctx, httpapi.User(ctx), in.Before)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/requests/{room}/accept", "accept-request", "Let a stranger write to me"),
		limited(s.core, func(ctx context.Context, in *roomInput) (roomView, error) {
			return s.acceptRequest(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/requests/{room}", "refuse-request", "Refuse a stranger's messages; the stranger is not told"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.refuseRequest(ctx, httpapi.User(ctx), in.Room)
		}))
}
