package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hubbub.internal/libs/client"
)

// TestFollowedThreads are listed, followed, followed no more and read over HTTP.
func TestFollowedThreads(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body)
		if strings.HasPrefix(r.URL.Path, "/v1/threads") {
			fmt.Fprint(w, `{"threads":[{"room":"lobby","author":"u2","id":"m0","read":7,"last":8,"last_ts":1,"unread":1,"first_unread":8,"latest":{"seq":8,"id":"m8","text":"hi"},"replies":{"count":2}}],"next":"x"}`)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	s := client.NewAPI(srv.URL, nil).Session(client.Grant{Token: "t"})
	ctx := soon(t)
	was := func(err error, want string) {
		t.Helper()
		if err != nil || asked != want {
			t.Errorf("asked %q, %v, want %q", asked, err, want)
		}
	}
	root := client.Name{User: "u2", ID: "m0"}
	threads, next, err := s.Followed(ctx, true, "false~1~r~a~b")
	was(err, "GET /v1/threads?cursor=false~1~r~a~b&unread=true ")
	if len(threads) != 1 || threads[0].FirstUnread != 8 || threads[0].Latest.Text != "hi" || threads[0].Root != nil || threads[0].Replies.Count != 2 || next != "x" {
		t.Errorf("%+v, %q", threads, next)
	}
	_, _, err = s.Followed(ctx, false, "")
	was(err, "GET /v1/threads? ")
	was(s.Follow(ctx, "lobby", root, true), "PUT /v1/rooms/lobby/threads/u2/m0/follow ")
	was(s.Follow(ctx, "lobby", root, false), "DELETE /v1/rooms/lobby/threads/u2/m0/follow ")
	was(s.ReadThread(ctx, "lobby", root, 8), `POST /v1/rooms/lobby/threads/u2/m0/read {"seq":8}`)
	was(s.ReadThread(ctx, "lobby", root, 0), `POST /v1/rooms/lobby/threads/u2/m0/read {}`)
}
