package replica

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/presence/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an edge with its sessions, whose processes come and go, and what is under way from it to
// the replica.
type world struct {
	id       string
	tally    *presence.Tally
	sessions map[uint64]presence.Session
	next     uint64
	process  uint64
	wire     [][]byte // sent and not delivered
	past     [][]byte // delivered or lost, of all processes
	down     bool
	// during, if set, is called once in the middle of a snapshot.
	during func()
}

func (w *world) start() {
	w.process++
	w.sessions = map[uint64]presence.Session{}
	w.next, w.down = 0, false
	w.tally = presence.NewTally(w.id, w.process, func(yield func(presence.Session) bool) {
		ids := slices.Sorted(maps.Keys(w.sessions))
		for i, id := range ids {
			if during := w.during; during != nil && i >= len(ids)/2 {
				w.during = nil
				during()
			}
			if s, ok := w.sessions[id]; ok && !yield(s) {
				return
			}
		}
	})
}

func (w *world) send(messages ...[]byte) { w.wire = append(w.wire, messages...) }

// act makes one random change of the sessions and tells it.
func (w *world) act(t *rapid.T) {
	room := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "room")
	var ids []uint64
	for id := range w.sessions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if len(ids) == 0 || rapid.IntRange(0, 3).Draw(t, "enter") == 0 {
		w.next++
		user := fmt.Sprint("u", rapid.IntRange(1, 5).Draw(t, "user"))
		s := presence.Session{ID: w.next, User: user, Name: "Name of " + user, Device: "web", Status: presence.Online, Rooms: []string{room}, Since: int64(w.next)}
		w.sessions[s.ID] = s
		w.tally.Enter(s)
		return
	}
	s := w.sessions[rapid.SampledFrom(ids).Draw(t, "id")]
	s.Rooms = slices.Clone(s.Rooms)
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		delete(w.sessions, s.ID)
		w.tally.Exit(s)
	case 1:
		old := s.Status
		s.Status = rapid.SampledFrom([]presence.Status{presence.Online, presence.DND, presence.Invisible, presence.Idle}).Draw(t, "status")
		w.sessions[s.ID] = s
		w.tally.SetStatus(s.ID, old, s.Status)
	default:
		if i := slices.Index(s.Rooms, room); i >= 0 {
			s.Rooms = slices.Delete(s.Rooms, i, i+1)
			w.sessions[s.ID] = s
			w.tally.Leave(s.ID, s.User, room)
		} else {
			s.Rooms = append(s.Rooms, room)
			w.sessions[s.ID] = s
			w.tally.Join(s.ID, s.User, room)
		}
	}
}

// fixture is a replica's state machine under a clock that stands still until it is moved.
type fixture struct {
	es      *edges
	r       *roster.Roster
	now     time.Time
	refused map[string]int
	healed  map[string]int
}

const expiry = 15 * time.Second

func newFixture() *fixture {
	f := &fixture{now: time.Unix(1e9, 0), refused: map[string]int{}, healed: map[string]int{}}
	f.r = roster.New(func(roster.Seat) {})
	f.es = newEdges(f.r, expiry, 100*time.Millisecond, func(reason string) { f.refused[reason]++ }, func(cause string) { f.healed[cause]++ })
	return f
}

// heal reads the snapshots that are due. Between two chunks, and within the taking, others may act.
func (f *fixture) heal(t interface{ Fatalf(string, ...any) }, worlds map[string]*world, between func()) {
	for _, h := range f.es.due(f.now, 10) {
		w := worlds[h.edge.id]
		req := presence.SnapshotRequest{Min: h.need}
		err := func() error {
			for {
				if w.down || w.tally.Incarnation() != h.edge.incarnation {
					return errAway
				}
				reply, err := w.tally.Answer(presence.AppendSnapshotRequest(nil, req))
				if err != nil {
					return err
				}
				c, err := presence.DecodeChunk(reply, h.edge.id, h.edge.incarnation)
				if err != nil {
					t.Fatalf("chunk: %v", err)
				}
				if c.Index == 0 {
					err = f.es.begin(h, c)
				} else {
					err = f.es.chunk(h, c)
				}
				if err != nil {
					return err
				}
				between()
				if req.ID, req.Index = c.ID, c.Index+1; req.Index == c.Chunks {
					return nil
				}
			}
		}()
		if err == nil {
			err = f.es.finish(f.now, h)
		}
		if err != nil {
			f.es.fail(f.now, h)
		}
	}
}

// state is everything that can be asked for.
func state(r *roster.Roster) map[string]any {
	out := map[string]any{}
	for _, room := range []string{"a", "b", "c"} {
		people, _ := r.Who(room, roster.Cursor{}, 100)
		out[room] = append([]any{r.Online(room)}, fmt.Sprint(people))
	}
	for i := 1; i <= 5; i++ {
		_, seen, self, devices := r.User(fmt.Sprint("u", i))
		out[fmt.Sprint("u", i)] = fmt.Sprint(seen, self, devices)
	}
	sessions, _, _ := r.Size()
	out["sessions"] = sessions
	return out
}

// exact is the state of a roster that was told of the sessions of these edges without any loss.
func exact(worlds map[string]*world) map[string]any {
	r := roster.New(func(roster.Seat) {})
	for _, w := range worlds {
		e := roster.NewEdge()
		if w.down {
			continue
		}
		for _, s := range w.sessions {
			c := presence.Change{Kind: presence.Entered, ID: s.ID, User: []byte(s.User), Name: []byte(s.Name), Device: []byte(s.Device), Status: s.Status, Since: s.Since}
			for _, room := range s.Rooms {
				c.Rooms = append(c.Rooms, []byte(room))
			}
			r.Apply(e, &c)
		}
	}
	return state(r)
}

// TestEdgesModel lets edges change, restart and stop while what they send is lost, repeated,
// reordered, damaged and replayed, and then holds that a few quiet heartbeats make the replica
// exact.
func TestEdgesModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture()
		corrupted := false
		worlds := map[string]*world{"e1": {id: "e1"}, "e2": {id: "e2"}}
		for _, w := range worlds {
			w.start()
		}
		pick := func() *world { return worlds[rapid.SampledFrom([]string{"e1", "e2"}).Draw(t, "edge")] }
		deliver := func(w *world) {
			for _, msg := range w.wire {
				f.es.receive(f.now, msg)
			}
			w.past, w.wire = append(w.past, w.wire...), nil
		}
		actions := map[string]func(*rapid.T){
			"act": func(t *rapid.T) {
				if w := pick(); !w.down {
					for range rapid.IntRange(1, 5).Draw(t, "n") {
						w.act(t)
					}
				}
			},
			"flush": func(*rapid.T) {
				if w := pick(); !w.down {
					w.send(w.tally.Changes()...)
				}
			},
			"heartbeat": func(*rapid.T) {
				if w := pick(); !w.down {
					w.send(w.tally.Heartbeat()...)
				}
			},
			"deliver": func(*rapid.T) { deliver(pick()) },
			"lose": func(t *rapid.T) {
				if w := pick(); len(w.wire) > 0 {
					i := rapid.IntRange(0, len(w.wire)-1).Draw(t, "i")
					w.past = append(w.past, w.wire[i])
					w.wire = slices.Delete(w.wire, i, i+1)
				}
			},
			"reorder": func(t *rapid.T) {
				if w := pick(); len(w.wire) > 1 {
					i := rapid.IntRange(0, len(w.wire)-2).Draw(t, "i")
					w.wire[i], w.wire[i+1] = w.wire[i+1], w.wire[i]
				}
			},
			"damage": func(t *rapid.T) {
				if w := pick(); len(w.wire) > 0 {
					msg := bytes.Clone(w.wire[0])
					msg[rapid.IntRange(0, len(msg)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
					before := f.refused[refusedDamaged]
					f.es.receive(f.now, msg)
					if f.refused[refusedDamaged] != before+1 {
						t.Fatal("a damaged report was not refused")
					}
				}
			},
			"replay": func(t *rapid.T) {
				if w := pick(); len(w.past) > 0 {
					f.es.receive(f.now, rapid.SampledFrom(w.past).Draw(t, "msg"))
				}
			},
			"corrupt": func(t *rapid.T) {
				// As if a change had been applied wrongly: only the digest can tell.
				if e := f.es.known[pick().id]; e != nil && !e.wanted && e.sessions.Count() > 0 {
					corrupted = true
					f.r.Apply(e.sessions, &presence.Change{
						Kind: rapid.SampledFrom([]presence.ChangeKind{presence.Joined, presence.Left, presence.Exited}).Draw(t, "kind"),
						ID:   rapid.Uint64Range(1, 4).Draw(t, "id"), Room: []byte("b"),
					})
				}
			},
			"restart": func(*rapid.T) {
				w := pick()
				w.start()
				w.send(w.tally.Heartbeat()...)
			},
			"goodbye": func(*rapid.T) {
				if w := pick(); !w.down {
					w.send(w.tally.Goodbye())
					w.down = true
				}
			},
			"crash": func(*rapid.T) { pick().down = true },
			"time": func(t *rapid.T) {
				f.now = f.now.Add(time.Duration(rapid.IntRange(1, 8000).Draw(t, "ms")) * time.Millisecond)
				f.es.expire(f.now)
			},
			"heal": func(t *rapid.T) {
				w := pick()
				if rapid.Bool().Draw(t, "busy") {
					w.during = func() { w.act(t); w.send(w.tally.Changes()...); deliver(w) }
				}
				f.heal(t, worlds, func() {
					if !w.down && rapid.Bool().Draw(t, "between") {
						w.act(t)
						w.send(w.tally.Changes()...)
						deliver(w)
					}
				})
			},
		}
		// Most of what happens to an edge is that its sessions change.
		var weighted []string
		for name, weight := range map[string]int{
			"act": 12, "flush": 8, "heartbeat": 6, "deliver": 8, "heal": 6, "time": 4, "lose": 3, "reorder": 3, "damage": 1, "replay": 2,
			"restart": 1, "goodbye": 1, "crash": 1, "corrupt": 1,
		} {
			weighted = append(weighted, slices.Repeat([]string{name}, weight)...)
		}
		slices.Sort(weighted)
		for range rapid.IntRange(20, 120).Draw(t, "steps") {
			actions[rapid.SampledFrom(weighted).Draw(t, "action")](t)
		}
		// From here on nothing is lost. An edge that is down has sent its last; the others speak
		// every 5 s.
		for i := range 16 {
			f.now = f.now.Add(5 * time.Second)
			for _, w := range worlds {
				if !w.down {
					w.send(w.tally.Heartbeat()...)
				}
				deliver(w)
			}
			f.es.expire(f.now)
			f.heal(t, worlds, func() {})
			if i >= 12 && !f.es.synced() {
				t.Fatalf("not in step after %d quiet heartbeats: %+v", i, f.es.known)
			}
		}
		if diff := gocmp.Diff(exact(worlds), state(f.r)); diff != "" {
			t.Fatalf("not what the edges have (-want +got):\n%s", diff)
		}
		if f.healed["digest"] > 0 && !corrupted {
			t.Fatal("a digest was wrong although every change was applied as it should be")
		}
	})
}
