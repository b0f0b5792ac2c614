package replica

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/presence/roster"
)

const beat = 5 * time.Second

// process is a process of an edge with a table of sockets, which it tells of.
type process struct {
	*presence.Reporter
	end func() // in order

	mu       sync.Mutex
	sessions map[uint64]presence.Session
}

// table changes the sockets without telling of it.
func (p *process) table(change func(map[uint64]presence.Session)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.sessions)
}

func (p *process) enter(id uint64, user string) presence.Session {
	s := presence.Session{ID: id, User: user, Name: strings.Repeat("n", 200), Device: "web", Status: presence.Online, Rooms: []string{"lobby"}, Since: int64(id)}
	p.table(func(all map[uint64]presence.Session) { all[id] = s })
	p.Enter(s)
	return s
}

// live is a replica that runs, in a bubble, with processes of edges.
type live struct {
	*Replica
	t       *testing.T
	server  *membus.Server
	metrics *prometheus.Registry
	lost    []Lost
	stop    func()
}

func (l *live) run(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := f(ctx); err != nil {
			l.t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	l.t.Cleanup(stop)
	return stop
}

func (l *live) connect() bus.Interface {
	b := l.server.Open()
	l.t.Cleanup(func() { _ = b.Close() })
	return b
}

func (l *live) edge(id string) *process {
	p := &process{sessions: map[uint64]presence.Session{}}
	p.Reporter = presence.NewReporter(l.connect(), presence.ReporterConfig{Edge: id, Heartbeat: beat}, func(yield func(presence.Session) bool) {
		var all []presence.Session
		p.table(func(sessions map[uint64]presence.Session) { all = slices.Collect(maps.Values(sessions)) })
		for _, s := range all {
			if !yield(s) {
				return
			}
		}
	})
	p.end = l.run(p.Reporter.Run)
	return p
}

// start runs the replica.
func (l *live) start(cfg Config) {
	l.metrics = prometheus.NewRegistry()
	cfg.Heartbeat, cfg.Expiry = beat, 3*beat
	l.Replica = New(cfg, Deps{
		Bus: l.connect(), Log: zap.NewNop(), Metrics: l.metrics, Hears: func() bool { return true },
		Changed: func(*roster.Roster, roster.Seat) {}, Lost: func(lost Lost) { l.lost = append(l.lost, lost) },
	})
	l.stop = l.run(l.Run)
}

// metric returns a metric's value, of all labels or of one.
func (l *live) metric(name, label string) (sum int) {
	l.t.Helper()
	families, err := l.metrics.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "hubbub_presence_"+name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				sum += int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	return sum
}

func (l *live) found(what string, ghosts, missing, differing int) {
	l.t.Helper()
	synctest.Wait()
	if g, m, d := l.metric("ghosts", ""), l.metric("missing", ""), l.metric("differing", ""); g != ghosts || m != missing || d != differing {
		l.t.Errorf("%s: %d ghosts, %d missing and %d differing, want %d, %d and %d", what, g, m, d, ghosts, missing, differing)
	}
}

func alive(t *testing.T, test func(l *live)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(&live{t: t, server: membus.NewServer(membus.Options{})}) })
}

// sessions returns what is held.
func (l *live) sessions() (n int) {
	l.View(func(r *roster.Roster) { n, _, _ = r.Size() })
	return n
}

// TestRunTakesOver starts a replica among edges that have more sessions than fit one chunk of a
// snapshot, while they do not answer: it says when to ask again, and knows everybody when they do.
// Who comes and goes then is told without a snapshot.
func TestRunTakesOver(t *testing.T) {
	alive(t, func(l *live) {
		const each = 2500
		var edges []*process
		for _, id := range []string{"e1", "e2", "e3"} {
			p := l.edge(id)
			for i := range uint64(each) {
				p.enter(i+1, fmt.Sprint(id, "-", i))
			}
			edges = append(edges, p)
		}
		time.Sleep(time.Second)
		l.server.Fail(func(call, name string) error {
			if call == "Request" && strings.HasPrefix(name, "presence.edge.") {
				return bus.ErrUnavailable
			}
			return nil
		})
		l.start(Config{Fetches: 1})
		time.Sleep(beat / 10)
		if err := l.Ready(); retryAfterOf(err) != beat {
			t.Errorf("at the start: %v, try again after %s", err, retryAfterOf(err))
		}
		time.Sleep(beat)
		synctest.Wait()
		if err := l.Ready(); retryAfterOf(err) <= 0 || retryAfterOf(err) > beat/5 {
			t.Errorf("when the edges are about to have been heard: %v, try again after %s", err, retryAfterOf(err))
		}
		time.Sleep(beat)
		synctest.Wait()
		if err := l.Ready(); err == nil || l.metric("snapshots_total", "failed") < 3 {
			t.Errorf("the edges do not answer: %v; %d snapshots have failed", err, l.metric("snapshots_total", "failed"))
		}
		l.server.Fail(nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if err := l.Ready(); err != nil || l.sessions() != 3*each || l.metric("snapshots_total", "ok") != 3 {
			t.Errorf("%v; %d sessions, want %d; %d snapshots", err, l.sessions(), 3*each, l.metric("snapshots_total", "ok"))
		}
		gone := edges[0].enter(each+1, "late")
		edges[1].enter(each+1, "later")
		time.Sleep(time.Second)
		edges[0].table(func(all map[uint64]presence.Session) { delete(all, gone.ID) })
		edges[0].Exit(gone)
		time.Sleep(time.Second)
		synctest.Wait()
		if l.sessions() != 3*each+1 || l.metric("snapshots_total", "") != l.metric("snapshots_total", "failed")+3 {
			t.Errorf("%d sessions, want %d", l.sessions(), 3*each+1)
		}
		for range 2 { // each time that something is lost on the way, the edge is asked again
			l.server.Down()
			edges[1].enter(uint64(len(edges[1].sessions)+1), "unheard")
			time.Sleep(time.Second)
			l.server.Up()
			before := l.metric("snapshots_total", "ok")
			time.Sleep(3 * beat)
			synctest.Wait()
			if ok := l.metric("snapshots_total", "ok"); ok != before+1 {
				t.Errorf("after a loss %d snapshots are read, want 1", ok-before)
			}
		}
		edges[2].end()
		synctest.Wait()
		if l.sessions() != 2*each+3 || len(l.lost) > 0 {
			t.Errorf("after a goodbye: %d sessions, want %d, and lost is %d", l.sessions(), 2*each+3, len(l.lost))
		}
	})
}

func retryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// TestAuditFinds: an edge loses a session untold, has one that it never told, and changes one in
// silence. What changes explain is not found, nor is anything of an edge that is gone; an edge that
// does not answer is no finding.
func TestAuditFinds(t *testing.T) {
	alive(t, func(l *live) {
		p := l.edge("e1")
		for i := range uint64(2000) { // some chunks
			p.enter(i+1, fmt.Sprint("u", i))
		}
		const every = time.Minute
		l.start(Config{Fetches: 1, Audit: every})
		time.Sleep(every / 2) // half-way between two audits, from here on
		if err := l.Ready(); err != nil {
			t.Fatal(err)
		}
		l.found("before the first", 0, 0, 0)
		time.Sleep(every)
		l.found("nothing to find", 0, 0, 0)
		if l.metric("audits_total", "ok") != 1 || l.metric("audits_total", "") != 1 {
			t.Errorf("%d audits of %d are well", l.metric("audits_total", "ok"), l.metric("audits_total", ""))
		}
		set := func(id uint64, status presence.Status) {
			p.table(func(all map[uint64]presence.Session) {
				s := all[id]
				s.Status = status
				all[id] = s
			})
		}
		var ghost presence.Session
		p.table(func(all map[uint64]presence.Session) {
			ghost = all[1]
			delete(all, 1)
			all[5000] = presence.Session{ID: 5000, User: "untold", Name: "x", Since: 1, Status: presence.Online}
		})
		set(2, presence.DND)
		set(3, presence.DND)
		time.Sleep(every/2 + beat) // between the two looks of an audit
		l.found("before the second look", 0, 0, 0)
		p.Join(3, "u2", "moved") // so what is held is another thing than at the first look
		time.Sleep(every/2 - beat)
		l.found("what was not told", 1, 1, 1)
		time.Sleep(every)
		l.found("what is still so", 1, 1, 2)
		if old := l.metric("ghosts_oldest_seconds", ""); old < 60 || old > 90 {
			t.Errorf("the oldest is known for %d s", old)
		}
		p.Exit(ghost)
		p.Enter(presence.Session{ID: 5000, User: "untold", Name: "x", Since: 1, Status: presence.Online})
		p.Leave(3, "u2", "moved")
		set(2, presence.Online)
		set(3, presence.Online)
		time.Sleep(every)
		l.found("it is right again", 0, 0, 0)
		l.server.Fail(func(call, _ string) error {
			if call == "Request" {
				return bus.ErrUnavailable
			}
			return nil
		})
		set(2, presence.DND)
		time.Sleep(every)
		l.found("nobody answers", 0, 0, 0)
		if l.metric("audits_total", "failed") != 1 {
			t.Errorf("%d audits have failed", l.metric("audits_total", "failed"))
		}
		l.server.Fail(nil)
		time.Sleep(every)
		l.found("it answers again", 0, 0, 1)
		p.end()
		l.found("it is gone", 0, 0, 0)
		time.Sleep(every)
		l.mu.RLock()
		defer l.mu.RUnlock()
		if len(l.Replica.found) != 0 {
			t.Error("what was found of an edge that is gone is kept")
		}
	})
}
