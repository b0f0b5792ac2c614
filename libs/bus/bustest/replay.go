package bustest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/bus"
)

var replayTests = map[string]func(*testing.T, *suite){
	"replay: an empty room":                        checkReplayEmpty,
	"replay: from before the first entry":          checkReplayFromNothing,
	"replay: from just before an entry":            checkReplayBefore,
	"replay: from every entry, with every limit":   checkReplayEverywhere,
	"replay: through a Seq that no entry has":      checkReplayThrough,
	"replay: another entry there is a rewind":      checkReplayMismatch,
	"replay: ahead of the end is a rewind":         checkReplayAhead,
	"replay: after an entry of a log that is lost": checkReplayOtherLog,
	"replay: what is refused":                      checkReplayRefuses,
	"remove":                                       checkRemove,
	"remove: the last entry":                       checkRemoveLast,
	"remove: what is not there":                    checkRemoveNothing,
	"advance":                                      checkAdvance,
}

func replay(t testing.TB, b bus.Log, room string, after bus.Position, limit int) bus.Replayed {
	t.Helper()
	rep, err := b.Replay(within(t), room, after, limit)
	if err != nil {
		t.Fatalf("replay after %v: %v", after, err)
	}
	return rep
}

func at(e bus.Entry) bus.Position { return bus.Position{Seq: e.Seq, ID: e.ID} }

func checkReplayEmpty(t *testing.T, s *suite) {
	fill(t, s.bus, name("room"), 1) // another room's
	if diff := cmp.Diff(bus.Replayed{}, replay(t, s.bus, name("room"), bus.Position{}, 10), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// checkReplayFromNothing replays from where a new log ended before its first entry, as a client
// does that asked for the heads then.
func checkReplayFromNothing(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	room := name("room")
	heads, err := b.Heads(within(t), []string{room})
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want []bus.Entry) {
		t.Helper()
		rep := replay(t, b, room, bus.Position{Seq: heads[0].Through}, 10)
		if diff := cmp.Diff(want, rep.Entries, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(bus.Entry{}, "Prev")); rep.Rewound || diff != "" {
			t.Errorf("%s: rewound %v\n%s", when, rep.Rewound, diff)
		}
	}
	check("with nothing in the log", nil)
	for range 40 { // rooms of every partition
		fill(t, b, name("room"), 1)
	}
	check("with entries of other rooms", nil)
	check("with entries", fill(t, b, room, 2))
}

// checkReplayBefore reads one entry by its Seq, as a caller does that has only that: also the first
// of a room, and of the whole log.
func checkReplayBefore(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	for range 40 { // rooms of every partition
		room := name("room")
		for _, e := range fill(t, b, room, 2) {
			rep := replay(t, b, room, bus.Position{Seq: e.Seq - 1}, 1)
			if rep.Rewound || len(rep.Entries) != 1 || rep.Entries[0].Seq != e.Seq {
				t.Fatalf("before %d: rewound %v, entries %v", e.Seq, rep.Rewound, rep.Entries)
			}
		}
	}
}

func checkReplayEverywhere(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 7)
	fill(t, s.bus, name("room"), 3)
	last := log[len(log)-1].Seq
	for from := range len(log) + 1 {
		var after bus.Position
		if from > 0 {
			after = at(log[from-1])
		}
		for _, id := range []string{after.ID, ""} {
			after.ID = id
			for limit := 1; limit <= len(log)+1; limit++ {
				rep := replay(t, s.bus, room, after, limit)
				want := log[from:min(from+limit, len(log))]
				if diff := cmp.Diff(want, rep.Entries, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("after %v, limit %d:\n%s", after, limit, diff)
				}
				more := from+limit < len(log)
				if rep.More != more || rep.Truncated || rep.Rewound {
					t.Errorf("after %v, limit %d: more %v (want %v), truncated %v, rewound %v",
						after, limit, rep.More, more, rep.Truncated, rep.Rewound)
				}
				if more && rep.Through != want[len(want)-1].Seq || !more && rep.Through < last {
					t.Errorf("after %v, limit %d: through %d", after, limit, rep.Through)
				}
			}
		}
	}
}

func checkReplayThrough(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 2)
	fill(t, s.bus, name("room"), 20)
	through := replay(t, s.bus, room, at(log[1]), 10).Through
	rep := replay(t, s.bus, room, bus.Position{Seq: through}, 10)
	if len(rep.Entries) > 0 || rep.Rewound || rep.Truncated || rep.More || rep.Through < through {
		t.Errorf("after %d, where the last answer ended: %+v", through, rep)
	}
	more := fill(t, s.bus, room, 1)
	rep = replay(t, s.bus, room, bus.Position{Seq: through}, 10)
	if len(rep.Entries) != 1 || rep.Entries[0].ID != more[0].ID || rep.Entries[0].Prev != through {
		t.Errorf("after %d, with an entry added: %+v", through, rep)
	}
}

func checkReplayMismatch(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 3)
	for i, e := range log {
		rep := replay(t, s.bus, room, bus.Position{Seq: e.Seq, ID: log[(i+1)%3].ID}, 10)
		if !rep.Rewound || len(rep.Entries) > 0 || rep.Through < log[2].Seq {
			t.Errorf("the id of another entry: %+v", rep)
		}
	}
}

func checkReplayAhead(t *testing.T, s *suite) {
	log := fill(t, s.bus, name("room"), 3)
	for _, room := range []string{log[0].Room, name("room")} {
		for _, p := range []bus.Position{
			{Seq: log[2].Seq + 1<<45, ID: "id"}, {Seq: log[2].Seq + 1<<45}, {Seq: bus.MaxSeq, ID: "id"}, {Seq: 1<<64 - 1},
		} {
			if rep := replay(t, s.bus, room, p, 10); !rep.Rewound || len(rep.Entries) > 0 {
				t.Errorf("after %v: %+v", p, rep)
			}
		}
	}
}

// checkReplayOtherLog asks a new log about positions in an old one, which was lost or belongs to
// another bus. The new log has nothing at first, then entries of another room, then some of the
// same room.
func checkReplayOtherLog(t *testing.T, s *suite) {
	CheckLostLog(t, s.opener(t, Retention{})(t), func() bus.Log { return s.opener(t, Retention{})(t) })
}

// CheckLostLog checks that a new, empty log reports a position in an older one as rewound, and goes
// on above its Seqs. open creates the new log.
func CheckLostLog(t *testing.T, old bus.Log, open func() bus.Log) {
	t.Helper()
	room := name("room")
	log := fill(t, old, room, 3)
	fill(t, old, name("room"), 3)
	through := replay(t, old, room, at(log[2]), 10).Through
	// Seqs begin with the clock's seconds
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	fresh := open()
	told := func(when string) {
		t.Helper()
		for _, p := range []bus.Position{at(log[0]), at(log[2]), {Seq: log[1].Seq}, {Seq: through}} {
			if rep := replay(t, fresh, room, p, 10); !rep.Rewound || len(rep.Entries) > 0 {
				t.Errorf("%s, after %+v of the old log: %+v, want a rewind", when, p, rep)
			}
		}
	}
	told("with nothing in the new log")
	for range 40 { // rooms of every partition
		fill(t, fresh, name("room"), 1)
	}
	told("with entries of other rooms")
	more := fill(t, fresh, room, 2)
	told("with new entries")
	if more[0].Seq <= through {
		t.Errorf("Seq %d in the new log, %d in the old one", more[0].Seq, through)
	}
	if diff := cmp.Diff(more, readAll(t, fresh, room)); diff != "" {
		t.Errorf("the new log:\n%s", diff)
	}
}

func checkReplayRefuses(t *testing.T, s *suite) {
	for _, limit := range []int{-1, 0, 1001} {
		if _, err := s.bus.Replay(within(t), name("room"), bus.Position{}, limit); err == nil {
			t.Errorf("limit %d is taken", limit)
		}
	}
	if _, err := s.bus.Replay(within(t), "a.b", bus.Position{}, 1); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
}

func checkRemove(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 5)
	for range 2 { // the second time it is not there
		for _, i := range []int{0, 2} {
			if err := s.bus.Remove(within(t), room, log[i].Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.isGone(t, room, log[0], log[2])
	want := []bus.Entry{log[1], log[3], log[4]}
	want[0].Prev, want[1].Prev = 0, log[1].Seq
	if diff := cmp.Diff(want, readAll(t, s.bus, room)); diff != "" {
		t.Errorf("the log:\n%s", diff)
	}
	rep := replay(t, s.bus, room, at(log[2]), 10) // a follower may still have it
	if rep.Rewound || rep.Truncated || len(rep.Entries) != 2 {
		t.Errorf("after an entry that was removed: %+v", rep)
	}
	rep = replay(t, s.bus, room, bus.Position{}, 2)
	if len(rep.Entries) != 2 || !rep.More || rep.Entries[1].Seq != log[3].Seq {
		t.Errorf("a page over an entry that was removed: %+v", rep)
	}
}

// isGone waits until every server, where there are several, knows that entries were removed.
func (s *suite) isGone(t *testing.T, room string, removed ...bus.Entry) {
	t.Helper()
	for row := 0; s.Replicas && row < 20; row++ {
		eventually(t, "what was removed is gone", func() bool {
			all := readAll(t, s.bus, room)
			there := slices.ContainsFunc(removed, func(r bus.Entry) bool {
				return slices.ContainsFunc(all, func(e bus.Entry) bool { return e.ID == r.ID })
			})
			if there {
				row = 0
			}
			return !there
		})
	}
}

func checkRemoveLast(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 2)
	f := s.follow(t, s.bus, room)
	if err := s.bus.Remove(within(t), room, log[1].Seq); err != nil {
		t.Fatal(err)
	}
	s.isGone(t, room, log[1])
	rep := replay(t, s.bus, room, at(log[1]), 10)
	if rep.Rewound || rep.Truncated || len(rep.Entries) > 0 {
		t.Errorf("after the entry that was removed: %+v", rep)
	}
	g := s.follow(t, s.bus, room)
	more := fill(t, s.bus, room, 2)
	f.has(t, more)
	g.has(t, more)
	if got := readAll(t, s.bus, room); len(got) != 3 || got[1].ID != more[0].ID || got[1].Seq <= log[1].Seq {
		t.Errorf("the log: %+v", got)
	}
}

func checkRemoveNothing(t *testing.T, s *suite) {
	room, other := name("room"), name("room")
	log := fill(t, s.bus, room, 2)
	theirs := fill(t, s.bus, other, 1)
	for _, seq := range []uint64{0, 1, theirs[0].Seq, log[1].Seq + 1<<40, bus.MaxSeq, 1<<64 - 1} {
		if err := s.bus.Remove(within(t), room, seq); err != nil {
			t.Errorf("%d: %v", seq, err)
		}
	}
	if len(readAll(t, s.bus, room)) != 2 || len(readAll(t, s.bus, other)) != 1 {
		t.Error("an entry is gone")
	}
	if err := s.bus.Remove(within(t), "a.b", 1); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
}

func checkAdvance(t *testing.T, s *suite) {
	open := s.opener(t, Retention{})
	b, other := open(t), open(t)
	rooms := []string{name("room"), name("room"), name("room"), name("room")}
	last := fill(t, b, rooms[0], 1)[0].Seq
	past := last + 1<<40
	for _, p := range []uint64{past, last, 0} { // the lower ones change nothing
		if err := b.Advance(within(t), p); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rooms {
		if seq := put(t, other, entry(r, "ann", "id2")); seq <= past {
			t.Errorf("Seq %d after an advance past %d", seq, past)
		}
	}
	if err := b.Advance(within(t), bus.MaxSeq); err == nil {
		t.Error("an advance that leaves no Seq is taken")
	}
	put(t, b, entry(rooms[0], "ann", "id3"))
}
