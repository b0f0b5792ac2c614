package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// earlier is how long before its end a token is replaced, if its life is longer than four times
// that; otherwise it is replaced in the last quarter of its life.
const earlier = 15 * time.Second

// Session is a log-in. It gets a new token when the old one is about to end. Its methods may be
// called from any number of goroutines.
type Session struct {
	api *API

	// renewing lets one goroutine at a time renew: a refresh token is good once. It is locked
	// before mu.
	renewing sync.Mutex
	attempt  string // for the present refresh token, until there is an answer; guarded by renewing
	mu       sync.Mutex
	grant    Grant
	replace  time.Time // when to get the next token
}

func newSession(a *API, g Grant) *Session {
	s := &Session{api: a}
	s.setGrant(g)
	return s
}

// setGrant makes g the session's grant. mu is held, or nobody else has the session yet.
func (s *Session) setGrant(g Grant) {
	s.grant = g
	if g.Refresh == "" {
		s.replace = time.Now().Add(1000 * time.Hour) // there is no next token
		return
	}
	life := time.Duration(g.Life) * time.Second // correct even if this clock is wrong
	if life == 0 {
		life = time.Until(time.UnixMilli(g.Expires))
	}
	s.replace = time.Now().Add(life - min(earlier, life/4))
}

// User returns the user who has logged in.
func (s *Session) User() User { return s.Grant().User }

// Grant returns the present grant.
func (s *Session) Grant() Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant
}

// Token returns an access token that is good for a while. It fits Config.Token.
func (s *Session) Token(ctx context.Context) (string, error) {
	if token, good := s.current(); good {
		return token, nil
	}
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if token, good := s.current(); good { // another goroutine has renewed it
		return token, nil
	}
	if err := s.renew(ctx); err != nil {
		return "", err
	}
	return s.Grant().Token, nil
}

func (s *Session) current() (token string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant.Token, time.Now().Before(s.replace)
}

// Expire drops a token that the server refuses as expired, if it is the session's own: the next
// call of Token renews it. It fits Config.TokenExpired.
func (s *Session) Expire(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grant.Token == token {
		s.replace = time.Time{}
	}
}

// Refresh gets a new token now.
func (s *Session) Refresh(ctx context.Context) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	return s.renew(ctx)
}

// renew gets a new grant. renewing is held.
func (s *Session) renew(ctx context.Context) error {
	var g Grant
	refresh := s.Grant().Refresh
	if refresh == "" {
		return chat.E(chat.CodeTokenExpired, "the token has expired, and there is no refresh token to get the next one with")
	}
	if s.attempt == "" {
		s.attempt = rand.Text()
	}
	// The answer may be lost, and this machine sleep: the same attempt gets the same answer,
	// however late.
	err := s.api.call(ctx, http.MethodPost, "/v1/refresh", "", map[string]string{"refresh_token": refresh, "attempt": s.attempt}, &g)
	if err != nil {
		return err
	}
	s.attempt = ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.Refresh == "" {
		g.Refresh = refresh
	}
	s.setGrant(g)
	return nil
}

// Room is a room as the directory lists it.
type Room struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Topic   string `json:"topic"`
	Private bool   `json:"private"`
	Direct  bool   `json:"direct"`
	With    string `json:"with,omitempty"` // the other user of a direct room
	Role    string `json:"role,omitempty"` // the user's role; empty: not a member
}

// Member is a member of a room.
type Member struct {
	User string `json:"user"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// Online is who is online in a room.
type Online struct {
	Count int `json:"count"` // may be more than Users
	// by name; none in the first answer about a room with very many
	Users []wire.Person `json:"users"`
	Next  string        `json:"next"` // set if there are more: the place to go on from
}

// Me returns the user as the directory knows them now.
func (s *Session) Me(ctx context.Context) (u User, err error) {
	err = s.call(ctx, http.MethodGet, "/v1/me", nil, &u)
	return u, err
}

// Logout ends the session at the server.
func (s *Session) Logout(ctx context.Context) error {
	return s.call(ctx, http.MethodPost, "/v1/logout", struct{}{}, nil)
}

// Rooms lists the user's rooms and the public ones.
func (s *Session) Rooms(ctx context.Context) ([]Room, error) {
	var reply struct{ Rooms []Room }
	err := s.call(ctx, http.MethodGet, "/v1/rooms", nil, &reply)
	return reply.Rooms, err
}

// CreateRoom makes a room that the user owns.
func (s *Session) CreateRoom(ctx context.Context, name, topic string, private bool) (r Room, err error) {
	body := map[string]any{"name": name, "topic": topic, "private": private}
	err = s.call(ctx, http.MethodPost, "/v1/rooms", body, &r)
	return r, err
}

// Room returns a room.
func (s *Session) Room(ctx context.Context, room string) (r Room, err error) {
	err = s.call(ctx, http.MethodGet, roomPath(room, ""), nil, &r)
	return r, err
}

// DescribeRoom gives a room a new name and topic.
func (s *Session) DescribeRoom(ctx context.Context, room, name, topic string) (r Room, err error) {
	err = s.call(ctx, http.MethodPatch, roomPath(room, ""), map[string]string{"name": name, "topic": topic}, &r)
	return r, err
}

// JoinRoom makes the user a member of a public room.
func (s *Session) JoinRoom(ctx context.Context, room string) error {
	return s.call(ctx, http.MethodPost, roomPath(room, "join"), struct{}{}, nil)
}

// LeaveRoom ends the user's membership.
func (s *Session) LeaveRoom(ctx context.Context, room string) error {
	return s.call(ctx, http.MethodPost, roomPath(room, "leave"), struct{}{}, nil)
}

// Members lists all members of a room, page by page.
func (s *Session) Members(ctx context.Context, room string) (all []Member, err error) {
	for path := roomPath(room, "members"); ; {
		var page struct {
			Members []Member
			More    bool
		}
		if err := s.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Members...)
		if !page.More || len(page.Members) == 0 {
			return all, nil
		}
		path = roomPath(room, "members") + "?after=" + url.QueryEscape(all[len(all)-1].User)
	}
}

// AddMember makes another user a member, or invites one who does not know this user: see
// AcceptInvitation.
func (s *Session) AddMember(ctx context.Context, room, user string) error {
	return s.call(ctx, http.MethodPost, roomPath(room, "members"), map[string]string{"user": user}, nil)
}

// AcceptInvitation makes the user a member of a room that another has invited the user to.
func (s *Session) AcceptInvitation(ctx context.Context, room string) error {
	return s.call(ctx, http.MethodPost, "/v1/invitations/"+url.PathEscape(room)+"/accept", struct{}{}, nil)
}

// AcceptRequest lets a stranger, who has written in a direct room, write to the user.
func (s *Session) AcceptRequest(ctx context.Context, room string) error {
	return s.call(ctx, http.MethodPost, "/v1/requests/"+url.PathEscape(room)+"/accept", struct{}{}, nil)
}

// SetRole changes another user's role in a room: member, moderator or owner.
func (s *Session) SetRole(ctx context.Context, room, user, role string) error {
	return s.call(ctx, http.MethodPost, roomPath(room, "members"), map[string]string{"user": user, "role": role}, nil)
}

// RemoveMember ends another user's membership.
func (s *Session) RemoveMember(ctx context.Context, room, user string) error {
	return s.call(ctx, http.MethodDelete, roomPath(room, "members")+"/"+url.PathEscape(user), nil, nil)
}

// Direct returns the direct room with another user, and creates it if it is missing.
func (s *Session) Direct(ctx context.Context, user string) (r Room, err error) {
	err = s.call(ctx, http.MethodPost, "/v1/direct", map[string]string{"user": user}, &r)
	return r, err
}

// Users finds users by the beginning of their name.
func (s *Session) Users(ctx context.Context, query string) ([]User, error) {
	var reply struct{ Users []User }
	err := s.call(ctx, http.MethodGet, "/v1/users?q="+url.QueryEscape(query), nil, &reply)
	return reply.Users, err
}

// Messages returns a page of a room's history.
func (s *Session) Messages(ctx context.Context, room string, q Query) (p Page, err error) {
	values := url.Values{}
	for name, n := range map[string]uint64{"before": q.Before, "after": q.After, "around": q.Around, "limit": uint64(q.Limit)} {
		if n > 0 {
			values.Set(name, strconv.FormatUint(n, 10))
		}
	}
	if q.Oldest {
		values.Set("after", "0")
	}
	path := roomPath(room, "messages")
	if q.Thread != (Name{}) {
		path = roomPath(room, "threads/"+url.PathEscape(q.Thread.User)+"/"+url.PathEscape(q.Thread.ID))
	}
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	err = s.call(ctx, http.MethodGet, path, nil, &p)
	return p, err
}

// Thread is a thread of a room.
type Thread struct {
	Author  string        `json:"author"` // who sent the root
	ID      string        `json:"id"`     // of the root
	Root    *chat.Message `json:"root"`   // nil: there is no such message
	Replies chat.Replies  `json:"replies"`
}

// Threads returns threads of a room, the one with the last answer first: those whose last answer is
// before a seq, or with 0 the first, and whether there are more.
func (s *Session) Threads(ctx context.Context, room string, before uint64) (threads []Thread, more bool, err error) {
	path := roomPath(room, "threads")
	if before > 0 {
		path += "?before=" + strconv.FormatUint(before, 10)
	}
	var out struct {
		Threads []Thread
		More    bool
	}
	err = s.call(ctx, http.MethodGet, path, nil, &out)
	return out.Threads, out.More, err
}

// Inbox returns what is new in the user's rooms, as Client.Inbox does.
func (s *Session) Inbox(ctx context.Context, room, next string) (rooms []chat.InboxRoom, more string, err error) {
	var out struct {
		Rooms []chat.InboxRoom `json:"rooms"`
		Next  string           `json:"next"`
	}
	query := url.Values{}
	if room != "" {
		query.Set("room", room)
	}
	if next != "" {
		query.Set("next", next)
	}
	err = s.call(ctx, http.MethodGet, "/v1/inbox?"+query.Encode(), nil, &out)
	return out.Rooms, out.Next, err
}

// Search asks for messages; see PROTOCOL.md for what a query may have.
type Search struct {
	Query  string
	Room   string // in this one alone; empty: in all of the user's
	Sort   string // new or best; empty: new
	Zone   string // the time zone whose days dates are; empty: UTC
	Cursor string // Next of the answer before, to the same search
	Limit  int    // 1 to 50; 0: 20
}

// Found is what a Search has found.
type Found struct {
	Results []FoundMessage `json:"results"`
	Next    string         `json:"next"` // not empty: there may be more
	// Building: older messages are still being indexed, and not all are found.
	Building bool `json:"building"`
}

// FoundMessage is a message that a Search has found.
type FoundMessage struct {
	Room    string       `json:"room"`
	Message chat.Message `json:"message"`
	// Highlights are ranges of the text that match, in UTF-16 code units.
	Highlights [][2]int `json:"highlights"`
}

// Search returns messages in rooms that the user may read.
func (s *Session) Search(ctx context.Context, q Search) (f Found, err error) {
	query := url.Values{"q": {q.Query}}
	for name, value := range map[string]string{"room": q.Room, "sort": q.Sort, "tz": q.Zone, "cursor": q.Cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	err = s.call(ctx, http.MethodGet, "/v1/search?"+query.Encode(), nil, &f)
	return f, err
}

// Presence returns who is online in a room over the whole cluster: the first people, or those with
// whom another answer goes on, whose Next is given.
func (s *Session) Presence(ctx context.Context, room, next string) (o Online, err error) {
	path := roomPath(room, "presence")
	if next != "" {
		path += "?after=" + url.QueryEscape(next)
	}
	err = s.call(ctx, http.MethodGet, path, nil, &o)
	return o, err
}

func roomPath(room, rest string) string {
	path := "/v1/rooms/" + url.PathEscape(room)
	if rest != "" {
		path += "/" + rest
	}
	return path
}

// call makes a request as the user, once more with a new token if the server refuses the old one as
// expired.
func (s *Session) call(ctx context.Context, method, path string, body, reply any) error {
	for again := true; ; again = false {
		token, err := s.Token(ctx)
		if err != nil {
			return err
		}
		err = s.api.call(ctx, method, path, token, body, reply)
		if !again || chat.CodeOf(err) != chat.CodeTokenExpired {
			return err
		}
		s.Expire(token)
	}
}
