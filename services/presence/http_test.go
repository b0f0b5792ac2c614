package presence

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// reply is an answer of any route: a Who, a User or a problem.
type reply struct {
	status     int
	Count      int                  `json:"count"`
	Users      []presenceapi.Person `json:"users"`
	Next       string               `json:"next"`
	Going      []presenceapi.Person `json:"going"`
	GoingMS    int64                `json:"going_ms"`
	Status     json.RawMessage      `json:"status"` // a user's, or the HTTP status of a problem
	Devices    []presenceapi.Device `json:"devices"`
	LastSeen   int64                `json:"last_seen"`
	Code       string               `json:"code"`
	RetryAfter int                  `json:"retry_after_ms"`
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		verifier := auth.NewVerifier(func(context.Context) ([]byte, error) {
			return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: public}})
		})
		metrics := prometheus.NewRegistry()
		cfg := quick()
		cfg.Flap = time.Minute
		s, _ := startService(t, srv.open(t), cfg, metrics, verifier)
		described := describe(t, s.Handler())
		get := func(user, path string) reply {
			t.Helper()
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if user != "" {
				now := time.Now()
				token, err := auth.Sign(private, "k", auth.Claims{User: user, Name: user, Session: "s", Issued: now, Expires: now.Add(time.Minute)})
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			described.check(t, r, w)
			out := reply{status: w.Code}
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
				t.Fatalf("%s: %v: %s", path, err, w.Body)
			}
			return out
		}
		if r := get("ann", "/v1/rooms/lobby/presence"); r.status != http.StatusServiceUnavailable || r.Code != chat.CodeUnavailable || r.RetryAfter == 0 {
			t.Errorf("before it knows: %+v", r)
		}

		e := startEdge(t, srv.open(t), "edge")
		e.enter("ann", presenceapi.Online, "lobby")
		e.enter("bob", presenceapi.DND, "lobby")
		e.enter("cyd", presenceapi.Invisible, "lobby")
		e.enter("dan", presenceapi.Online, "secret")
		ready(t, s)
		agree(t, "entered", []string{"lobby", "secret"}, []*Service{s}, e)

		if r := get("ann", "/v1/rooms/lobby/presence"); r.status != http.StatusOK || r.Count != 2 || len(r.Users) != 2 || r.Users[1].Status != presenceapi.DND {
			t.Errorf("room: %+v", r)
		}
		w := watch(t, srv, "lobby")
		eve := e.enter("eve", presenceapi.Online, "lobby")
		eventually(t, "eve is told of", func() error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.people["eve"] != presenceapi.Online {
				return errors.New("not yet")
			}
			return nil
		})
		e.exit(eve)
		eventually(t, "eve has left, untold", func() error {
			if r := get("ann", "/v1/rooms/lobby/presence"); len(r.Going) != 1 || r.Going[0].User != "eve" || r.GoingMS == 0 || r.Count != 2 {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
		first := get("ann", "/v1/rooms/lobby/presence?limit=1")
		if len(first.Users) != 1 || first.Next == "" {
			t.Errorf("first page: %+v", first)
		}
		if r := get("ann", "/v1/rooms/lobby/presence?limit=1&after="+first.Next); len(r.Users) != 1 || r.Users[0].User != "bob" || r.Next != "" {
			t.Errorf("second page: %+v", r)
		}
		for path, want := range map[string]string{
			"/v1/rooms/lobby/presence?after=!": chat.CodeBadRequest,
			"/v1/rooms/secret/presence":        chat.CodeForbidden,
			"/v1/rooms/lobby/no-such":          chat.CodeNotFound,
		} {
			if r := get("ann", path); r.Code != want || r.status < 400 || r.status >= 500 {
				t.Errorf("%s: %+v, want %s", path, r, want)
			}
		}
		bad := described.refused()
		if len(bad) < 8 {
			t.Errorf("the description has few limits: %v", bad)
		}
		for _, path := range bad {
			if r := get("ann", path); r.Code != chat.CodeBadRequest || r.status < 400 || r.status >= 500 {
				t.Errorf("%.80s: %+v", path, r)
			}
		}
		for _, path := range []string{"/v1/rooms/lobby/presence", "/v1/users/bob/presence"} {
			if r := get("", path); r.status != http.StatusUnauthorized || r.Code != chat.CodeUnauthorized {
				t.Errorf("%s without a token: %+v", path, r)
			}
			if r := get("gone", path); r.status != http.StatusUnauthorized || r.Code != chat.CodeUnauthorized {
				t.Errorf("%s with the token of a log-in that has ended: %+v", path, r)
			}
		}
		// The directory knows when everybody was last seen; while it is not there, there is an
		// answer without.
		eventually(t, "an answer without a directory", func() error {
			if r := get("ann", "/v1/users/nobody/presence"); r.status != http.StatusOK || r.LastSeen != 0 {
				return fmt.Errorf("%+v", r)
			}
			return nil
		})
		const lastSeen = 1_700_000_000_000
		directory, err := api.Handle(t.Context(), srv.open(t), directoryapi.ServiceSeen, nil,
			func(_ context.Context, r directoryapi.SeenRequest) (directoryapi.Seen, error) {
				if r.Asker == "" {
					return directoryapi.Seen{User: r.User}, nil // it has to be told who asks
				}
				return directoryapi.Seen{User: r.User, At: lastSeen}, nil
			})
		if err != nil {
			t.Fatal(err)
		}
		defer directory.Stop()
		if r := get("ann", "/v1/users/bob/presence"); len(r.Devices) != 1 || r.Devices[0].Kind != "web" || r.Devices[0].Since == 0 {
			t.Errorf("devices: %+v", r)
		}
		for _, c := range []struct{ asker, user, want, why string }{
			{"ann", "bob", "dnd", "they share a room"},
			{"ann", "cyd", "offline", "invisible"},
			{"cyd", "cyd", "invisible", "everybody sees themself"},
			{"ann", "dan", "offline", "online where ann may not look: told like somebody who is offline"},
			{"insider", "dan", "online", "may look into dan's room, and is not online"},
			{"stranger", "bob", "dnd", "may read the lobby"},
			{"ann", "nobody", "offline", "no such user, which nobody is told"},
		} {
			r := get(c.asker, "/v1/users/"+c.user+"/presence")
			if r.status != http.StatusOK || string(r.Status) != `"`+c.want+`"` || (c.want == "offline") != (r.Devices == nil) || (c.want == "offline") != (r.LastSeen == lastSeen) {
				t.Errorf("%s asks for %s, %s: %+v", c.asker, c.user, c.why, r)
			}
		}
		if n := count(t, metrics, "hubbub_presence_hidden_total"); n != 2 {
			t.Errorf("%d questions were counted as not to be answered", n)
		}
		described.complete(t)
	})
}

// TestHiddenIsLoggedOnce: who asks for what they may not see is counted each time, and logged once
// a minute.
func TestHiddenIsLoggedOnce(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.DebugLevel)
	metrics := prometheus.NewRegistry()
	h := newHidden(zap.New(core), metrics)
	for range 100 {
		h.note("room")
		h.note("user")
	}
	h.logged["room"] = time.Now().Add(-time.Minute)
	h.note("room")
	if n := count(t, metrics, "hubbub_presence_hidden_total"); n != 201 || logs.Len() != 3 {
		t.Errorf("%d are counted and %d logged, want 201 and 3", n, logs.Len())
	}
}
