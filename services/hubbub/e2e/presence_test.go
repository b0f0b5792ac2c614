package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/cluster"
)

// TestPresence breaks edges, replicas and the bus between them, on each bus. After each fault every replica has to answer
// exactly who has a socket.
func TestPresence(t *testing.T) {
	for _, bus := range []string{cluster.Redis, cluster.NATS} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, bus)
			for _, tt := range []struct {
				name string
				run  func(*stage)
			}{
				{"somebody is banned", testBanned},
				{"a replica is killed", testReplicaKilled},
				{"all replicas are restarted", testReplicasRestarted},
				{"edges are killed and stopped", testEdgesGone},
				{"the bus is cut", testBusCut},
				{"the edges are deployed under load", testDeploy},
				{"nothing is left over", testNoGhosts},
			} {
				t.Run(tt.name, func(t *testing.T) {
					s.t = t
					tt.run(s)
				})
			}
		})
	}
}

// The processes of a stage, and people on each edge.
const (
	stageEdges    = 3
	stageReplicas = 2
	peoplePerEdge = 8
)

// stage is a cluster with people in one room, each on the edge of their own, to which they always come back.
type stage struct {
	t      *testing.T
	c      *cluster.Cluster
	room   string
	people [stageEdges][]*person
}

func newStage(t *testing.T, bus string) *stage {
	t.Helper()
	s := &stage{t: t, c: startCluster(t, cluster.Config{
		Bus: bus, Edges: stageEdges, Presence: stageReplicas, Proxies: true,
		Args: map[string][]string{"edge": {"--drain", "1s"}, "presence": {"--audit-every", "1s"}},
	})}
	s.room = newRoom(t, s.c)
	for e := range s.people {
		for i := range peoplePerEdge {
			p := enter(t, s.c.URL, "http://"+s.edge(e).Addr, fmt.Sprintf("stage-%d-%d", e, i))
			p.join(s.room)
			s.people[e] = append(s.people[e], p)
		}
	}
	s.agree("everybody has come in", 0, 1, 2)
	return s
}

func (s *stage) edge(i int) *cluster.Process { return s.c.Process(fmt.Sprint("edge-", i+1)) }

func (s *stage) replica(i int) *cluster.Process { return s.c.Process(fmt.Sprint("presence-", i+1)) }

// answer is what a replica says who is in the room; false: it does not know.
func (s *stage) answer(replica int) ([]string, bool) {
	asker := s.people[0][0]
	token, err := asker.session.Token(asker.ctx())
	if err != nil {
		return nil, false
	}
	r, err := http.NewRequestWithContext(asker.ctx(), http.MethodGet, "http://"+s.replica(replica).Addr+"/v1/rooms/"+s.room+"/presence", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, false
	}
	defer reply.Body.Close()
	var who struct {
		Count int
		Users []wire.Person
	}
	if reply.StatusCode != http.StatusOK || json.NewDecoder(reply.Body).Decode(&who) != nil {
		return nil, false
	}
	if who.Count != len(who.Users) {
		s.t.Errorf("%d are counted, %d named", who.Count, len(who.Users))
	}
	return namesOf(who.Users), true
}

// agree waits until every replica names just the people of these edges.
func (s *stage) agree(what string, edges ...int) {
	s.t.Helper()
	for i := range stageReplicas {
		s.agrees(what, i, edges...)
	}
}

func (s *stage) agrees(what string, replica int, edges ...int) {
	s.t.Helper()
	var want []string
	for _, e := range edges {
		for _, p := range s.people[e] {
			want = append(want, p.name)
		}
	}
	slices.Sort(want)
	begun := time.Now()
	eventually(s.t, fmt.Sprintf("%s: replica %d names the %d who are there", what, replica+1, len(want)), func() bool {
		got, ok := s.answer(replica)
		return ok && slices.Equal(got, want)
	})
	s.t.Logf("%s: replica %d agrees after %s", what, replica+1, time.Since(begun).Round(100*time.Millisecond))
}

func (s *stage) start(p *cluster.Process) {
	s.t.Helper()
	if err := p.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// testBanned bans somebody from a room whose socket is in it: it is put out of the room at once, and does not come back.
func testBanned(s *stage) {
	owner, out := s.people[0][0], s.people[1][0]
	room := owner.createRoom("a room with a ban", false)
	owner.join(room)
	out.join(room)
	eventually(s.t, "both are there", func() bool { return len(owner.presence(room)) == 2 })
	token, err := owner.session.Token(owner.ctx())
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(owner.ctx(), http.MethodPut, s.c.URL+"/v1/rooms/"+room+"/bans/"+out.id, strings.NewReader(`{"reason":"a test"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		s.t.Fatalf("the ban was answered %s", reply.Status)
	}
	eventually(s.t, "the banned is put out", func() bool { return slices.Equal(owner.presence(room), []string{owner.name}) })
	if err := out.tryJoin(room); chat.CodeOf(err) != chat.CodeForbidden {
		s.t.Errorf("the banned joins again: %v", err)
	}
	if _, err := out.trySend(room, "let me in"); err == nil {
		s.t.Error("the banned sent a message")
	}
}

// testReplicaKilled: the other one goes on, and the one that comes back learns all of it.
func testReplicaKilled(s *stage) {
	s.replica(0).Kill()
	s.agrees("the other replica goes on", 1, 0, 1, 2)
	eventually(s.t, "who is answered by the other one", func() bool { return len(s.people[2][0].who(s.room)) == stageEdges*peoplePerEdge })
	s.start(s.replica(0))
	s.agree("the replica is back", 0, 1, 2)
}

func testReplicasRestarted(s *stage) {
	for i := range stageReplicas {
		s.replica(i).Kill()
	}
	for i := range stageReplicas {
		s.start(s.replica(i))
	}
	s.agree("all replicas are new", 0, 1, 2)
}

// testEdgesGone kills one edge and stops another at the same moment: the sockets of neither are there any more. The one
// starts again; the other wakes up long after it was given up, and tells of what it still has.
func testEdgesGone(s *stage) {
	s.edge(1).Kill()
	if err := s.edge(2).Pause(); err != nil {
		s.t.Fatal(err)
	}
	s.agree("one edge is left", 0)
	if err := s.edge(2).Resume(); err != nil {
		s.t.Fatal(err)
	}
	s.agree("the stopped edge is back", 0, 2)
	s.start(s.edge(1))
	s.agree("the killed edge is back", 0, 1, 2)
}

// testBusCut cuts an edge and a replica off the bus for 30 s. The replica that hears nothing says so instead of guessing;
// the other one gives the edge up, until it is heard again.
func testBusCut(s *stage) {
	begun := time.Now()
	edge, deaf := s.c.Link("edge-1"), s.c.Link("presence-1")
	edge.Cut()
	deaf.Cut()
	eventually(s.t, "the deaf replica says that it knows nothing", func() bool {
		_, ok := s.answer(0)
		return !ok
	})
	s.agrees("the edge that is cut off is given up", 1, 1, 2)
	eventually(s.t, "30 s have passed", func() bool {
		if got, ok := s.answer(0); ok {
			s.t.Errorf("the deaf replica names %v", got)
		}
		return time.Since(begun) >= 30*time.Second
	})
	edge.Heal()
	deaf.Heal()
	s.agree("the bus is whole again", 0, 1, 2)
}

// testDeploy stops and starts all edges one by one, while people talk.
func testDeploy(s *stage) {
	stop := make(chan struct{})
	var wait sync.WaitGroup
	talkers := []*person{s.people[0][0], s.people[1][0], s.people[2][0]}
	wait.Go(func() { talkUntil(s.t, talkers, s.room, stop) })
	for i := range stageEdges {
		s.edge(i).Stop()
		s.start(s.edge(i))
		s.agree(fmt.Sprintf("edge %d is new", i+1), 0, 1, 2)
	}
	close(stop)
	wait.Wait()
	s.agree("all edges are new", 0, 1, 2)
}

// testNoGhosts has the replicas compare what they hold with the sockets that the edges have, and everybody leave.
func testNoGhosts(s *stage) {
	for i := range stageReplicas {
		eventually(s.t, "an audit finds everything right", func() bool {
			return s.metric(i, "hubbub_presence_sessions") == fmt.Sprint(stageEdges*peoplePerEdge) &&
				s.metric(i, "hubbub_presence_ghosts") == "0" && s.metric(i, "hubbub_presence_missing") == "0"
		})
	}
	for _, p := range s.people[1] {
		p.leave()
	}
	s.agree("the people of one edge have left", 0, 2)
}

// metric returns the value of a metric of a replica.
func (s *stage) metric(replica int, name string) string {
	r, err := http.Get("http://" + s.replica(replica).Ops + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	return "none"
}
