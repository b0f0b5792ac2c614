package redisbus_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	sentinels := bustest.Sentinels(t, 0)
	diskFull := bustest.Redis(t)
	breakDisk(t, diskFull)
	replica := bustest.Redis(t, "--replicaof", "127.0.0.1 1")
	protected := inProtectedMode(t)
	crowded := bustest.Redis(t, "--maxclients", "1")
	if err := raw(t, crowded).Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
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
	for _, user := range []string{"nothing -@all ~* &*", "elsewhere +@all ~other:* &*", "silent +@all ~* resetchannels"} {
		args := []any{"ACL", "SETUSER"}
		for i, rule := range strings.Fields(user) {
			args = append(args, rule)
			if i == 0 {
				args = append(args, "on", ">hunter2")
			}
		}
		if err := raw(t, plain).Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	open(t, redisbus.Config{URL: plain.URL(), Partitions: 4})

	url := func(s *bustest.RedisServer, login string) string { return "redis://" + login + s.Addr() }
	tests := []struct {
		name string
		cfg  redisbus.Config
		kind error // nil: none in particular
		want string
	}{
		{"nobody there", redisbus.Config{URL: gone.URL()}, bus.ErrUnavailable, "cannot be reached"},
		{"no such host", redisbus.Config{URL: "redis://nowhere.invalid"}, bus.ErrUnavailable, "cannot be reached"},
		{"no answer", redisbus.Config{URL: frozen.URL()}, bus.ErrUnavailable, "did not answer"},
		{"another protocol", redisbus.Config{URL: "redis://" + talks(t, nil, "HTTP/1.1 400 Bad Request\r\n\r\n")}, bus.ErrUnavailable, "that of Redis"},
		{"Redis 6", redisbus.Config{URL: "redis://" + talks(t, map[string]string{
			"hello": "-ERR unknown command\r\n", "info": "$22\r\nredis_version:6.2.14\r\n\r\n",
		}, "+OK\r\n")}, redisbus.ErrUnsuitable, "needs 7 or later"},
		{"still loading", redisbus.Config{URL: "redis://" + talks(t, map[string]string{
			"hello": "-ERR unknown command\r\n", "role": "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", "info": "$47\r\nredis_version:7.4.0\r\nloading:1\r\naof_enabled:0\r\n\r\n",
		}, "+OK\r\n")}, bus.ErrUnavailable, "still loads"},
		{"password missing", redisbus.Config{URL: withPassword.URL()}, redisbus.ErrLogin, "refused the login"},
		{"password wrong", redisbus.Config{URL: url(withPassword, ":hunter2@")}, redisbus.ErrLogin, "refused the login"},
		{"user unknown", redisbus.Config{URL: url(plain, "ann:hunter2@")}, redisbus.ErrLogin, "refused the login"},
		{"no permission", redisbus.Config{URL: url(plain, "nothing:hunter2@")}, redisbus.ErrPermission, "ACL SETUSER"},
		{"no permission for the keys", redisbus.Config{URL: url(plain, "elsewhere:hunter2@")}, redisbus.ErrPermission, "~hub:*"},
		{"no permission for the channels", redisbus.Config{URL: url(plain, "silent:hunter2@"), Partitions: 4}, redisbus.ErrPermission, "&hub:*"},
		{"protected mode", redisbus.Config{URL: protected}, redisbus.ErrLogin, "is in protected mode"},
		{"too many clients", redisbus.Config{URL: crowded.URL()}, bus.ErrUnavailable, "raise maxclients"},
		{"replica", redisbus.Config{URL: replica.URL()}, redisbus.ErrUnsuitable, "is a replica"},
		{"disk full", redisbus.Config{URL: diskFull.URL(), Prefix: "fresh"}, bus.ErrUnavailable, "free some space"},
		{"eviction", redisbus.Config{URL: evicting.URL()}, redisbus.ErrUnsuitable, "noeviction"},
		{"node of a cluster", redisbus.Config{URL: cluster.URL()}, redisbus.ErrUnsuitable, "redis+cluster://"},
		{"cluster of one server", redisbus.Config{URL: "redis+cluster://" + plain.Addr()}, redisbus.ErrUnsuitable, "no Redis Cluster"},
		{"cluster without slots", redisbus.Config{URL: "redis+cluster://" + cluster.Addr()}, bus.ErrUnavailable, "not whole"},
		{"cluster gone", redisbus.Config{URL: "redis+cluster://" + gone.Addr()}, bus.ErrUnavailable, "cannot be reached"},
		{"Sentinel as a server", redisbus.Config{URL: sentinels.Sentinels[0].URL()}, redisbus.ErrUnsuitable, "redis+sentinel://"},
		{"server as a Sentinel", redisbus.Config{URL: "redis+sentinel://" + plain.Addr() + "/m"}, redisbus.ErrUnsuitable, "no Sentinel"},
		{"other master", redisbus.Config{URL: sentinels.URL() + "x"}, redisbus.ErrURL, "watches no master"},
		{"Sentinels gone", redisbus.Config{URL: "redis+sentinel://" + gone.Addr() + "/m"}, bus.ErrUnavailable, "cannot be reached"},
		{"Sentinels with a password", redisbus.Config{URL: "redis+sentinel://" + withPassword.Addr() + "/m"}, redisbus.ErrLogin, "sentinel_password"},
		{"other partitions", redisbus.Config{URL: plain.URL(), Partitions: 8}, redisbus.ErrMismatch, "--bus-partitions=4"},
		{"foreign keys", redisbus.Config{URL: plain.URL(), Prefix: "theirs"}, redisbus.ErrMismatch, "that Hubbub did not make"},
		{"newer log", redisbus.Config{URL: plain.URL(), Prefix: "newer"}, redisbus.ErrMismatch, "version 99"},
		{"scheme", redisbus.Config{URL: "http://127.0.0.1"}, redisbus.ErrURL, "does not know the scheme"},
		{"not a URL", redisbus.Config{URL: "redis://:hunter2%zz@127.0.0.1"}, redisbus.ErrURL, "percent-encoded"},
		{"not a database", redisbus.Config{URL: plain.URL() + "/hunter2"}, redisbus.ErrURL, "not one of a Redis server"},
		{"no such database", redisbus.Config{URL: plain.URL() + "/99"}, redisbus.ErrURL, "no such database"},
		{"prefix", redisbus.Config{URL: plain.URL(), Prefix: "a b"}, bus.ErrBadName, "prefix"},
		{"group", redisbus.Config{URL: plain.URL(), Groups: []string{"a b"}}, bus.ErrBadName, "required groups"},
		{"partitions", redisbus.Config{URL: plain.URL(), Partitions: -1}, nil, "1 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// On a busy machine what is wrong takes longer to come out; there, it may not be told
			// in the first second.
			var err error
			for tt.cfg.OpenTimeout = time.Second; ; tt.cfg.OpenTimeout *= 2 {
				var b *bus.Bus
				if b, err = redisbus.Open(t.Context(), tt.cfg, nil, nil); err == nil {
					_ = b.Close()
					t.Fatal("it is opened")
				}
				if strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "did not answer") || tt.cfg.OpenTimeout > patience {
					break
				}
			}
			if tt.kind != nil && !errors.Is(err, tt.kind) {
				t.Errorf("%v; want one of the kind %v", err, tt.kind)
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
				t.Errorf("%q does not say %q in a line, or says the password", text, tt.want)
			}
		})
	}
}

// inProtectedMode returns the URL of a server that lets in nobody from other addresses, at one that
// is another to it; where the machine has none, of one that says the same.
func inProtectedMode(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			s := bustest.Redis(t, "--bind", "127.0.0.1 "+ip.IP.String(), "--protected-mode", "yes")
			_, port, _ := net.SplitHostPort(s.Addr())
			return "redis://" + net.JoinHostPort(ip.IP.String(), port)
		}
	}
	return "redis://" + talks(t, nil, "-DENIED Redis is running in protected mode because protected mode is enabled\r\n")
}

// talks returns the address of a server that has an answer to each command, and one to all others.
func talks(t *testing.T, answers map[string]string, other string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					if !strings.HasPrefix(lines.Text(), "*") { // the beginning of a command
						continue
					}
					lines.Scan() // the length of its name
					lines.Scan()
					answer, ok := answers[strings.ToLower(lines.Text())]
					if !ok {
						answer = other
					}
					if _, err := c.Write([]byte(answer)); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// breakDisk makes the server find that it cannot write to its disk: where its snapshot should be is
// a folder.
func breakDisk(t *testing.T, s *bustest.RedisServer) (mend func()) {
	t.Helper()
	c := raw(t, s)
	dir, err := c.ConfigGet(t.Context(), "dir").Result()
	if err != nil {
		t.Fatal(err)
	}
	obstacle := filepath.Join(dir["dir"], "dump.rdb", "obstacle")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.ConfigSet(t.Context(), "save", "3600 1").Err(); err != nil {
		t.Fatal(err)
	}
	save := func(status string) {
		t.Helper()
		if err := c.BgSave(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the snapshot ends: "+status, func() bool {
			m, err := c.InfoMap(t.Context(), "persistence").Result()
			p := m["Persistence"]
			return err == nil && p["rdb_bgsave_in_progress"] == "0" && p["rdb_last_bgsave_status"] == status
		})
	}
	save("err")
	return func() {
		t.Helper()
		if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
			t.Fatal(err)
		}
		save("ok")
	}
}

// TestPermissionsThatSuffice: those that the error of a user without them names.
func TestPermissionsThatSuffice(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	args := []any{"ACL", "SETUSER", "hubbub", "on", ">sesame", "+@all", "-@dangerous", "+info", "+role", "+cluster|shards", "~hub:*", "resetchannels", "&hub:*"}
	if err := raw(t, s).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	b := open(t, redisbus.Config{URL: "redis://hubbub:sesame@" + s.Addr(), Groups: []string{"group"}})
	f := followRoom(t, b, "room")
	seqs := put(t, b, "room", 0, 3)
	eventually(t, "live entries", func() bool { got, _ := f.seen(); return slices.Equal(got, seqs) })
	if _, err := b.Serve(t.Context(), "echo", echo); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(t.Context(), "echo", nil); err != nil {
		t.Error(err)
	}
	if err := b.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := b.Consume(ctx, "group", func(context.Context, []bus.Entry) error { cancel(); return nil })
	if err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), "room", seqs[0]); err != nil {
		t.Error(err)
	}
}

// TestDiskIsFull: a server that cannot write refuses appends with ErrFull, does nothing by halves,
// and takes them again when it can.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	f := followRoom(t, b, "room")
	seqs := put(t, b, "room", 0, 2)
	mend := breakDisk(t, s)
	_, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "full"})
	if !errors.Is(err, bus.ErrFull) || !strings.Contains(err.Error(), "MISCONF") {
		t.Errorf("%v, want ErrFull and why", err)
	}
	if rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) != 2 {
		t.Errorf("the log: %+v, %v", rep, err)
	}
	mend()
	seqs = append(seqs, put(t, b, "room", 10, 2)...)
	eventually(t, "the follower has what the log has", func() bool { got, n := f.seen(); return n == 0 && slices.Equal(got, seqs) })
}

// TestReadOnly: a server that is made a replica for a moment costs a moment.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL()})
	put(t, b, "room", 0, 1)
	c := raw(t, s)
	if err := c.ReplicaOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	acked := make(chan error, 1)
	b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}, func(_ bus.Appended, err error) { acked <- err })
	eventually(t, "it was refused", func() bool {
		m, err := c.InfoMap(t.Context(), "errorstats").Result()
		return err == nil && m["Errorstats"]["errorstat_READONLY"] != ""
	})
	if len(acked) > 0 {
		t.Error("it was not tried again")
	}
	if err := c.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	if err := <-acked; err != nil {
		t.Error(err)
	}
}

func TestOpenWarns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		args     []string
		replicas int
		want     string
	}{
		{"no append-only file", []string{"--appendonly", "no"}, 1, "NOT DURABLE"},
		{"eviction without a limit", []string{"--maxmemory-policy", "allkeys-lru"}, 1, "noeviction"},
		{"too few replicas", nil, 2, "more replicas"},
		{"as shipped", nil, 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			b, err := redisbus.Open(t.Context(), redisbus.Config{URL: bustest.Redis(t, tt.args...).URL(), Replicas: tt.replicas}, zap.New(core), nil)
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
	for name, b := range map[string]*bus.Bus{"a": a, "b": b} {
		if _, err := b.Subscribe(t.Context(), "chan", func(data []byte) { got <- name + string(data) }); err != nil {
			t.Fatal(err)
		}
	}
	// Channels are one name space for all databases of a server; the two buses must not hear each
	// other all the same.
	for _, b := range []*bus.Bus{a, b} {
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
