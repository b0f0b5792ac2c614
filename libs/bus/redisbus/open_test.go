package redisbus_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// raw returns a plain client of a server.
func raw(t testing.TB, s *bustest.RedisServer) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	plain := bustest.Redis(t)
	withPassword := bustest.Redis(t, "--requirepass", "sesame")
	evicting := bustest.Redis(t, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
	cluster := bustest.Redis(t, "--cluster-enabled", "yes")
	gone := bustest.Redis(t)
	gone.Kill()
	frozen := bustest.Redis(t)
	frozen.Pause()
	if err := raw(t, plain).Set(t.Context(), "theirs:{0}:config", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, plain).HSet(t.Context(), "newer:{0}:config", "version", "99").Err(); err != nil {
		t.Fatal(err)
	}
	open(t, redisbus.Config{URL: plain.URL(), Partitions: 4})

	url := func(s *bustest.RedisServer, login string) string { return "redis://" + login + s.Addr() }
	tests := []struct {
		name string
		cfg  redisbus.Config
		want string
	}{
		{"nobody there", redisbus.Config{URL: gone.URL()}, "cannot be reached"},
		{"no answer", redisbus.Config{URL: frozen.URL()}, "did not answer"},
		{"password missing", redisbus.Config{URL: withPassword.URL()}, "refused the login"},
		{"password wrong", redisbus.Config{URL: url(withPassword, ":hunter2@")}, "refused the login"},
		{"eviction", redisbus.Config{URL: evicting.URL()}, "noeviction"},
		{"cluster", redisbus.Config{URL: cluster.URL()}, "redis+cluster://"},
		{"other partitions", redisbus.Config{URL: plain.URL(), Partitions: 8}, "--bus-partitions=4"},
		{"foreign keys", redisbus.Config{URL: plain.URL(), Prefix: "theirs"}, "that Hubbub did not make"},
		{"newer log", redisbus.Config{URL: plain.URL(), Prefix: "newer"}, "version 99"},
		{"scheme", redisbus.Config{URL: "http://127.0.0.1"}, "does not know the scheme"},
		{"not a URL", redisbus.Config{URL: "redis://:hunter2%zz@127.0.0.1"}, "percent-encoded"},
		{"not a database", redisbus.Config{URL: plain.URL() + "/hunter2"}, "not one of a Redis server"},
		{"prefix", redisbus.Config{URL: plain.URL(), Prefix: "a b"}, "prefix"},
		{"group", redisbus.Config{URL: plain.URL(), Groups: []string{"a b"}}, "required groups"},
		{"partitions", redisbus.Config{URL: plain.URL(), Partitions: -1}, "1 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.OpenTimeout = time.Second
			b, err := redisbus.Open(t.Context(), tt.cfg, nil, nil)
			if err == nil {
				_ = b.Close()
				t.Fatal("it is opened")
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
				t.Errorf("%q does not say %q in a line, or says the password", text, tt.want)
			}
		})
	}
}

func TestOpenWarns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no append-only file", []string{"--appendonly", "no"}, "NOT DURABLE"},
		{"eviction without a limit", []string{"--maxmemory-policy", "allkeys-lru"}, "noeviction"},
		{"as shipped", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			b, err := redisbus.Open(t.Context(), redisbus.Config{URL: bustest.Redis(t, tt.args...).URL()}, zap.New(core), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			var said []string
			for _, l := range logs.All() {
				said = append(said, l.Message)
			}
			if all := strings.Join(said, "\n"); !strings.Contains(all, tt.want) || (tt.want == "") != (all == "") {
				t.Errorf("said %q, want %q", all, tt.want)
			}
		})
	}
}

func TestPasswordAndDatabase(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t, "--requirepass", "open sesame")
	url := "redis://:open%20sesame@" + s.Addr()
	a, b := open(t, redisbus.Config{URL: url}), open(t, redisbus.Config{URL: url + "/3"})
	got := make(chan string, 10)
	for name, b := range map[string]*redisbus.Bus{"a": a, "b": b} {
		if _, err := b.Subscribe(t.Context(), "chan", func(data []byte) { got <- name + string(data) }); err != nil {
			t.Fatal(err)
		}
	}
	// Channels are one name space for all databases of a server; the two buses must not hear each other all the same.
	for _, b := range []*redisbus.Bus{a, b} {
		if err := b.Publish("chan", []byte("1")); err != nil {
			t.Fatal(err)
		}
		if err := b.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if one, two := <-got, <-got; one == two || len(got) > 0 {
		t.Errorf("heard %s, %s and %d more", one, two, len(got))
	}
	if _, err := bus.Append(t.Context(), a, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}); err != nil {
		t.Fatal(err)
	}
	if rep, err := b.Replay(context.Background(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) > 0 {
		t.Errorf("the other database: %+v, %v", rep, err)
	}
}
