package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/presence/roster"
)

// clocked is a replica without a bus, whose ticks and messages the test makes.
type clocked struct {
	*Replica
	t     *testing.T
	hears bool
	now   time.Time
	told  int // changes that watchers are to be told of
}

func newClocked(t *testing.T) *clocked {
	t.Helper()
	c := &clocked{t: t, hears: true, now: time.Unix(1e9, 0)}
	c.Replica = New(Config{Heartbeat: 5 * time.Second, Expiry: expiry, Fetches: 1}, Deps{
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Hears: func() bool { return c.hears },
		Changed: func(*roster.Roster, roster.Seat) { c.told++ },
	})
	return c
}

// pass lets time pass in ticks, while edges say that they are there, and returns what was lost and
// asked for.
func (c *clocked) pass(d time.Duration, beating ...*world) (lost []Lost, asked []*heal) {
	every := c.cfg.tick()
	for end := c.now.Add(d); c.now.Before(end); {
		if c.now.UnixMilli()/5000 != c.now.Add(every).UnixMilli()/5000 {
			for _, w := range beating {
				c.receive(w.tally.Heartbeat()...)
			}
		}
		c.now = c.now.Add(every)
		h, l := c.tick(c.now, 1)
		lost, asked = append(lost, l...), append(asked, h...)
	}
	return lost, asked
}

func (c *clocked) receive(messages ...[]byte) {
	if !c.hears {
		return
	}
	for _, msg := range messages {
		c.edges.receive(c.now, msg)
	}
}

func (c *clocked) want(what string, ready bool, sessions int) {
	c.t.Helper()
	err := c.Ready()
	if (err == nil) != ready || err != nil && chat.CodeOf(err) != chat.CodeUnavailable {
		c.t.Errorf("%s: ready is %v", what, err)
	}
	if e, ok := errors.AsType[*chat.Error](err); ok && (e.RetryAfter <= 0 || e.RetryAfter > c.cfg.Heartbeat) {
		c.t.Errorf("%s: try again after %s", what, e.RetryAfter)
	}
	if n, _, _ := c.roster.Size(); n != sessions {
		c.t.Errorf("%s: %d sessions, want %d", what, n, sessions)
	}
}

func oneSession(id string) *world {
	w := &world{id: id}
	w.start()
	enter(w, 1, "ann")
	return w
}

// TestReadiness: a replica answers when every edge must have been heard, and not before it has the
// sessions of those that it has not heard from their start on; but not for ever does it wait for
// them.
func TestReadiness(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.want("new", false, 0)
	w := oneSession("e1")
	c.pass(time.Second)
	c.receive(w.tally.Heartbeat()...)
	c.want("an edge was heard", false, 1)
	c.pass(4 * time.Second)
	c.want("not all need have been heard", false, 1)
	c.pass(1300*time.Millisecond, w)
	c.want("all must have been heard", true, 1)
	if c.told != 0 {
		t.Errorf("watchers are told of %d changes that are none", c.told)
	}
	enter(w, 2, "bob")
	c.receive(w.tally.Changes()...)
	if c.told == 0 {
		t.Error("a change after that is not told")
	}

	// One that begins in the middle of an edge's life.
	c = newClocked(t)
	late := oneSession("e1")
	late.tally.Changes()
	_, asked := c.pass(10*time.Second, late)
	c.want("with an edge that is being asked", false, 0)
	if len(asked) != 1 || asked[0].edge.id != "e1" || asked[0].need != 1 {
		t.Errorf("asked for %+v", asked)
	}
	c.pass(settleTime*expiry-5*time.Second, late)
	c.want("still", false, 0)
	c.pass(2*time.Second, late)
	c.want("with an edge that does not answer", true, 0)
}

// TestDeaf: while nothing is heard no edge expires and nobody is answered; then each edge has its
// time again.
func TestDeaf(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	here, gone := oneSession("e1"), oneSession("e2")
	c.pass(10*time.Second, here, gone)
	c.want("with two edges", true, 2)
	c.hears = false
	c.edges.want(c.now, c.edges.known["e1"], 0, false) // nobody can be asked
	lost, asked := c.pass(3*expiry, here, gone)
	c.want("deaf", false, 2)
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "nothing is heard over the bus") || len(asked) > 0 {
		t.Errorf("deaf: %v; asked for %d snapshots", err, len(asked))
	}
	c.edges.known["e1"].wanted = false
	if len(lost) > 0 {
		t.Errorf("edges expire while nothing is heard: %v", lost)
	}
	c.hears = true
	lost, _ = c.pass(time.Second)
	c.want("it hears again", false, 2)
	if len(lost) > 0 {
		t.Errorf("edges expire before they can be heard: %v", lost)
	}
	heard := c.now
	lost, _ = c.pass(6*time.Second, here)
	c.want("all must have been heard", true, 2)
	if len(lost) > 0 {
		t.Errorf("an edge expires within its time: %v", lost)
	}
	lost, _ = c.pass(expiry, here)
	c.want("one of them was silent", true, 1)
	if len(lost) != 1 || !slices.Equal(lost[0].Users, []string{"ann"}) || heard.Sub(lost[0].At) < 0 || heard.Sub(lost[0].At) > 2*time.Second {
		t.Errorf("lost is %+v; it could be heard from %s on", lost, heard)
	}
}

// TestLost: of an edge that goes without a goodbye it is told who was there for others to see, and
// when it was last heard.
func TestLost(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"silent", "killed and started", "goodbye"} {
		c := newClocked(t)
		w := oneSession("e1")
		hidden := presence.Session{ID: 2, User: "hal", Status: presence.Invisible, Rooms: []string{"a"}, Since: 1}
		w.sessions[2] = hidden
		w.tally.Enter(hidden)
		c.pass(10*time.Second, w)
		heard := c.now.Add(-c.now.Sub(c.edges.known["e1"].heard))
		var lost []Lost
		switch how {
		case "silent":
			lost, _ = c.pass(expiry)
		case "killed and started":
			w.start()
			c.receive(w.tally.Heartbeat()...)
			lost, _ = c.pass(c.cfg.tick())
		default:
			c.receive(w.tally.Goodbye())
			lost, _ = c.pass(c.cfg.tick())
		}
		if how == "goodbye" {
			if len(lost) != 0 {
				t.Errorf("%s: lost is %+v", how, lost)
			}
			continue
		}
		if len(lost) != 1 || !slices.Equal(lost[0].Users, []string{"ann"}) || !lost[0].At.Equal(heard) || heard.Equal(c.now) {
			t.Errorf("%s: lost is %+v, want ann at %s", how, lost, heard)
		}
		if again, _ := c.pass(time.Second); len(again) != 0 {
			t.Errorf("%s: told again: %+v", how, again)
		}
	}
}

// TestFailedSnapshots: an edge that cannot give a snapshot is asked less and less often, and others
// are asked meanwhile.
func TestFailedSnapshots(t *testing.T) {
	t.Parallel()
	f := newFixture()
	var waits []int
	f.es.nextRetry = func(failures int) time.Duration {
		waits = append(waits, failures)
		return time.Duration(failures) * time.Second
	}
	for _, id := range []string{"e1", "e2"} {
		w := oneSession(id)
		w.tally.Changes()
		f.receive(w.tally.Heartbeat()...)
	}
	f.wait(time.Second)
	if due := f.es.due(f.now, 1); len(due) != 1 {
		t.Fatalf("%d are asked, at most one", len(due))
	} else {
		f.es.fail(f.now, due[0])
	}
	var first []*heal
	for range 2 { // the other, and not the one that has just failed
		first = append(first, f.es.due(f.now, 10)...)
	}
	if len(first) != 1 || !first[0].edge.fetching {
		t.Fatalf("%d are asked", len(first))
	}
	h := first[0]
	for range 5 {
		f.es.fail(f.now, h)
		wait := h.edge.at.Sub(f.now)
		f.now = h.edge.at.Add(-time.Millisecond)
		for _, d := range f.es.due(f.now, 10) {
			if d.edge == h.edge {
				t.Errorf("asked again before %s are over", wait)
			}
		}
		f.now = h.edge.at
		h = nil
		for _, d := range f.es.due(f.now, 10) {
			if d.edge == first[0].edge {
				h = d
			}
		}
		if h == nil {
			t.Fatal("not asked again in time")
		}
	}
	if want := []int{1, 1, 2, 3, 4, 5}; !slices.Equal(waits, want) {
		t.Errorf("waited for %v failures, want %v", waits, want)
	}
	// A process that has been replaced meanwhile is left alone.
	w := oneSession(h.edge.id)
	w.start()
	f.receive(w.tally.Heartbeat()...)
	f.es.fail(f.now, h)
	if err := f.es.finish(f.now, h); !errors.Is(err, errAway) || len(waits) != 6 {
		t.Errorf("a snapshot of a process that is gone: %v, %v", err, waits)
	}
}

// TestRetryAfter: the waits grow to half a minute, and differ.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for failures, most := range map[int]time.Duration{0: 250 * time.Millisecond, 1: 500 * time.Millisecond, 3: 2 * time.Second, 7: 30 * time.Second, 100: 30 * time.Second} {
		seen := map[time.Duration]bool{}
		for range 20 {
			d := retryAfter(failures)
			if seen[d] = true; d < most/2 || d > most {
				t.Errorf("after %d failures: %s", failures, d)
			}
		}
		if len(seen) < 2 {
			t.Errorf("after %d failures all wait equally long", failures)
		}
	}
}

// TestHeldOverflow: when more changes wait for a snapshot than are kept, only a newer snapshot than
// all of them will do, and the late arrival of what was missing will not.
func TestHeldOverflow(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	enter(w, 2, "lost")
	missing := w.tally.Changes()
	big := presence.Session{User: "many"}
	for i := range 200 {
		big.Rooms = append(big.Rooms, fmt.Sprintf("room-%059d", i))
	}
	for big.ID = 3; big.ID == 3 || f.es.known["e1"].heldBytes > 0; big.ID++ {
		w.sessions[big.ID] = big
		w.tally.Enter(big)
		f.receive(w.tally.Changes()...)
	}
	e := f.es.known["e1"]
	_, number := w.tally.Count()
	if !e.wanted || e.gap || e.need != number || len(e.held) != 0 {
		t.Errorf("wanted %v, gap %v, a snapshot with change %d of %d, %d held", e.wanted, e.gap, e.need, number, len(e.held))
	}
	f.receive(missing...)
	if !e.wanted {
		t.Error("the wish for a snapshot is given up, and changes are missing")
	}
	f.wait(time.Second)
	f.heal(t, map[string]*world{"e1": w}, func() {})
	if f.sessions() != len(w.sessions) || e.wanted {
		t.Errorf("%d sessions, want %d", f.sessions(), len(w.sessions))
	}
}
