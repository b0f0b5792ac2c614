package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/services/directory/mail/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const from = "Chat <chat@example.org>"

// TestSend sends letters to a mail server that wants TLS and a password, and to one that wants
// neither.
func TestSend(t *testing.T) {
	guarded, open := smtptest.Start(t, "chat", "s3cret/%"), smtptest.Start(t, "", "")
	for _, tt := range []struct {
		name, url string
		sink      *smtptest.Sink
		user      string
		fails     bool
	}{
		{"STARTTLS", "smtp://chat:s3cret%2F%25@" + guarded.Addr, guarded, "chat", false},
		{"a wrong password", "smtp://chat:other@" + guarded.Addr, guarded, "", true},
		{"without encryption", "smtp+plain://" + open.Addr, open, "", false},
		{"TLS that the server does not speak at once", "smtps://" + open.Addr, open, "", true},
	} {
		s, err := newServer(tt.url, from, tt.sink.Trust)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), Letter{To: "Ann@example.net", Subject: "Grüße", Text: "Hello Ann,\n\n.\nhttps://chat.example/#/x\n"})
		if (err != nil) != tt.fails {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if tt.fails {
			continue
		}
		m := tt.sink.Next(t)
		if m.From != "chat@example.org" || m.To != "Ann@example.net" || m.User != tt.user || m.TLS != (tt.user != "") ||
			!strings.Contains(m.Text, "https://chat.example/#/x") || !strings.Contains(m.Text, "Auto-Submitted: auto-generated") || !strings.Contains(m.Text, "\r\n\r\nHello Ann,") {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
	// Whoever is not trusted gets no password.
	s, err := NewServer("smtp://chat:s3cret%2F%25@"+guarded.Addr, from)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), Letter{To: "ann@example.net"}); err == nil {
		t.Error("a certificate of nobody's is taken")
	}
	s, err = NewServer("smtp+plain://"+open.Addr, from)
	if err != nil {
		t.Fatal(err)
	}
	for code, refused := range map[int]bool{450: false, 550: true} {
		open.Refuse(code)
		if err := s.Send(t.Context(), Letter{To: "ann@example.net"}); err == nil || errors.Is(err, ErrRefused) != refused {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestServers(t *testing.T) {
	for _, bad := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://h/x", "smtp://h?tls=none", "smtp://h:0", "smtp://h:99999", "smtp://a:b c@h"} {
		if _, err := NewServer(bad, from); err == nil || strings.Contains(err.Error(), "b c") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "chat", "a@b, c@d"} {
		if _, err := NewServer("smtp://h", bad); err == nil {
			t.Errorf("from %q", bad)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{"ann@example.org", "Ann.B+x@mail.example.org", "анна@example.org"} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "ann", "ann@", "@x", "Ann <ann@example.org>", "a@b,c@d", "a@b\r\nBcc: c@d", "a b@c", `"a b"@c`, " a@b", "a@b ", strings.Repeat("a", 250) + "@b.example"} {
		if CheckAddress(bad) == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

// TestQueue: a mail server is away, refuses, and comes back.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		away := true
		var sent, outcomes []string
		become := func() string {
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprint(sent, outcomes)
		}
		send := func(_ context.Context, l Letter) error {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case l.To == "nobody":
				return fmt.Errorf("%w: no such user", ErrRefused)
			case away:
				return errors.New("connection refused")
			}
			sent = append(sent, l.To)
			return nil
		}
		q := NewQueue(send, zap.NewNop(), func(outcome string) {
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, outcome)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- q.Run(ctx) }()
		written := 0
		letter := func(to string, life time.Duration) Job {
			until := time.Now().Add(life)
			return Job{Until: until, Write: func(context.Context) ([]Letter, error) {
				if written++; to == "bob" && written < 10 {
					return nil, errors.New("the store is away")
				}
				return []Letter{{To: to, Until: until}}, nil
			}}
		}
		for _, j := range []Job{letter("ann", time.Hour), letter("nobody", time.Hour), letter("late", time.Minute), letter("bob", time.Hour)} {
			if !q.Add(j) {
				t.Fatal("the queue is full")
			}
		}
		time.Sleep(10 * time.Minute)
		if got := become(); got != "[] [refused late]" {
			t.Errorf("while the server is away: %s", got)
		}
		mu.Lock()
		away = false
		mu.Unlock()
		time.Sleep(longWait + time.Second)
		if got := become(); got != "[ann bob] [refused late sent sent]" && got != "[bob ann] [refused late sent sent]" {
			t.Errorf("when it is back: %s", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestQueueIsBounded fills the queue while a letter is being sent.
func TestQueueIsBounded(t *testing.T) {
	q := NewQueue(func(ctx context.Context, _ Letter) error { <-ctx.Done(); return ctx.Err() }, zap.NewNop(), func(string) {})
	n := 0
	for q.Add(Job{Write: func(context.Context) ([]Letter, error) { return []Letter{{}}, nil }}) {
		n++
	}
	if n != maxQueued {
		t.Errorf("%d jobs were taken", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- q.Run(ctx) }()
	cancel() // which ends what hangs
	if err := <-done; err != nil {
		t.Error(err)
	}
}
