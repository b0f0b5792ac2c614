package presence

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
)

func portOf(t *testing.T, rawURL string) int {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhoOverAllEdges(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		s1, _ := startService(t, srv.open(t), quick(), nil, nil)
		s2, _ := startService(t, srv.open(t), quick(), nil, nil)
		ann := a.enter("ann", presenceapi.Online, "lobby", "a-only", chat.UserRoom("ann"))
		phone := b.enter("ann", presenceapi.Idle, "lobby")
		bob := b.enter("bob", presenceapi.DND, "lobby")
		cyd := b.enter("cyd", presenceapi.Invisible, "lobby")
		ready(t, s1, s2)
		replicas := []*Service{s1, s2}
		rooms := []string{"lobby", "a-only", "random"}
		agree(t, "entered", rooms, replicas, a, b)

		client := presenceapi.NewClient(srv.open(t))
		eventually(t, "over the bus", func() error {
			who, err := client.Who(t.Context(), presenceapi.WhoRequest{Room: "lobby"})
			if err != nil {
				return err
			}
			if who.Count != 2 || who.Users[0] != (presenceapi.Person{User: "ann", Name: "Name of ann", Status: presenceapi.Online}) || who.Users[1].Status != presenceapi.DND {
				return fmt.Errorf("%+v", who)
			}
			return nil
		})
		if who, err := client.Who(t.Context(), presenceapi.WhoRequest{Room: chat.UserRoom("ann")}); err != nil || who.Count != 0 {
			t.Errorf("presence in a user's own room is told: %+v, %v", who, err)
		}
		if u, err := client.User(t.Context(), presenceapi.UserRequest{User: "cyd"}); err != nil || u.Status != presenceapi.Offline || u.Devices != nil {
			t.Errorf("an invisible user is seen: %+v, %v", u, err)
		}
		if u, err := client.User(t.Context(), presenceapi.UserRequest{User: "ann"}); err != nil || u.Status != presenceapi.Online || len(u.Devices) != 2 {
			t.Errorf("ann is %+v, %v", u, err)
		}
		for _, req := range []presenceapi.WhoRequest{{Room: "no room"}, {Room: "lobby", Limit: -1}, {Room: "lobby", Limit: 1001}, {Room: "lobby", After: "?"}} {
			if _, err := client.Who(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
				t.Errorf("%+v: %v", req, err)
			}
		}

		a.exit(ann)
		b.setStatus(bob, presenceapi.Online)
		b.setStatus(cyd, presenceapi.Idle)
		b.leave(phone, "lobby")
		b.join(phone, "random")
		agree(t, "changed", rooms, replicas, a, b)
	})
}

func TestPagesOverTheBus(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		e := startEdge(t, srv.open(t), "edge")
		s, _ := startService(t, srv.open(t), quick(), nil, nil)
		const n = 450
		for i := range n {
			e.enter(fmt.Sprintf("u%03d", i), presenceapi.Online, "lobby")
		}
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, e)
		client := presenceapi.NewClient(srv.open(t))
		var got []presenceapi.Person
		var req presenceapi.WhoRequest
		eventually(t, "served", func() error {
			got, req = nil, presenceapi.WhoRequest{Room: "lobby"}
			for {
				who, err := client.Who(t.Context(), req)
				if err != nil {
					return err
				}
				if who.Count != n || len(who.Users) > presenceapi.DefaultLimit {
					t.Fatalf("count %d, %d users", who.Count, len(who.Users))
				}
				got = append(got, who.Users...)
				if req.After = who.Next; who.Next == "" {
					return nil
				}
			}
		})
		if len(got) != n || got[0].User != "u000" || got[n-1].User != "u449" {
			t.Errorf("%d users in all", len(got))
		}
	})
}

// TestBigRoomIsCountedFirst: who asks about a room with very many online is told how many, and who
// on asking on.
func TestBigRoomIsCountedFirst(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.BigRoom = 5
		e := startEdge(t, srv.open(t), "edge")
		s, _ := startService(t, srv.open(t), cfg, nil, nil)
		for i := range 6 {
			e.enter(fmt.Sprint("u", i), presenceapi.Online, "big")
			if i < 5 {
				e.enter(fmt.Sprint("u", i), presenceapi.Online, "small")
			}
		}
		ready(t, s)
		agree(t, "entered", []string{"big", "small"}, []*Service{s}, e)
		if who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "small"}); err != nil || who.Count != 5 || len(who.Users) != 5 || who.Next != "" {
			t.Errorf("of the small room: %+v, %v", who, err)
		}
		who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "big"})
		if err != nil || who.Count != 6 || who.Users == nil || len(who.Users) != 0 || who.Next == "" {
			t.Errorf("first of the big room: %+v, %v", who, err)
		}
		var users []string
		for who.Next != "" {
			who, err = s.who(context.Background(), presenceapi.WhoRequest{Room: "big", After: who.Next, Limit: 4})
			if err != nil || who.Count != 6 || len(who.Users) == 0 {
				t.Fatalf("then: %+v, %v", who, err)
			}
			for _, u := range who.Users {
				users = append(users, u.User)
			}
		}
		if !slices.Equal(users, []string{"u0", "u1", "u2", "u3", "u4", "u5"}) {
			t.Errorf("then %v", users)
		}

		// While one page is looked for others wait, and not for ever.
		s.listing <- struct{}{}
		if who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "big", After: presenceapi.FromStart}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("a second page at the same time: %+v, %v", who, err)
		}
		if who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "big"}); err != nil || who.Count != 6 {
			t.Errorf("the number meanwhile: %+v, %v", who, err)
		}
		if who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "small", After: presenceapi.FromStart}); err != nil || len(who.Users) != 5 {
			t.Errorf("the small room meanwhile: %+v, %v", who, err)
		}
		<-s.listing
	})
}

// TestLastSeen has the directory told of who leaves an edge, and of who was on one that was killed,
// by one replica of two; of the invisible it is told nothing, whichever of their sockets ends.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		var mu sync.Mutex
		seen := map[string]int64{}
		directory, err := api.Handle(t.Context(), srv.open(t), directoryapi.ServiceSaw, nil,
			func(_ context.Context, r directoryapi.SawRequest) (directoryapi.SawReply, error) {
				mu.Lock()
				defer mu.Unlock()
				for _, one := range r.Seen {
					seen[one.User] = one.At
				}
				return directoryapi.SawReply{}, nil
			})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(directory.Stop)
		begun := time.Now().UnixMilli()
		one, _ := startService(t, srv.open(t), quick(), nil, nil)
		two, _ := startService(t, srv.open(t), quick(), nil, nil)
		e := startEdge(t, srv.open(t), "edge")
		ann := e.enter("ann", presenceapi.Online, "lobby")
		cyd := e.enter("cyd", presenceapi.Invisible, "lobby")
		other := startEdge(t, srv.open(t), "other")
		other.enter("eli", presenceapi.Invisible)
		eli := e.enter("eli", presenceapi.Online, "lobby")
		ready(t, one, two)
		agree(t, "entered", []string{"lobby"}, []*Service{one, two}, e, other)
		was := func(user string) int64 {
			mu.Lock()
			defer mu.Unlock()
			return seen[user]
		}
		e.exit(cyd)
		e.exit(eli)
		e.exit(ann)
		eventually(t, "ann has left", func() error {
			if at := was("ann"); at < begun {
				return fmt.Errorf("ann was seen at %d", at)
			}
			return nil
		})
		e.enter("bob", presenceapi.Idle, "lobby")
		e.enter("cyd", presenceapi.Invisible, "lobby")
		e.enter("eli", presenceapi.DND, "lobby")
		e.enter("fay", presenceapi.Online, "lobby")
		other.enter("fay", presenceapi.DND)
		agree(t, "entered", []string{"lobby"}, []*Service{one, two}, e, other)
		asked := presenceapi.NewClient(srv.open(t))
		now, err := asked.Active(t.Context(), []string{"bob", "cyd", "eli", "fay", "nobody"})
		if err != nil || !slices.Equal(now.Active, []string{"fay"}) || !slices.Equal(now.DND, []string{"eli", "fay"}) {
			t.Errorf("active are %+v, %v", now, err)
		}
		if _, err := asked.Active(t.Context(), make([]string, presenceapi.MaxLimit+1)); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("too many are asked about: %v", err)
		}
		e.kill()
		eventually(t, "bob's edge is gone", func() error {
			if at := was("bob"); at < begun || at > time.Now().UnixMilli() {
				return fmt.Errorf("bob was seen at %d", at)
			}
			return nil
		})
		for _, user := range []string{"cyd", "eli"} {
			if at := was(user); at != 0 {
				t.Errorf("%s, who is invisible, was seen at %d", user, at)
			}
		}
		client := presenceapi.NewClient(srv.open(t))
		if hidden, err := client.Hidden(t.Context(), []string{"ann", "cyd", "eli", "nobody"}); err != nil || !slices.Equal(hidden, []string{"eli"}) {
			t.Errorf("hidden are %v, %v", hidden, err)
		}
		if _, err := client.Hidden(t.Context(), make([]string, presenceapi.MaxLimit+1)); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("too many are asked about: %v", err)
		}
	})
}

// TestLeavingInOrderIsSeenAtOnce: the expiry is far longer than the test waits.
func TestLeavingInOrderIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.EdgeExpiry = 10 * time.Minute
		a := startEdge(t, srv.open(t), "edge-a")
		s, _ := startService(t, srv.open(t), cfg, nil, nil)
		// Signs of life of the replica itself are far apart now, and it takes its first for good.
		a.enter("ann", presenceapi.Online, "lobby")
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, a)
		a.stop()
		agree(t, "gone", []string{"lobby"}, []*Service{s})
	})
}

// TestEdgeStartsAgain: the same edge id, at once, after a kill.
func TestEdgeStartsAgain(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.EdgeExpiry = 10 * time.Minute
		old := startEdge(t, srv.open(t), "edge-a")
		s, _ := startService(t, srv.open(t), cfg, nil, nil)
		old.enter("ann", presenceapi.Online, "lobby")
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, old)
		old.kill()
		again := startEdge(t, srv.open(t), "edge-a")
		again.enter("bob", presenceapi.Online, "lobby")
		agree(t, "started again", []string{"lobby"}, []*Service{s}, again)
	})
}

func TestReplicaStartsLateAndAgain(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		var edges []*edge
		for i := range 3 {
			e := startEdge(t, srv.open(t), fmt.Sprint("edge-", i))
			for k := range 3000 { // several chunks
				e.enter(fmt.Sprintf("u%d", (i*2000+k)%5000), presenceapi.Online, "lobby", fmt.Sprint("room-", k%50))
			}
			edges = append(edges, e)
		}
		rooms := []string{"room-0", "room-49"}
		for range 2 {
			s, stop := startService(t, srv.open(t), quick(), nil, nil)
			if err := s.Ready(t.Context()); chat.CodeOf(err) != chat.CodeUnavailable {
				t.Errorf("a replica answers before it has heard the edges: %v", err)
			}
			ready(t, s)
			for _, room := range rooms {
				// Not eventually: a replica that says that it is ready knows.
				if got, err := s.who(context.Background(), presenceapi.WhoRequest{Room: room}); err != nil || got.Count != online(room, edges...).Count {
					t.Fatalf("a ready replica knows of %d in %s, want %d; %v", got.Count, room, online(room, edges...).Count, err)
				}
			}
			agree(t, "all", rooms, []*Service{s}, edges...)
			stop()
		}
	})
}

func TestHostileReports(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		e := startEdge(t, srv.open(t), "edge-a")
		metrics := prometheus.NewRegistry()
		s, _ := startService(t, srv.open(t), quick(), metrics, nil)
		e.enter("ann", presenceapi.Online, "lobby")
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, e)
		b := srv.open(t)
		// A process of before, with a session that must not be seen.
		old := presenceapi.NewTally("edge-a", 1, nil)
		old.Enter(presenceapi.Session{ID: 1, User: "ghost", Name: "Ghost", Rooms: []string{"lobby"}})
		good := presenceapi.NewTally("edge-x", 1, nil)
		good.Enter(presenceapi.Session{ID: 1, User: "ghost", Name: "Ghost", Rooms: []string{"lobby"}})
		messages := append(old.Heartbeat(), old.Goodbye(), nil, []byte("x"), []byte(`{"type":"presence"}`))
		for _, msg := range good.Changes() {
			for i := range msg {
				flipped := append([]byte(nil), msg...)
				flipped[i] ^= 0x20
				messages = append(messages, flipped, msg[:i])
			}
		}
		for _, msg := range messages {
			if err := b.Publish(presenceapi.ChannelEdges, msg); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all refused", func() error {
			if n := count(t, metrics, "hubbub_presence_reports_refused_total"); n != len(messages) {
				return fmt.Errorf("%d refused of %d", n, len(messages))
			}
			return nil
		})
		agree(t, "unharmed", []string{"lobby"}, []*Service{s}, e)
	})
}

// count returns the sum of a counter over its labels.
func count(t *testing.T, metrics *prometheus.Registry, name string) int {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return int(sum)
}
