package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestCluster has people chat through nginx with every service a process of its own, on each bus.
func TestCluster(t *testing.T) {
	t.Parallel()
	for _, bus := range []string{cluster.Redis, cluster.NATS} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, cluster.Config{Bus: bus, Edges: 2, Presence: 2})
			for _, tt := range []struct {
				name string
				run  func(*testing.T, *cluster.Cluster)
			}{
				{"order", testOrder},
				{"duplicate send", testDuplicateSend},
				{"private room", testPrivateRoom},
				{"edits", testEdits},
				{"what is new", testInbox},
				{"presence", testPresence},
				{"bad input", testBadInput},
				{"clocks", testClocks},
				{"resume after an edge is killed", testEdgeKilled},
				{"an edge is killed while it drains", testDrainKilled},
				{"bus is killed", testBusKilled},
				{"services are killed", testServiceKilled},
				{"history after a restart of everything", testRestart},
			} {
				t.Run(tt.name, func(t *testing.T) { tt.run(t, c) })
			}
		})
	}
}

// testOrder: people on both edges talk at once: all see all messages, in one order, with a true
// prev.
func testOrder(t *testing.T, c *cluster.Cluster) {
	const each = 50
	room := newRoom(t, c)
	edges := []string{"http://" + c.Process("edge-1").Addr, "http://" + c.Process("edge-2").Addr}
	people := make([]*person, 4)
	for i := range people {
		people[i] = enter(t, c.URL, edges[i%2], fmt.Sprintf("order-%d", i))
		people[i].join(room)
	}
	talk(t, people, room, each)
	want := people[0].sees(room, each*len(people))
	checkOrder(t, want)
	for _, p := range people[1:] {
		if got := p.sees(room, each*len(people)); !slices.EqualFunc(got, want, samePosition) {
			t.Errorf("%s sees another order than %s", p.name, people[0].name)
		}
	}
}

// testDuplicateSend repeats a message with the same id, also through another edge.
func testDuplicateSend(t *testing.T, c *cluster.Cluster) {
	room := newRoom(t, c)
	account := newAccount(t, c.URL, "dup")
	one := account.enter(t, "http://"+c.Process("edge-1").Addr)
	two := account.enter(t, "http://"+c.Process("edge-2").Addr)
	one.join(room)
	two.join(room)
	id := chat.NewID()
	first := one.sendID(room, id, "once")
	for _, p := range []*person{one, two} {
		if again := p.sendID(room, id, "once"); again != first {
			t.Errorf("a repeat was acknowledged with %d, the first with %d", again, first)
		}
	}
	last := one.send(room, "after it")
	got := two.sees(room, 2)
	if got[0].Seq != first || got[1].Seq != last {
		t.Errorf("seen: %+v", got)
	}
	if page := one.page(room); len(page) != 2 {
		t.Errorf("history has %d messages, want 2", len(page))
	}
}

func testPrivateRoom(t *testing.T, c *cluster.Cluster) {
	owner := enter(t, c.URL, c.URL, "owner")
	stranger := enter(t, c.URL, c.URL, "stranger")
	room := owner.createRoom("secret "+chat.NewID()[:13], true)
	owner.join(room)
	owner.send(room, "between us")
	if err := stranger.tryJoin(room); chat.CodeOf(err) != chat.CodeForbidden {
		t.Fatalf("a stranger's join: %v", err)
	}
	if _, err := stranger.trySend(room, "hello?"); err == nil {
		t.Fatal("a stranger sent to a private room")
	}
	owner.addMember(room, stranger.id)
	if err := stranger.tryJoin(room); chat.CodeOf(err) != chat.CodeForbidden {
		t.Fatalf("a join before the invitation is accepted: %v", err)
	}
	stranger.acceptInvitation(room)
	eventually(t, "the invited stranger may join", func() bool { return stranger.tryJoin(room) == nil })
	stranger.send(room, "thanks")
	owner.sees(room, 2)
	owner.removeMember(room, stranger.id)
	eventually(t, "the removed member may not send", func() bool {
		_, err := stranger.trySend(room, "still here?")
		return err != nil
	})
	before := len(owner.log(room))
	owner.send(room, "alone again")
	owner.sees(room, before+1)
	for _, e := range stranger.log(room) {
		if e.Text == "alone again" {
			t.Error("a removed member still gets messages")
		}
	}
}

func testEdits(t *testing.T, c *cluster.Cluster) {
	ann := enter(t, c.URL, "http://"+c.Process("edge-1").Addr, "edit-ann")
	bob := enter(t, c.URL, "http://"+c.Process("edge-2").Addr, "edit-bob")
	room := newRoom(t, c)
	ann.join(room)
	bob.join(room)
	id := chat.NewID()
	name := client.Name{User: ann.client.Welcome().User, ID: id}
	ann.sendID(room, id, "frist")
	if err := ann.edit(room, id, "first"); err != nil {
		t.Fatal(err)
	}
	// he has said nothing by that id
	if err := bob.edit(room, id, "mine"); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("another's edit: %v", err)
	}
	if err := bob.react(room, name, "👍"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "bob sees the edit and the reaction", func() bool {
		types := map[string]bool{}
		for _, e := range bob.events(room) {
			types[e.Type] = true
		}
		return types[chat.TypeEdited] && types[chat.TypeReacted]
	})
	eventually(t, "history has both", func() bool {
		page := bob.page(room)
		return len(page) == 1 && page[0].Text == "first" && page[0].EditedTS > 0 && len(page[0].Reactions["👍"]) == 1
	})
	if err := ann.delete(room, name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "history has forgotten the text", func() bool {
		page := bob.page(room)
		return len(page) == 1 && page[0].Deleted && page[0].Text == ""
	})
}

// testPresence asks who is online over both edges, in each of three ways, and kills an edge.
func testPresence(t *testing.T, c *cluster.Cluster) {
	room := newRoom(t, c)
	ann := enter(t, c.URL, "http://"+c.Process("edge-1").Addr, "pres-ann")
	bob := enter(t, c.URL, "http://"+c.Process("edge-2").Addr, "pres-bob")
	ann.join(room)
	bob.join(room)
	both := []string{ann.name, bob.name}
	eventually(t, "who names both", func() bool { return slices.Equal(ann.who(room), both) })
	eventually(t, "HTTP names both", func() bool { return slices.Equal(bob.presence(room), both) })
	notice := ann.listUsers(room)
	if !strings.Contains(notice, ann.name) || !strings.Contains(notice, bob.name) {
		t.Errorf("/list-users answered %q", notice)
	}

	// No goodbye: bob's edge is killed, and bob does not come back.
	bob.leaveForGood(func() { c.Process("edge-2").Kill() })
	eventually(t, "bob's ghost is gone", func() bool { return slices.Equal(ann.who(room), both[:1]) })
	if err := c.Process("edge-2").Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// testEdgeKilled kills the edges under talking people; nothing is lost, doubled or out of order.
func testEdgeKilled(t *testing.T, c *cluster.Cluster) {
	room, people := crowd(t, c, "resume")
	one, two := c.Process("edge-1"), c.Process("edge-2")
	whileKilling(t, people, room, one, two, one, two)
}

// testDrainKilled kills each edge in the middle of its drain: some sockets have had
// their goodbye, others not.
func testDrainKilled(t *testing.T, c *cluster.Cluster) {
	room, people := crowd(t, c, "drain")
	killed := func(edge *cluster.Process) func() {
		return func() {
			const sockets = 500 // of which some 20 are closed every 100 ms
			bye := make(chan struct{}, sockets)
			for range sockets {
				conn := upgrade(t, edge.Addr)
				defer func() { _ = conn.Close() }()
				go func() {
					if b, err := io.ReadAll(conn); err == nil && bytes.Contains(b, []byte(`"type":"bye"`)) {
						bye <- struct{}{}
					}
				}()
			}
			if err := edge.Terminate(); err != nil {
				t.Error(err)
			}
			select {
			case <-bye:
			case <-time.After(patience):
				t.Error("nobody was told goodbye")
			}
			edge.Kill()
			if err := edge.Start(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	}
	whileTalking(t, people, room, killed(c.Process("edge-1")), killed(c.Process("edge-2")))
}

// upgrade opens a WebSocket over which nothing is said.
func upgrade(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /v1/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	var answer [len("HTTP/1.1 101")]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil || string(answer[:]) != "HTTP/1.1 101" {
		t.Fatalf("upgrade: %q, %v", answer[:], err)
	}
	return conn
}

// testBusKilled kills the bus under talking people: what was acknowledged is there, once, in order.
func testBusKilled(t *testing.T, c *cluster.Cluster) {
	room, people := crowd(t, c, "bus")
	whileKilling(t, people, room, c.Bus.Nodes[0], c.Bus.Nodes[0], c.Bus.Nodes[0])
}

// testServiceKilled kills the services that are not on the live path.
func testServiceKilled(t *testing.T, c *cluster.Cluster) {
	room, people := crowd(t, c, "service")
	whileKilling(t, people, room, c.Process("history"), c.Process("directory"), c.Process("presence-1"), c.Process("history"))
}

// crowd is four people in a room of their own, who come in by nginx.
func crowd(t *testing.T, c *cluster.Cluster, name string) (room string, people []*person) {
	t.Helper()
	room = newRoom(t, c)
	for i := range 4 {
		p := enter(t, c.URL, c.URL, fmt.Sprint(name, "-", i))
		p.join(room)
		people = append(people, p)
	}
	return room, people
}

// testRestart kills everything and starts it again: history, accounts and rooms are there, and
// clients come back.
func testRestart(t *testing.T, c *cluster.Cluster) {
	room := newRoom(t, c)
	ann := enter(t, c.URL, c.URL, "restart-ann")
	ann.join(room)
	var sent []uint64
	for i := range 30 {
		sent = append(sent, ann.send(room, fmt.Sprint("before ", i)))
	}
	all := slices.Clone(c.All())
	slices.Reverse(all)
	for _, p := range all {
		p.Kill()
	}
	slices.Reverse(all)
	for _, p := range all {
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := seqs(ann.page(room)); !slices.Equal(got, sent) {
		t.Errorf("history has %v, want %v", got, sent)
	}
	sent = append(sent, ann.send(room, "after"))
	if got := positions(ann.sees(room, len(sent))); !slices.Equal(got, sent) {
		t.Errorf("ann sees %v, want %v", got, sent)
	}
}
