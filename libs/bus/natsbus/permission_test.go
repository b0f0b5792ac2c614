package natsbus_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
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

// TestPermissions: a user who may not do everything is refused at the start, at once, with a line that says what to allow;
// who may do what that line names can use all of the bus.
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

// TestPermissionTakenAway takes the permission to hear live entries away from a running bus, and gives it back: the server
// ends the subscriptions, and begins none by itself. What is said meanwhile comes by comparison with the log; afterwards
// entries are live again. Whoever subscribes meanwhile is told that it cannot be had.
func TestPermissionTakenAway(t *testing.T) {
	t.Parallel()
	options := &server.Options{}
	s := serve(t, func(o *server.Options) {
		o.Users = []*server.User{user("ann", mayPublish, maySubscribe)}
		options = o
	})
	b, err := natsbus.Open(t.Context(), natsbus.Config{
		Servers: as("ann", s), Follow: follow.Options{CompareEvery: 50 * time.Millisecond},
	}, nil, nil)
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
	reload := func(u *server.User) {
		t.Helper()
		o := options.Clone()
		o.Users = []*server.User{u}
		if err := s.ReloadOptions(o); err != nil {
			t.Fatal(err)
		}
	}
	say()
	eventually(t, "the entry is live", func() bool { return len(r.ids()) == n })
	reload(&server.User{Username: "ann", Password: "hunter2", Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: mayPublish},
		Subscribe: &server.SubjectPermission{Allow: maySubscribe, Deny: []string{"hub.live.>", "hub.chan.>"}},
	}})
	eventually(t, "the subscription is gone", func() bool { return liveSubscriptions(t, s) == 0 })
	say()
	eventually(t, "the log is compared", func() bool { return len(r.ids()) == n })
	if _, err := b.Subscribe(within(t), "chan", func([]byte) {}); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "ermission") {
		t.Errorf("a channel that may not be heard: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := b.Follow(ctx, "other", &recorder{}); !errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), "ermission") {
		t.Errorf("a room that may not be heard: %v", err)
	}
	reload(user("ann", mayPublish, maySubscribe))
	eventually(t, "the room is subscribed to again", func() bool {
		say()
		return liveSubscriptions(t, s) > 0
	})
	eventually(t, "the follower has everything", func() bool { return len(r.ids()) == n })
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
