package e2e

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestPresence breaks edges, replicas and the bus between them, on each bus. After each fault every
// replica has to answer exactly who has a socket. With HUBBUB_DRILL set it does so with the
// intervals that are shipped, and holds every agreement to its bound.
func TestPresence(t *testing.T) {
	p := quick
	if os.Getenv("HUBBUB_DRILL") != "" {
		p = shipped
	}
	for _, bus := range []string{cluster.Redis, cluster.NATS} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, bus, p)
			for _, tt := range []struct {
				name string
				run  func(*stage)
			}{
				{"somebody is banned from a room", testBannedFromRoom},
				{"somebody is banned from the server", testBannedFromServer},
				{"a replica is killed", testReplicaKilled},
				{"all replicas are restarted", testReplicasRestarted},
				{"a replica misses changes", testChangesMissed},
				{"edges are killed and stopped", testEdgesGone},
				{"the bus is cut", testBusCut},
				{"the edges are deployed under load", testDeploy},
				{"nothing is left over", testNoGhosts},
			} {
				if !t.Run(tt.name, func(t *testing.T) {
					s.t = t
					tt.run(s)
				}) {
					return
				}
			}
		})
	}
}

// testReplicaKilled: the other one goes on, and the one that comes back learns all of it.
func testReplicaKilled(s *stage) {
	begun := time.Now()
	s.replica(0).Kill()
	s.agree(claim{what: "a replica is killed: the other one goes on", replicas: []int{1}, within: clean})
	eventually(s.t, "who is answered by the other one", func() bool { return s.people[2][0].who(s.room) != nil })
	s.start(s.replica(0))
	s.agree(claim{what: "the killed replica is back", since: begun, within: unclean})
}

func testReplicasRestarted(s *stage) {
	begun := time.Now()
	for i := range stageReplicas {
		s.replica(i).Kill()
	}
	s.start(s.replica(0), s.replica(1))
	s.agree(claim{what: "all replicas are killed and started", since: begun, within: unclean})
}

// testChangesMissed cuts one replica off again and again for as long as it takes to tell the other
// one who comes and goes: what it missed it notices by itself, and asks for.
func testChangesMissed(s *stage) {
	deaf := s.c.Link("presence-1")
	before := s.metric(s.replica(0), "hubbub_presence_divergences_total")
	for i := range 2 {
		deaf.Cut()
		out := s.people[2][0]
		s.goes(out, 2)
		s.comes(newAccount(s.whole, s.c.URL, fmt.Sprint("late-", i)), 1)
		s.agree(claim{what: "changes are told", replicas: []int{1}, within: clean})
		deaf.Heal()
		s.comes(out.account, 2) // back again
		s.agree(claim{what: "a replica has missed changes", within: unclean})
	}
	if now := s.metric(s.replica(0), "hubbub_presence_divergences_total"); now <= max(before, 0) {
		s.t.Errorf("nothing was missed: %d divergences before and %d after", before, now)
	}
}

// testEdgesGone kills one edge and stops another at the same moment: the sockets of neither are
// there any more. The one starts again; the other wakes up long after it was given up, and tells of
// what it still has.
func testEdgesGone(s *stage) {
	begun := time.Now()
	s.edge(1).Kill()
	if err := s.edge(2).Pause(); err != nil {
		s.t.Fatal(err)
	}
	s.agree(claim{what: "one edge is killed, one stopped", edges: []int{0}, since: begun, within: unclean})
	if err := s.edge(2).Resume(); err != nil {
		s.t.Fatal(err)
	}
	s.agree(claim{what: "the stopped edge goes on", edges: []int{0, 2}, within: clean})
	s.start(s.edge(1))
	s.agree(claim{what: "the killed edge is back", within: clean})
}

// testBusCut cuts an edge and a replica off the bus, and when the other replica has given that edge
// up, everything else, too. Who hears nothing says so instead of guessing. Meanwhile somebody
// leaves.
func testBusCut(s *stage) {
	begun := time.Now()
	var all []cluster.Link
	for _, p := range s.c.All() {
		if l := s.c.Link(p.Name); l != nil {
			all = append(all, l)
		}
	}
	s.c.Link("edge-1").Cut()
	s.c.Link("presence-1").Cut()
	s.agree(claim{what: "an edge is cut off the bus", replicas: []int{1}, edges: []int{1, 2}, since: begun, within: unclean})
	for _, l := range all {
		l.Cut()
	}
	for i := range stageReplicas {
		eventually(s.t, "a deaf replica says that it knows nothing", func() bool {
			_, ok := s.answer(i)
			return !ok
		})
	}
	out := s.people[2][1]
	s.goes(out, 2)
	eventually(s.t, "the cut is over", func() bool {
		for i := range stageReplicas {
			if got, ok := s.answer(i); ok {
				s.t.Errorf("a deaf replica names %v", got)
			}
		}
		return time.Since(begun) >= s.pace.cut
	})
	for _, l := range all {
		l.Heal()
	}
	s.agree(claim{what: "the bus is whole again", within: unclean})
	s.comes(out.account, 2)
}

// testDeploy stops and starts all edges one by one, while people talk. The people of an edge that
// has stopped are gone with it.
func testDeploy(s *stage) {
	stop := make(chan struct{})
	var wait sync.WaitGroup
	talkers := []*person{s.people[0][0], s.people[1][0], s.people[2][0]}
	wait.Go(func() { talkUntil(s.t, talkers, s.room, stop) })
	for i := range stageEdges {
		s.edge(i).Stop()
		s.agree(claim{
			what: fmt.Sprintf("edge %d is stopped", i+1), within: clean,
			edges: slices.DeleteFunc([]int{0, 1, 2}, func(e int) bool { return e == i }),
		})
		s.start(s.edge(i))
		s.agree(claim{what: fmt.Sprintf("edge %d is deployed", i+1), within: clean})
	}
	close(stop)
	wait.Wait()
	s.agree(claim{what: "all edges are deployed", within: clean})
}

// testNoGhosts: the replicas compare what they hold with the sockets that the edges have, and
// everybody of an edge leaves.
func testNoGhosts(s *stage) {
	for i := range stageReplicas {
		audits := func() int { return s.metric(s.replica(i), "hubbub_presence_audits_total") }
		before := max(audits(), 0)
		eventually(s.t, "every edge is audited", func() bool { return audits() >= before+2*stageEdges })
		eventually(s.t, "an audit finds everything right", func() bool {
			for _, what := range []string{"ghosts", "missing", "differing", "ghosts_oldest_seconds"} {
				if s.metric(s.replica(i), "hubbub_presence_"+what) != 0 {
					return false
				}
			}
			return true
		})
	}
	for _, p := range slices.Clone(s.people[1]) {
		s.goes(p, 1)
	}
	s.agree(claim{what: "everybody of an edge has left", within: clean})
}
