package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// TestSessionRenews: many callers find the token at its end: one renews it, once.
func TestSessionRenews(t *testing.T) {
	d := newDirectory(t)
	d.life = time.Nanosecond
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.life = time.Hour
	d.mu.Unlock()
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if token, err := s.Token(soon(t)); err != nil || token != "t2" {
				t.Errorf("token %s, %v", token, err)
			}
		})
	}
	wait.Wait()
	if got := d.last(1)[0]; got != `POST /v1/refresh [] {"refresh_token":"r1"}` || d.grants != 2 {
		t.Errorf("%d grants; asked %s", d.grants, got)
	}

	// The server's clock is ahead of ours.
	d.mu.Lock()
	d.expired["Bearer t2"] = true
	d.mu.Unlock()
	if _, err := s.Me(soon(t)); err != nil {
		t.Error(err)
	}
	if got := d.last(3); got[1] != `POST /v1/refresh [] {"refresh_token":"r2"}` || got[2] != `GET /v1/me [Bearer t3] null` {
		t.Errorf("asked %q", got)
	}

	// Whoever still has the token of before does not make the session renew the one of now.
	s.Expire("t2")
	if token, err := s.Token(soon(t)); err != nil || token != "t3" {
		t.Errorf("token %s, %v", token, err)
	}
	if err := s.Refresh(soon(t)); err != nil || s.Grant().Token != "t4" {
		t.Errorf("%+v, %v", s.Grant(), err)
	}

	// Expired again and again: it is asked twice and no more.
	d.mu.Lock()
	for i := range 10 {
		d.expired[fmt.Sprint("Bearer t", i)] = true
	}
	d.mu.Unlock()
	if _, err := s.Me(soon(t)); chat.CodeOf(err) != chat.CodeTokenExpired {
		t.Errorf("%v", err)
	}
}

// TestSessionKeepsItsSecret: where a refresh brings no new secret, the old one is used again, as
// often as it takes.
func TestSessionKeepsItsSecret(t *testing.T) {
	d := newDirectory(t)
	d.lasting = true
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Refresh(soon(t)); err != nil {
			t.Fatal(err)
		}
		if got := d.last(1)[0]; got != `POST /v1/refresh [] {"refresh_token":"r1"}` || s.Grant().Refresh != "r1" {
			t.Errorf("asked %s, and holds %+v", got, s.Grant())
		}
	}
}

// TestSessionAsksAgain: whoever has had no answer says the same attempt again, and another for the
// next token.
func TestSessionAsksAgain(t *testing.T) {
	d := newDirectory(t)
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, away := range []bool{true, true, false, false} {
		d.mu.Lock()
		d.away = away
		d.mu.Unlock()
		if err := s.Refresh(soon(t)); (err != nil) != away {
			t.Fatal(err)
		}
	}
	if a := d.attempts; len(a) != 4 || len(a[0]) < 16 || a[0] != a[1] || a[0] != a[2] || a[0] == a[3] {
		t.Errorf("attempts were %q", a)
	}
}

// TestSessionWithWrongClock: the server's clock is two hours behind: a token lives as long as
// the server says.
func TestSessionWithWrongClock(t *testing.T) {
	d := newDirectory(t)
	d.ahead = -2 * time.Hour
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if token, err := s.Token(soon(t)); err != nil || token != "t1" {
		t.Errorf("token %s, %v", token, err)
	}
}

// TestSessionForClient: a Client lives on a Session.
func TestSessionForClient(t *testing.T) {
	d, srv := newDirectory(t), newServer(t)
	s, err := client.NewAPI(d.URL, nil).Guest(soon(t), "ada")
	if err != nil {
		t.Fatal(err)
	}
	cfg := quick(srv, "")
	cfg.Token, cfg.TokenExpired = s.Token, s.Expire
	ann := dial(t, cfg)
	if w := ann.Welcome(); w.User != "t1" { // the server of these tests calls people by their token
		t.Errorf("welcomed as %s", w.User)
	}
	ctx, cancel := context.WithCancel(soon(t))
	cancel()
	if _, err := s.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestSessionWithoutRefresh has a session of an access token alone: it is used until the server
// does not take it any more.
func TestSessionWithoutRefresh(t *testing.T) {
	d := newDirectory(t)
	s := client.NewAPI(d.URL, nil).Session(client.Grant{Token: "given"})
	if u, err := s.Me(soon(t)); err != nil || u.ID != "u1" {
		t.Errorf("%+v, %v", u, err)
	}
	d.mu.Lock()
	d.expired["Bearer given"] = true
	d.mu.Unlock()
	if _, err := s.Me(soon(t)); chat.CodeOf(err) != chat.CodeTokenExpired {
		t.Errorf("%v", err)
	}
	if _, err := s.Token(soon(t)); chat.CodeOf(err) != chat.CodeTokenExpired {
		t.Errorf("%v", err)
	}
	if got := d.last(1)[0]; d.grants != 0 || got != `GET /v1/me [Bearer given] null` {
		t.Errorf("%d grants; asked %s", d.grants, got)
	}
}
