package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// pace is how quickly presence works on a stage.
type pace struct {
	heartbeat, expiry time.Duration
	cut               time.Duration // how long the bus is cut
	bounds            bool          // hold every agreement to its bound
}

// The pace of every test, and that which is shipped: see drill-presence in the Makefile.
var (
	quick   = pace{heartbeat: time.Second, expiry: 4 * time.Second, cut: 8 * time.Second}
	shipped = pace{heartbeat: 5 * time.Second, expiry: 15 * time.Second, cut: 30 * time.Second, bounds: true}
)

// The bounds of an agreement: after something that is told, and after something that has to be
// found out.
const (
	clean   = 5 * time.Second
	unclean = 15 * time.Second
)

// The processes of a stage, and people on each edge.
const (
	stageEdges    = 3
	stageReplicas = 2
	peoplePerEdge = 8
)

// stage is a cluster with people in one room, each on the edge of their own, to which they always
// come back.
type stage struct {
	t        *testing.T // of the part that runs
	whole    *testing.T // with which the people go
	c        *cluster.Cluster
	bus      string
	pace     pace
	room     string
	operator *client.Session // who runs the server
	people   [stageEdges][]*person
}

func newStage(t *testing.T, bus string, p pace) *stage {
	t.Helper()
	const operator = "Boss"
	s := &stage{t: t, whole: t, bus: bus, pace: p, c: startCluster(t, cluster.Config{
		Bus: bus, Edges: stageEdges, Presence: stageReplicas, Proxies: true,
		Args: map[string][]string{
			"edge":     {"--drain", "1s", "--heartbeat", p.heartbeat.String()},
			"presence": {"--audit-every", "1s", "--edge-heartbeat", p.heartbeat.String(), "--edge-expiry", p.expiry.String()},
		},
	})}
	var err error
	if s.operator, err = client.NewAPI(s.c.URL, nil).Register(t.Context(), operator, "correct horse"); err != nil {
		t.Fatal(err)
	}
	setUp(t, s.c, operator)
	s.room = newRoom(t, s.c)
	for e := range s.people {
		for i := range peoplePerEdge {
			s.comes(newAccount(t, s.c.URL, fmt.Sprintf("stage-%d-%d", e, i)), e)
		}
	}
	s.comes(s.people[0][0].account, 1) // somebody with a socket on two edges
	s.agree(claim{what: "everybody has come in", within: clean})
	return s
}

// comes connects somebody to an edge, where they join the room.
func (s *stage) comes(a *account, edge int) *person {
	s.t.Helper()
	p := a.enter(s.whole, "http://"+s.edge(edge).Addr)
	p.join(s.room)
	s.people[edge] = append(s.people[edge], p)
	return p
}

// goes makes somebody leave an edge for good.
func (s *stage) goes(p *person, edge int) {
	p.leave()
	s.people[edge] = slices.DeleteFunc(s.people[edge], func(other *person) bool { return other == p })
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

// claim is that replicas know just who has a socket on these edges.
type claim struct {
	what     string
	replicas []int         // nil: all
	edges    []int         // nil: all
	since    time.Time     // when what has to be found out began; zero: when the sockets are there
	within   time.Duration // the bound
}

// agree waits until the edges have the sockets of their people and no others, and every replica
// names just those people and has just as many sessions.
func (s *stage) agree(c claim) {
	s.t.Helper()
	replicas, edges := c.replicas, c.edges
	if replicas == nil {
		replicas = []int{0, 1}
	}
	if edges == nil {
		edges = []int{0, 1, 2}
	}
	var names []string
	sockets := 0
	for _, e := range edges {
		eventually(s.t, fmt.Sprintf("%s: edge %d has the sockets of its people", c.what, e+1), func() bool {
			return s.metric(s.edge(e), "hubbub_edge_sockets") == len(s.people[e])
		})
		for _, p := range s.people[e] {
			names = append(names, p.name)
		}
		sockets += len(s.people[e])
	}
	slices.Sort(names)
	names = slices.Compact(names) // somebody may be there more than once
	begun := c.since
	if begun.IsZero() {
		begun = time.Now()
	}
	for _, i := range replicas {
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			got, ok := s.answer(i)
			held := s.metric(s.replica(i), "hubbub_presence_sessions")
			if ok && slices.Equal(got, names) && held == sockets {
				break
			}
			if time.Now().After(deadline) {
				s.t.Fatalf("%s: replica %d holds %d sessions and names %v, want %d of %v", c.what, i+1, held, got, sockets, names)
			}
		}
	}
	took := time.Since(begun)
	s.t.Logf("%-5s  %-48s %5.1f s of %.0f", s.bus, c.what, took.Seconds(), c.within.Seconds())
	if s.pace.bounds && took > c.within {
		s.t.Errorf("%s: only after %s", c.what, took)
	}
}

// start starts processes, all at once, and returns when they are ready.
func (s *stage) start(processes ...*cluster.Process) {
	s.t.Helper()
	var all errgroup.Group
	for _, p := range processes {
		all.Go(func() error { return p.Start(s.t.Context()) })
	}
	if err := all.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

// metric returns the sum of a metric of a process over its labels; -1: it has none.
func (s *stage) metric(p *cluster.Process, name string) int {
	r, err := http.Get("http://" + p.Ops + "/metrics")
	if err != nil {
		return -1
	}
	defer r.Body.Close()
	sum, found := 0.0, false
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		of, value, _ := strings.Cut(lines.Text(), " ")
		if of, _, _ := strings.Cut(of, "{"); of != name {
			continue
		}
		if n, err := strconv.ParseFloat(value[strings.LastIndex(value, " ")+1:], 64); err == nil {
			sum, found = sum+n, true
		}
	}
	if !found {
		return -1
	}
	return int(sum)
}

// ban has somebody ban at a path of the API.
func (s *stage) ban(by *client.Session, path string) {
	s.t.Helper()
	token, err := by.Token(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.c.URL+path, strings.NewReader(`{"reason":"a test"}`))
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
}
