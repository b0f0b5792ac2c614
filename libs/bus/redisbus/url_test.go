package redisbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/driver"
)

// TestURL: what the URL of a bus names, and what is refused.
func TestURL(t *testing.T) {
	t.Parallel()
	named := &tls.Config{ServerName: "bus.example.org"}
	for _, tt := range []struct {
		url string
		tls *tls.Config
		// the servers, the master, the user's login and that of Sentinels, the database, the name
		// in certificates; empty: it is refused
		want string
	}{
		{"redis://a", nil, "[a:6379]  : - 0 "},
		{"redis://ann:se%40same@a:7000/3", nil, "[a:7000]  ann:se@same - 3 "},
		{"redis://:p@q@[::1]:7000", nil, "[[::1]:7000]  :p@q - 0 "},
		{"redis://:p%40q@[::1]:7000/0", nil, "[[::1]:7000]  :p@q - 0 "},
		{"redis://a,b", nil, ""},
		{"redis://a:0", nil, ""},
		{"redis://a:65536", nil, ""},
		{"redis://", nil, ""},
		{"http://a", nil, ""},
		{"a:6379", nil, ""},
		{"rediss://a", nil, "[a:6379]  : - 0 a"},
		{"rediss://a", &tls.Config{}, "[a:6379]  : - 0 a"},
		{"rediss://a", named, "[a:6379]  : - 0 bus.example.org"},
		{"redis+cluster://a,b:7000", nil, "[a:6379 b:7000]  : - 0 "},
		{"redis+cluster://a/", nil, "[a:6379]  : - 0 "},
		{"redis+cluster://a/0", nil, "[a:6379]  : - 0 "},
		{"redis+cluster://a/1", nil, ""},
		{"redis+cluster://a?db=0", nil, ""},
		{"rediss+cluster://a,b", nil, "[a:6379 b:6379]  : - 0 "},
		{"rediss+cluster://a,b", &tls.Config{}, "[a:6379 b:6379]  : - 0 "},
		{"rediss+cluster://a,b", named, "[a:6379 b:6379]  : - 0 bus.example.org"},
		{"redis+sentinel://a,b:7000/main", nil, "[a:26379 b:7000] main : : 0 "},
		{"redis+sentinel://ann:p@a/main", nil, "[a:26379] main ann:p : 0 "},
		{"redis+sentinel://ann:p@a/main?sentinel_username=s&sentinel_password=q&db=3", nil, "[a:26379] main ann:p s:q 3 "},
		{"redis+sentinel://a", nil, ""},
		{"redis+sentinel://a/x/y", nil, ""},
		{"redis+sentinel://a/main?db=-1", nil, ""},
		{"redis+sentinel://a/main?db=x", nil, ""},
		{"redis+sentinel://a/main?what=x", nil, ""},
	} {
		e, err := parseURL(Config{URL: tt.url, TLS: tt.tls})
		if err != nil {
			if tt.want != "" || !errors.Is(err, ErrURL) {
				t.Errorf("%s: %v", tt.url, err)
			}
			continue
		}
		sentinel, name := "-", ""
		if s := e.sentinel; s != nil {
			sentinel = s.Username + ":" + s.Password
		}
		if c := e.options.TLSConfig; c != nil {
			if name = c.ServerName; c.MinVersion < tls.VersionTLS12 {
				t.Errorf("%s: TLS from version %x on", tt.url, c.MinVersion)
			}
		}
		if got := fmt.Sprintf("%v %s %s:%s %s %d %s", e.seeds, e.master, e.options.Username, e.options.Password, sentinel, e.options.DB, name); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.url, got, tt.want)
		}
		if checks := e.options.OnConnect != nil; checks != (e.kind == withSentinels) || e.options.MaxRetries != -1 {
			t.Errorf("%s: it looks for masters: %t, and tries %d times more", tt.url, checks, e.options.MaxRetries)
		}
	}
}

// TestUndelivered: a request is made again only if it cannot have reached a server.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		{&net.OpError{Op: "read", Err: errors.New("connection reset")}, false},
		{&net.OpError{Op: "write", Err: errors.New("broken pipe")}, false},
		{fmt.Errorf("request: %w", redis.ErrPoolTimeout), true},
		{redis.ErrClosed, true},
		{errNotMaster, true},
		{io.EOF, false},
		{context.DeadlineExceeded, false},
	} {
		if got := undelivered(tt.err); got != tt.want {
			t.Errorf("%v: %t, want %t", tt.err, got, tt.want)
		}
	}
}

// TestServiceIsLeft: of a service that is no longer served nothing is left, and nothing announces
// it again.
func TestServiceIsLeft(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d, ctx := b.Driver, t.Context()
	stop, err := d.Serve(ctx, "service", func(driver.Call) {})
	if err != nil {
		t.Fatal(err)
	}
	list := func() []string { return d.at(d.keys.partition("service")).SMembers(ctx, d.keys.serve("service")).Val() }
	if len(list()) != 1 {
		t.Errorf("the list has %v", list())
	}
	stop()
	d.calls.mu.Lock()
	left := len(d.calls.servers)
	d.calls.mu.Unlock()
	if left > 0 || len(list()) > 0 {
		t.Errorf("%d are announced again, and the list has %v", left, list())
	}
}

// TestConfiguredGroupIsKept: whoever is configured with a required group keeps what that has not
// consumed, also after an operator has retired it.
func TestConfiguredGroupIsKept(t *testing.T) {
	t.Parallel()
	url := bustest.Redis(t).URL()
	cfg := Config{URL: url, Partitions: 1, TrimEvery: time.Hour, MaxBytes: 4000, Groups: []string{"slow"}}
	b := openBoth(t, cfg, nil)
	for i := range 10 {
		if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprint(i), Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Retire(t.Context(), "slow"); err != nil {
		t.Fatal(err)
	}
	left := func(b opened) int {
		t.Helper()
		if err := b.Driver.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		rep, err := b.Replay(t.Context(), "room", bus.Position{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(rep.Entries)
	}
	if n := left(b); n != 10 {
		t.Errorf("%d entries are left of 10", n)
	}
	cfg.Groups = nil
	if n := left(openBoth(t, cfg, nil)); n == 0 || n >= 10 {
		t.Errorf("for others %d entries are left", n)
	}
}
