package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// directory answers as the services do. It records what it is asked.
type directory struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string // method, path with query, token, body
	grants   int
	life     time.Duration // of the tokens that it gives
	away     bool          // refreshes get no answer
	attempts []string      // that refreshes said
	ahead    time.Duration // of its clock; it then says how long they live, too
	expired  map[string]bool
	lasting  bool // a refresh brings no new secret: the one that there is stays good
}

func newDirectory(t *testing.T) *directory {
	d := &directory{life: time.Hour, expired: map[string]bool{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var body any
	if r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	// Attempts are random: they are kept apart.
	if fields, ok := body.(map[string]any); ok && fields["attempt"] != nil {
		d.attempts = append(d.attempts, fmt.Sprint(fields["attempt"]))
		delete(fields, "attempt")
	}
	// And so are ids of edits.
	if fields, ok := body.(map[string]any); ok && r.Method == http.MethodPatch && fields["msg_id"] != nil {
		delete(fields, "msg_id")
	}
	b, _ := json.Marshal(body)
	token := r.Header.Get("Authorization")
	d.asked = append(d.asked, fmt.Sprintf("%s %s [%s] %s", r.Method, r.URL.RequestURI(), token, b))
	switch path := r.URL.Path; {
	case path == "/v1/refresh" && d.away:
		w.WriteHeader(http.StatusBadGateway)
	case path == "/v1/register", path == "/v1/login", path == "/v1/guest", path == "/v1/refresh":
		d.grants++
		in := ""
		if d.ahead != 0 {
			in = fmt.Sprintf(`"expires_in":%d,`, d.life/time.Second)
		}
		secret := fmt.Sprint("r", d.grants)
		if d.lasting && path == "/v1/refresh" {
			secret = ""
		}
		fmt.Fprintf(w, `{"token":"t%d","expires_at":%d,%s"refresh_token":%q,"user":{"id":"u1","name":"ada","guest":true}}`,
			d.grants, time.Now().Add(d.ahead+d.life).UnixMilli(), in, secret)
	case d.expired[token]:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"title":"Unauthorized","status":401,"detail":"the token has expired","code":"token_expired"}`)
	case path == "/v1/rooms/busy/join":
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"title":"Service Unavailable","status":503,"detail":"later","code":"unavailable","retry_after_ms":1500}`)
	case path == "/v1/rooms/proxy/join":
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, `<html>nginx</html>`)
	case strings.HasPrefix(path, "/v1/rooms/room1/messages"):
		fmt.Fprint(w, `{"room":"room1","id":"m1","user":"u1","seq":9,"ts":1}`)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case path == "/v1/me":
		fmt.Fprint(w, `{"id":"u1","name":"ada"}`)
	case path == "/v1/rooms" && r.Method == http.MethodGet:
		fmt.Fprint(w, `{"rooms":[{"id":"lobby","name":"Lobby","role":"member"}]}`)
	case path == "/v1/rooms", path == "/v1/rooms/room1", path == "/v1/direct":
		fmt.Fprint(w, `{"id":"room1","name":"Room","topic":"T","private":true,"direct":true,"role":"owner"}`)
	case path == "/v1/users":
		fmt.Fprint(w, `{"users":[{"id":"u2","name":"bob"}]}`)
	case path == "/v1/rooms/lobby/messages":
		fmt.Fprint(w, `{"messages":[{"type":"msg","seq":7,"room":"lobby","id":"m","ts":1,"text":"x","pinned":true}],"more":true}`)
	case path == "/v1/rooms/lobby/threads":
		fmt.Fprint(w, `{"threads":[{"author":"u2","id":"m0","replies":{"count":2,"users":["u1"],"last":8,"last_ts":1}}],"more":true}`)
	case strings.HasPrefix(path, "/v1/rooms/lobby/threads/"):
		fmt.Fprint(w, `{"messages":[],"more":false}`)
	case path == "/v1/rooms/lobby/presence":
		if r.URL.Query().Get("after") == "a" {
			fmt.Fprint(w, `{"count":2,"users":[{"user":"u2","name":"bob","status":"dnd"}]}`)
			return
		}
		fmt.Fprint(w, `{"count":2,"users":[{"user":"u1","name":"ada","status":"idle"}],"next":"a"}`)
	case path == "/v1/rooms/lobby/members" && r.Method == http.MethodGet:
		if r.URL.Query().Get("after") == "u1" {
			fmt.Fprint(w, `{"members":[{"user":"u2","name":"bob","role":"member"}]}`)
			return
		}
		fmt.Fprint(w, `{"members":[{"user":"u1","name":"ada","role":"owner"}],"more":true}`)
	default:
		fmt.Fprint(w, `{}`)
	}
}

// last returns the last requests.
func (d *directory) last(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked[len(d.asked)-n:])
}

func TestAPIRoutes(t *testing.T) {
	d := newDirectory(t)
	ctx := soon(t)
	api := client.NewAPI(d.URL+"/", nil)
	s, err := api.Login(ctx, "ada", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if u := s.User(); u != (client.User{ID: "u1", Name: "ada", Guest: true}) {
		t.Errorf("the user is %+v", u)
	}
	for _, tt := range []struct {
		call func() (any, error)
		ask  string
		want string // JSON of the answer
	}{
		{func() (any, error) { s, err := api.Register(ctx, "ada", "secret"); return s.User().ID, err },
			`POST /v1/register [] {"name":"ada","password":"secret"}`, `"u1"`},
		{func() (any, error) { s, err := api.Guest(ctx, "ada"); return s.User().Guest, err }, `POST /v1/guest [] {"name":"ada"}`, `true`},
		{func() (any, error) { s, err := api.Resume(ctx, "kept"); return s.User().ID, err },
			`POST /v1/refresh [] {"refresh_token":"kept"}`, `"u1"`},
		{func() (any, error) { return s.Me(ctx) }, `GET /v1/me [Bearer t1] null`, `{"id":"u1","name":"ada","guest":false}`},
		{func() (any, error) { return s.Rooms(ctx) }, `GET /v1/rooms [Bearer t1] null`,
			`[{"id":"lobby","name":"Lobby","topic":"","private":false,"direct":false,"role":"member"}]`},
		{func() (any, error) { r, err := s.Room(ctx, "room1"); return r.Name, err }, `GET /v1/rooms/room1 [Bearer t1] null`, `"Room"`},
		{func() (any, error) { r, err := s.DescribeRoom(ctx, "room1", "N", "T"); return r.Role, err },
			`PATCH /v1/rooms/room1 [Bearer t1] {"name":"N","topic":"T"}`, `"owner"`},
		{func() (any, error) { return nil, s.SetRole(ctx, "room1", "u2", "moderator") },
			`POST /v1/rooms/room1/members [Bearer t1] {"role":"moderator","user":"u2"}`, `null`},
		{func() (any, error) { return s.CreateRoom(ctx, "Room", "T", true) },
			`POST /v1/rooms [Bearer t1] {"name":"Room","private":true,"topic":"T"}`,
			`{"id":"room1","name":"Room","topic":"T","private":true,"direct":true,"role":"owner"}`},
		{func() (any, error) { return nil, s.JoinRoom(ctx, "a/b") }, `POST /v1/rooms/a%2Fb/join [Bearer t1] {}`, `null`},
		{func() (any, error) { return nil, s.LeaveRoom(ctx, "lobby") }, `POST /v1/rooms/lobby/leave [Bearer t1] {}`, `null`},
		{func() (any, error) { return s.Members(ctx, "lobby") }, `GET /v1/rooms/lobby/members?after=u1 [Bearer t1] null`,
			`[{"user":"u1","name":"ada","role":"owner"},{"user":"u2","name":"bob","role":"member"}]`},
		{func() (any, error) { return nil, s.AddMember(ctx, "lobby", "u2") }, `POST /v1/rooms/lobby/members [Bearer t1] {"user":"u2"}`, `null`},
		{func() (any, error) { return nil, s.AcceptInvitation(ctx, "r/1") }, `POST /v1/invitations/r%2F1/accept [Bearer t1] {}`, `null`},
		{func() (any, error) { return nil, s.AcceptRequest(ctx, "d-1") }, `POST /v1/requests/d-1/accept [Bearer t1] {}`, `null`},
		{func() (any, error) { return nil, s.RemoveMember(ctx, "lobby", "u2") }, `DELETE /v1/rooms/lobby/members/u2 [Bearer t1] null`, `null`},
		{func() (any, error) { r, err := s.Direct(ctx, "u2"); return r.ID, err }, `POST /v1/direct [Bearer t1] {"user":"u2"}`, `"room1"`},
		{func() (any, error) { return s.Users(ctx, "b b") }, `GET /v1/users?q=b+b [Bearer t1] null`, `[{"id":"u2","name":"bob","guest":false}]`},
		{func() (any, error) { return s.Messages(ctx, "lobby", client.Query{Before: 9, Limit: 5}) },
			`GET /v1/rooms/lobby/messages?before=9&limit=5 [Bearer t1] null`,
			`{"messages":[{"type":"msg","seq":7,"room":"lobby","id":"m","ts":1,"text":"x","pinned":true}],"more":true}`},
		{func() (any, error) { p, err := s.Messages(ctx, "lobby", client.Query{}); return p.More, err },
			`GET /v1/rooms/lobby/messages [Bearer t1] null`, `true`},
		{func() (any, error) {
			p, err := s.Messages(ctx, "lobby", client.Query{Oldest: true, Limit: 2})
			return p.More, err
		}, `GET /v1/rooms/lobby/messages?after=0&limit=2 [Bearer t1] null`, `true`},
		{func() (any, error) { return s.Presence(ctx, "lobby", "") },
			`GET /v1/rooms/lobby/presence [Bearer t1] null`, `{"count":2,"users":[{"user":"u1","name":"ada","status":"idle"}],"next":"a"}`},
		{func() (any, error) { o, err := s.Presence(ctx, "lobby", "a"); return o.Next, err },
			`GET /v1/rooms/lobby/presence?after=a [Bearer t1] null`, `""`},
		{func() (any, error) {
			return s.Post(ctx, "room1", client.Post{ID: "m1", Text: "hi", ReplyTo: client.Name{User: "u2", ID: "m0"}})
		}, `POST /v1/rooms/room1/messages [Bearer t1] {"msg_id":"m1","reply_author":"u2","reply_to":"m0","text":"hi"}`,
			`{"room":"room1","id":"m1","user":"u1","seq":9,"ts":1}`},
		{func() (any, error) {
			return s.Post(ctx, "room1", client.Post{ID: "m1", Text: "hi", Thread: client.Name{User: "u2", ID: "m0"}, Broadcast: true})
		}, `POST /v1/rooms/room1/messages [Bearer t1] {"broadcast":true,"msg_id":"m1","text":"hi","thread":{"author":"u2","id":"m0"}}`, `{"room":"room1","id":"m1","user":"u1","seq":9,"ts":1}`},
		{func() (any, error) {
			return s.Messages(ctx, "lobby", client.Query{Thread: client.Name{User: "u2", ID: "m0"}, After: 3})
		}, `GET /v1/rooms/lobby/threads/u2/m0?after=3 [Bearer t1] null`, `{"messages":[],"more":false}`},
		{func() (any, error) { return listed(s.Threads(ctx, "lobby", 9)) },
			`GET /v1/rooms/lobby/threads?before=9 [Bearer t1] null`, `[[{"author":"u2","id":"m0","root":null,"replies":{"count":2,"users":["u1"],"last":8,"last_ts":1}}],true]`},
		{func() (any, error) { return s.Post(ctx, "room1", client.Post{ID: "m1", Text: "hi", First: true}) },
			`POST /v1/rooms/room1/messages [Bearer t1] {"msg_id":"m1","retry":false,"text":"hi"}`, `{"room":"room1","id":"m1","user":"u1","seq":9,"ts":1}`},
		{func() (any, error) { p, err := s.Post(ctx, "room1", client.Post{Text: "hi"}); return p.Seq, err },
			`POST /v1/rooms/room1/messages [Bearer t1] {"text":"hi"}`, `9`},
		{func() (any, error) { return s.EditMessage(ctx, "room1", "m1", "ho") }, `PATCH /v1/rooms/room1/messages/u1/m1 [Bearer t1] {"text":"ho"}`, `9`},
		{func() (any, error) {
			return s.ReactToMessage(ctx, "room1", client.Name{User: "u2", ID: "m/2"}, "👍", true)
		},
			`PUT /v1/rooms/room1/messages/u2/m%2F2/reactions/%F0%9F%91%8D [Bearer t1] null`, `9`},
		{func() (any, error) { return s.PinMessage(ctx, "room1", client.Name{User: "u2", ID: "m2"}, false) },
			`DELETE /v1/rooms/room1/messages/u2/m2/pin [Bearer t1] null`, `9`},
		{func() (any, error) { return s.DeleteMessage(ctx, "room1", client.Name{User: "u2", ID: "m2"}) },
			`DELETE /v1/rooms/room1/messages/u2/m2 [Bearer t1] null`, `9`},
		{func() (any, error) { return nil, s.Logout(ctx) }, `POST /v1/logout [Bearer t1] {}`, `null`},
	} {
		got, err := tt.call()
		if err != nil {
			t.Errorf("%s: %v", tt.ask, err)
		}
		if b, _ := json.Marshal(got); string(b) != tt.want {
			t.Errorf("%s answered\n%s, want\n%s", tt.ask, b, tt.want)
		}
		if ask := d.last(1)[0]; ask != tt.ask {
			t.Errorf("asked\n%s, want\n%s", ask, tt.ask)
		}
	}
}

func TestAPIErrors(t *testing.T) {
	d := newDirectory(t)
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	err = s.JoinRoom(soon(t), "busy")
	if e, ok := errors.AsType[*chat.Error](err); !ok || *e != (chat.Error{Code: chat.CodeUnavailable, Message: "later", RetryAfter: 1500 * time.Millisecond}) {
		t.Errorf("a problem: %v", err)
	}
	err = s.JoinRoom(soon(t), "proxy")
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != chat.CodeUnavailable || e.Message != "the server answered with status 502 Bad Gateway" {
		t.Errorf("an answer of a proxy's: %v", err)
	}
	for status, code := range map[int]string{
		400: chat.CodeBadRequest, 401: chat.CodeUnauthorized, 403: chat.CodeForbidden, 404: chat.CodeNotFound, 409: chat.CodeConflict,
		413: chat.CodeTooLarge, 418: chat.CodeBadRequest, 429: chat.CodeRateLimited, 500: chat.CodeUnavailable, 504: chat.CodeUnavailable,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if _, err := client.NewAPI(srv.URL, nil).Guest(soon(t), "ada"); chat.CodeOf(err) != code {
			t.Errorf("status %d: %v, want %s", status, err, code)
		}
		srv.Close()
	}
	d.Close()
	if _, err := s.Me(soon(t)); err == nil || chat.CodeOf(err) != chat.CodeInternal {
		t.Errorf("no server: %v", err) // no code: there was no answer
	}
}
