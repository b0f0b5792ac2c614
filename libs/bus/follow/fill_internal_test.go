package follow

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
)

// TestFilled: what a read of the log makes of a room.
func TestFilled(t *testing.T) {
	for name, tt := range map[string]struct {
		set         func(r *room)
		rep         driver.Replayed
		from        uint64
		last        bool
		done, moved bool
		through     uint64
		told        []string
	}{
		"what follows":                 {rep: driver.Replayed{Entries: []driver.Entry{said(12, 10), said(15, 12)}, Through: 17}, from: 10, done: true, moved: true, through: 17, told: []string{"12<10", "15<12"}},
		"what is held, too":            {rep: driver.Replayed{Entries: []driver.Entry{said(10, 7), said(12, 10)}, Through: 12}, from: 10, done: true, moved: true, through: 12, told: []string{"12<10"}},
		"nobody is there any more":     {set: func(r *room) { r.state = gone }, rep: driver.Replayed{Entries: []driver.Entry{said(12, 10)}, Through: 12}, from: 10, done: true, through: 30},
		"the log ends here":            {rep: driver.Replayed{Through: 11}, from: 10, done: true, through: 11},
		"read from further on":         {rep: driver.Replayed{Through: 30}, from: 30, done: true, through: 30},
		"truncated":                    {set: func(r *room) { r.heldID = nil }, rep: driver.Replayed{Through: 10, Truncated: true}, from: 10, done: true, through: 30},
		"truncated before the next":    {rep: driver.Replayed{Entries: []driver.Entry{said(20, 0)}, Through: 20, Truncated: true}, from: 10, done: true, moved: true, through: 30, told: []string{"missed 19", "20<19"}},
		"and more":                     {rep: driver.Replayed{Entries: []driver.Entry{said(12, 10)}, Through: 12, More: true}, from: 10, moved: true, through: 12, told: []string{"12<10"}},
		"a hint is ahead":              {set: func(r *room) { r.want, r.first = 40, 40 }, rep: driver.Replayed{Through: 11}, from: 10, through: 11},
		"a hint is ahead for good":     {set: func(r *room) { r.want, r.first = 40, 40 }, rep: driver.Replayed{Through: 11}, from: 10, last: true, done: true, through: 11},
		"hints were dropped meanwhile": {set: func(r *room) { r.again = true }, rep: driver.Replayed{Through: 11}, from: 10, last: true, through: 11},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(nil, Options{})
			r, n := at(e, 10)
			r.filling, r.through, r.lowAsked = true, 30, 5
			if tt.set != nil {
				tt.set(r)
			}
			done, moved := r.filled(e, tt.rep, tt.from, 0, 0, tt.last)
			if done != tt.done || moved != tt.moved || r.through != tt.through || r.filling == tt.done {
				t.Errorf("done %t, moved %t, left is %+v", done, moved, r)
			}
			told(t, n, tt.told...)
			if tt.last && tt.done && (r.want != 0 || r.first != 0 || r.low != 5 || r.lowAsked != 0) {
				t.Errorf("left of the hint is %+v", r)
			}
		})
	}
}

// TestFillBeforeASuspicion: what a fill has read that was under way when all rooms became suspect
// proves nothing of what came after, so the next hint is checked against the log.
func TestFillBeforeASuspicion(t *testing.T) {
	for name, suspect := range map[string]bool{"undisturbed": false, "suspect meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			src := &script{}
			e := New(src, Options{})
			src.replay = func(driver.Position) (driver.Replayed, error) {
				if suspect {
					e.epoch.Add(1)
				}
				return driver.Replayed{Entries: []driver.Entry{said(12, 10)}, Through: 12}, nil
			}
			r, n := at(e, 10)
			r.filling = true
			if err := e.fillRoom(t.Context(), r); err != nil || r.filling {
				t.Fatalf("filled: %v, still filling %t", err, r.filling)
			}
			r.hint(e, said(15, 12))
			if suspect {
				told(t, n, "12<10")
			} else {
				told(t, n, "12<10", "15<12")
			}
			if r.filling != suspect {
				t.Errorf("the log is asked: %t, want %t", r.filling, suspect)
			}
		})
	}
}

// TestReads: a room is read until it has what hints tell of, however slowly that comes, and given
// up after so many reads that bring nothing.
func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads, next := 0, uint64(10)
		src := &script{replay: func(after driver.Position) (driver.Replayed, error) {
			reads++
			if next < 60 {
				next++
				return driver.Replayed{Entries: []driver.Entry{said(next, next-1)}, Through: next}, nil
			}
			return driver.Replayed{Through: next}, nil
		}}
		e := New(src, Options{})
		r, n := at(e, 10)
		r.filling, r.want, r.first = true, 60, 60
		if err := e.fillRoom(t.Context(), r); err != nil || r.filling || r.held != 60 || reads != 50 || len(n.all) != 50 {
			t.Errorf("%v after %d reads, %d entries, left is %+v", err, reads, len(n.all), r)
		}
		reads = 0
		began := time.Now()
		r.filling, r.want, r.first = true, 100, 100
		if err := e.fillRoom(t.Context(), r); err != nil || r.filling || reads != maxReads {
			t.Errorf("%v after %d reads that bring nothing", err, reads)
		}
		if took := time.Since(began); took < 5*time.Second || took > maxReads*maxPause/4 {
			t.Errorf("they took %s", took)
		}
		r.state, r.filling = gone, true
		if err := e.fillRoom(t.Context(), r); err != nil || r.filling {
			t.Errorf("of a room that has gone: %v, %t", err, r.filling)
		}
	})
}

// TestReadFrom: where the log does not reach back to what is held it is read from where the room is
// complete, unless it was rewound; and how far retention has come is asked only where it counts.
func TestReadFrom(t *testing.T) {
	var asked []uint64
	truncated, rewound := true, false
	src := &script{replay: func(after driver.Position) (driver.Replayed, error) {
		asked = append(asked, after.Seq)
		return driver.Replayed{Through: 40, Truncated: truncated && after.Seq < 30, Rewound: rewound}, nil
	}}
	e := New(src, Options{})
	for _, tt := range []struct {
		truncated, rewound bool
		through            uint64
		from               uint64
		asked              []uint64
	}{
		{true, false, 30, 30, []uint64{10, 30}}, {true, false, 10, 10, []uint64{10}}, {false, false, 30, 10, []uint64{10}}, {true, true, 30, 10, []uint64{10}},
	} {
		asked, truncated, rewound = nil, tt.truncated, tt.rewound
		rep, from, err := e.read(t.Context(), "r", driver.Position{Seq: 10}, tt.through)
		if err != nil || from != tt.from || !slices.Equal(asked, tt.asked) || rep.Through != 40 {
			t.Errorf("%+v: read from %d, asked %v, %+v, %v", tt, from, asked, rep, err)
		}
	}
	heads := 0
	src.heads = func([]string) ([]Head, error) { heads++; return []Head{{Front: 7}}, nil }
	for _, tt := range []struct {
		coarse bool
		rep    driver.Replayed
		front  uint64
	}{
		{true, driver.Replayed{Truncated: true}, 7}, {false, driver.Replayed{Truncated: true}, 0}, {true, driver.Replayed{}, 0}, {true, driver.Replayed{Truncated: true, Rewound: true}, 0},
	} {
		e.opts.Coarse, heads = tt.coarse, 0
		if front, err := e.front(t.Context(), "r", tt.rep); err != nil || front != tt.front || (heads > 0) != (tt.front > 0) {
			t.Errorf("%+v: the front is %d, asked %d times, %v", tt, front, heads, err)
		}
	}
}

// TestRewind: followers are told, what was known of the old log counts no more; a room that nobody
// follows any more is left alone.
func TestRewind(t *testing.T) {
	e := New(&script{heads: func([]string) ([]Head, error) {
		return []Head{{Position: driver.Position{Seq: 20, ID: "x"}, Through: 22}}, nil
	}}, Options{})
	r, n := at(e, 10)
	r.deliver(said(12, 10))
	n.all, r.want, r.first, r.low, r.lowAsked = nil, 50, 50, 5, 6
	r.state = gone
	if err := e.rewindRoom(t.Context(), r); err != nil || r.held != 12 {
		t.Errorf("of a room that has gone: %v, held %d", err, r.held)
	}
	told(t, n)
	r.state = live
	if err := e.rewindRoom(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	told(t, n, "rewound 20")
	if r.held != 20 || r.through != 22 || r.want != 0 || r.first != 0 || r.low != 0 || r.lowAsked != 0 || r.known(10, id(10)) || !r.known(20, "x") {
		t.Errorf("left is %+v", r)
	}
}

// TestRenewed: rooms that somebody follows are subscribed to again and compared, and no others.
func TestRenewed(t *testing.T) {
	src := &script{}
	e := New(src, Options{})
	r, _ := at(e, 10)
	left, _ := at(e, 10)
	left.followers = nil
	other, _ := at(e, 10)
	other.state = joining
	e.renewRooms(t.Context(), []*room{left, r, other})
	if !slices.Equal(src.left, []string{"r"}) || !slices.Equal(src.renewed, []string{"r"}) {
		t.Errorf("given up %q, subscribed to %q", src.left, src.renewed)
	}
	if all, names := e.rechecks.drain(); all || !slices.Equal(names, []string{"r"}) {
		t.Errorf("compared are %q", names)
	}
}

// TestTroubleIsNotHammered: what fails on and on is tried less and less often.
func TestTroubleIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		heads, replays := 0, 0
		src := &script{
			heads:  func([]string) ([]Head, error) { heads++; return nil, away },
			replay: func(driver.Position) (driver.Replayed, error) { replays++; return driver.Replayed{}, away },
		}
		e := New(src, Options{CompareEvery: time.Hour, Workers: 1})
		r, _ := at(e, 10)
		e.shardOf("r").rooms["r"] = r
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = e.Run(ctx) }()
		e.SuspectRooms("test", "r")
		r.mu.Lock()
		r.fill(e)
		r.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if heads < 10 || heads > 50 || replays < 10 || replays > 50 {
			t.Errorf("tried %d and %d times in a minute", heads, replays)
		}
		cancel()
		<-done
	})
}

// TestComparisonThatFailsInPart: that one part of the rooms could not be compared is told although
// another was found behind.
func TestComparisonThatFailsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		src := &script{heads: func(rooms []string) ([]Head, error) {
			if rooms[0] == "bad" {
				return nil, away
			}
			return []Head{{Position: driver.Position{Seq: 15}}}, nil
		}}
		e := New(src, Options{Coarse: true, Batch: 1})
		good, _ := at(e, 10)
		bad, _ := at(e, 10)
		bad.name = "bad"
		if err := e.compare(t.Context(), []*room{good, bad}); !errors.Is(err, away) {
			t.Errorf("told %v", err)
		}
	})
}

// TestCompared: what a comparison makes of a room, by what its head is.
func TestCompared(t *testing.T) {
	head := func(seq, through, front uint64) Head {
		return Head{Position: driver.Position{Seq: seq, ID: id(seq)}, Through: through, Front: front}
	}
	for name, tt := range map[string]struct {
		set              func(r *room)
		epoch            uint32
		before           uint64
		head             Head
		fills            bool
		want, through    uint64
		deaf             uint8
		distrusted, asks bool // asks: about an entry that may have been removed
	}{
		"behind":               {before: 10, head: head(15, 15, 0), fills: true, want: 15, through: 10, deaf: 1, distrusted: true},
		"behind, not live":     {set: func(r *room) { r.state = joining }, before: 10, head: head(15, 15, 0), through: 10},
		"behind, being read":   {set: func(r *room) { r.filling = true }, before: 10, head: head(15, 15, 0), fills: true, want: 15, through: 10},
		"behind, was heard":    {set: func(r *room) { r.heard, r.deaf = true, 1 }, before: 10, head: head(15, 15, 0), fills: true, want: 15, through: 10, deaf: 1, distrusted: true},
		"behind, deaf":         {set: func(r *room) { r.deaf = 1 }, before: 10, head: head(15, 15, 0), fills: true, want: 15, through: 10, deaf: 0, distrusted: true},
		"as held":              {before: 10, head: head(10, 20, 0), through: 20},
		"another in place":     {before: 10, head: Head{Position: driver.Position{Seq: 10, ID: "x"}, Through: 20}, fills: true, through: 10},
		"older, it came since": {before: 5, head: head(7, 7, 0), through: 10},
		"the front is ahead":   {before: 10, head: head(0, 30, 30), fills: true, through: 10},
		"the front is at it":   {before: 10, head: head(0, 20, 10), through: 20},
		"removed":              {before: 10, head: head(7, 10, 3), fills: true, through: 10, asks: true},
		"removed, was asked":   {set: func(r *room) { r.low = 8 }, before: 10, head: head(7, 25, 3), through: 25},
		"removed, before that": {set: func(r *room) { r.low = 8 }, epoch: 5, before: 10, head: head(7, 25, 3), fills: true, through: 10, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(nil, Options{})
			e.epoch.Store(3)
			r, _ := at(e, 10)
			if tt.set != nil {
				tt.set(r)
			}
			epoch := uint32(3)
			if tt.epoch != 0 {
				epoch = tt.epoch
			}
			r.compared(e, epoch, tt.before, tt.head)
			if r.filling != tt.fills || r.want != tt.want || r.through != tt.through || r.deaf != tt.deaf || (r.epoch != 3) != tt.distrusted || (r.lowAsked != 0) != tt.asks || r.heard {
				t.Errorf("left is %+v", r)
			}
			_, _, renew := e.subscriptions.drain()
			if (len(renew) == 1) != (name == "behind, deaf") {
				t.Errorf("%d rooms are subscribed to again", len(renew))
			}
			if _, _, renew := e.subscriptions.drain(); len(renew) != 0 {
				t.Error("and once more")
			}
		})
	}
}

// TestUndisturbed: only of a room that is live, of which nothing is being read, and that was not
// suspected since, an entry may still be on its way.
func TestUndisturbed(t *testing.T) {
	for name, change := range map[string]func(e *Engine, r *room){
		"as it is": nil, "not coarse": func(e *Engine, _ *room) { e.opts.Coarse = false }, "not live": func(_ *Engine, r *room) { r.state = joining },
		"being read": func(_ *Engine, r *room) { r.filling = true }, "suspected": func(e *Engine, _ *room) { e.epoch.Add(1) },
	} {
		e := New(nil, Options{Coarse: true})
		r, _ := at(e, 10)
		if change != nil {
			change(e, r)
		}
		if got := r.undisturbed(e); got != (change == nil) {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestRechecksAreGathered: once all rooms are to be compared no room is named besides, and what was
// taken out is not there any more.
func TestRechecksAreGathered(t *testing.T) {
	q := recheckQueue{wake: make(chan struct{}, 1)}
	q.add(false, []string{"a"})
	if all, rooms := q.drain(); all || !slices.Equal(rooms, []string{"a"}) {
		t.Errorf("%t, %q", all, rooms)
	}
	q.add(true, nil)
	q.add(false, []string{"b"})
	if all, rooms := q.drain(); !all || len(rooms) != 0 {
		t.Errorf("%t, %q", all, rooms)
	}
	if all, rooms := q.drain(); all || len(rooms) != 0 {
		t.Errorf("when nothing is left: %t, %q", all, rooms)
	}
}
