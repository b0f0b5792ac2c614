package presence

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	presenceapi "hubbub.internal/libs/api/presence"
)

func TestKilledEdgeLeavesNoGhost(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		s1, _ := startService(t, srv.open(t), quick(), nil, nil)
		s2, _ := startService(t, srv.open(t), quick(), nil, nil)
		for i := range 50 {
			a.enter(fmt.Sprint("a", i), presenceapi.Online, "lobby")
			b.enter(fmt.Sprint("b", i), presenceapi.Online, "lobby")
		}
		ready(t, s1, s2)
		agree(t, "entered", []string{"lobby"}, []*Service{s1, s2}, a, b)
		a.kill()
		agree(t, "killed", []string{"lobby"}, []*Service{s1, s2}, b)
	})
}

// TestAudit: an edge loses a session whose end it does not tell, has one that it never
// told, and one whose status and rooms it has changed in silence: each is found by every replica
// although all digests agree, and is found no more when the edge has put it right.
func TestAudit(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.AuditEvery = 20 * time.Millisecond
		metrics := prometheus.NewRegistry()
		s, _ := startService(t, srv.open(t), cfg, metrics, nil)
		e := startEdge(t, srv.open(t), "edge")
		for i := range 50 {
			e.enter(fmt.Sprint("u", i), presenceapi.Online, "lobby")
		}
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, e)
		found := func(what string, ghosts, missing, differing int) {
			t.Helper()
			eventually(t, what, func() error {
				g, m, d := count(t, metrics, "hubbub_presence_ghosts"), count(t, metrics, "hubbub_presence_missing"), count(t, metrics, "hubbub_presence_differing")
				if g != ghosts || m != missing || d != differing {
					return fmt.Errorf("%d ghosts, %d missing, %d differing", g, m, d)
				}
				return nil
			})
		}
		e.mu.Lock()
		lost := e.sessions[7]
		delete(e.sessions, 7)
		untold := presenceapi.Session{ID: 9999, User: "zed", Name: "Zed", Status: presenceapi.Online, Since: 1}
		e.sessions[9999] = untold
		e.mu.Unlock()
		e.update(8, func(s *presenceapi.Session) { s.Status = presenceapi.DND })
		_, moved := e.update(9, func(s *presenceapi.Session) { s.Rooms = []string{"elsewhere"} })
		// so that a snapshot from before will not do
		e.enter("somebody", presenceapi.Online, "lobby")
		found("what was not told is found", 1, 1, 2)
		eventually(t, "it gets older", func() error {
			if count(t, metrics, "hubbub_presence_ghosts_oldest_seconds") == 0 {
				return errors.New("it is new")
			}
			return nil
		})
		e.reporter.Exit(lost)
		e.reporter.Enter(untold)
		e.reporter.SetStatus(8, presenceapi.Online, presenceapi.DND)
		e.reporter.Leave(9, moved.User, "lobby")
		e.reporter.Join(9, moved.User, "elsewhere")
		found("it is right again", 0, 0, 0)

		if n := count(t, metrics, "hubbub_presence_audits_total"); n < 2 {
			t.Errorf("%d audits are counted", n)
		}

		// Under churn nothing is found.
		for range 200 {
			id := e.enter("flapper", presenceapi.Online, "lobby")
			e.setStatus(id, presenceapi.DND)
			e.exit(id)
		}
		e.mu.Lock()
		delete(e.sessions, 10)
		e.mu.Unlock()
		e.enter("another", presenceapi.Online, "lobby")
		found("a ghost", 1, 0, 0)
		e.kill()
		found("the ghost of an edge that is gone is gone", 0, 0, 0)
	})
}
