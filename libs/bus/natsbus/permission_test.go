package natsbus_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
)

// Those that the error of a user without them names.
var (
	mayPublish   = []string{"hub.>", "$JS.API.>", "$JS.FC.>", "$KV.HUB_STATE.>", "_INBOX.>"}
	maySubscribe = []string{"hub.>", "_INBOX.>", "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.HUB"}
)

func user(name string, publish, subscribe []string) *server.User {
	return &server.User{Username: name, Password: "hunter2", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
	}}
}

func as(name string, s *natsembed.Server) string {
	return strings.Replace(s.URL(), "//", "//"+name+":hunter2@", 1)
}

// without returns a list without one of its members.
func without(list []string, what string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == what })
}

// TestPermissions: a user who may not do everything is refused at the start, at once, with a line
// that says what to allow; who may do what that line names can use all of the bus.
func TestPermissions(t *testing.T) {
	t.Parallel()
	var users []*server.User
	for i, s := range mayPublish {
		if s != "$JS.FC.>" { // which is needed only for long lists of keys
			users = append(users, user("p"+string(rune('a'+i)), without(mayPublish, s), maySubscribe))
		}
	}
	for i, s := range maySubscribe {
		users = append(users, user("s"+string(rune('a'+i)), mayPublish, without(maySubscribe, s)))
	}
	users = append(users,
		user("nolog", []string{"hub.live.>", "hub.chan.>", "hub.rpc.>", "hub.member.>", "hub.probe.>", "$JS.API.>", "$KV.HUB_STATE.>", "_INBOX.>"}, maySubscribe),
		user("good", mayPublish, maySubscribe))
	s := serve(t, func(o *server.Options) { o.Users = users })
	for _, u := range users[:len(users)-1] {
		began := time.Now()
		b, err := natsbus.Open(t.Context(), natsbus.Config{Servers: as(u.Username, s), OpenTimeout: 20 * time.Second}, nil, nil)
		if err == nil {
			_ = b.Close()
			t.Errorf("%s is let in", u.Username)
			continue
		}
		if text := err.Error(); !strings.Contains(text, "does not let this user do what Hubbub needs: allow it to publish to hub.> $JS.API.>") ||
			strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
			t.Errorf("%s: %v", u.Username, err)
		}
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("%s: it took %s to say so", u.Username, d)
		}
	}

	cfg := natsbus.Config{Servers: as("good", s), Groups: []string{"group"}, TrimEvery: 10 * time.Millisecond}
	b, err := natsbus.Open(t.Context(), cfg, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	r := followRoom(t, b, "room")
	a := mustAppend(t, b, entry("room", 0))
	eventually(t, "live entries", func() bool { return len(r.ids()) == 1 })
	if _, err := b.Serve(within(t), "echo", func(_ context.Context, q []byte) ([]byte, error) { return q, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(within(t), "echo", nil); err != nil {
		t.Error(err)
	}
	got := make(chan struct{}, 1)
	if _, err := b.Subscribe(within(t), "chan", func([]byte) { got <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Publish("chan", nil), b.Probe(within(t))); err != nil {
		t.Error(err)
	}
	<-got
	read, stop := consume(t, b, "group")
	eventually(t, "it is consumed", func() bool { return read.Load() == 1 })
	stop()
	if err := b.Remove(within(t), "room", a.Seq); err != nil {
		t.Error(err)
	}
	if err := b.Advance(within(t), a.Seq+1000); err != nil {
		t.Error(err)
	}
	mustAppend(t, b, entry("room", 1))
}

// TestNotPermitted: whoever subscribes to what the user may not hear is told so, although the call
// to the server seemed to work.
func TestNotPermitted(t *testing.T) {
	t.Parallel()
	u := user("ann", mayPublish, maySubscribe)
	u.Permissions.Subscribe.Deny = []string{"hub.live.*.secret", "hub.chan.secret", "hub.rpc.secret"}
	s := serve(t, func(o *server.Options) { o.Users = []*server.User{u} })
	b, err := natsbus.Open(t.Context(), natsbus.Config{Servers: as("ann", s)}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err1 := b.Subscribe(within(t), "secret", func([]byte) {})
	_, err2 := b.Serve(within(t), "secret", func(context.Context, []byte) ([]byte, error) { return nil, nil })
	_, _, err3 := b.Follow(ctx, "secret", &recorder{})
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "ermission") {
			t.Errorf("%v", err)
		}
	}
	r := followRoom(t, b, "room")
	mustAppend(t, b, entry("room", 0))
	eventually(t, "others are heard", func() bool { return len(r.ids()) == 1 })
}

// TestSubscribeIsLost loses what subscribes to rooms on its way to the server, which confirms
// everything else. The rooms' entries come by comparison with the log; that they only come so is
// noticed, and the rooms are subscribed to again.
func TestSubscribeIsLost(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	way := newProxy(t, s)
	way.deaf.Store(true)
	reg := prometheus.NewRegistry()
	b, err := natsbus.Open(t.Context(), natsbus.Config{InProcess: way, Follow: follow.Options{CompareEvery: 50 * time.Millisecond}}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	r := followRoom(t, b, "room")
	n := 0
	say := func() {
		t.Helper()
		mustAppend(t, b, entry("room", n))
		n++
	}
	for range 3 {
		say()
		eventually(t, "the log is compared", func() bool { return len(r.ids()) == n })
	}
	if liveSubscriptions(t, s) > 0 {
		t.Fatal("the server has heard of it")
	}
	way.deaf.Store(false)
	eventually(t, "the room is subscribed to again", func() bool {
		say()
		time.Sleep(60 * time.Millisecond) // a comparison
		return liveSubscriptions(t, s) == 1
	})
	eventually(t, "the follower has everything, live", func() bool {
		return len(r.ids()) == n && metric(t, reg, "hubbub_bus_follow_renewed_rooms_total") > 0
	})
}

// liveSubscriptions counts the server's subscriptions to rooms.
func liveSubscriptions(t *testing.T, s *natsembed.Server) (n int) {
	t.Helper()
	z, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range z.Subs {
		if strings.HasPrefix(sub.Subject, "hub.live.") {
			n++
		}
	}
	return n
}
