package follow

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/bus/driver"
)

// notes is a follower that notes what it is told, a word for each.
type notes struct{ all []string }

func (n *notes) Entry(e driver.Entry)          { n.all = append(n.all, fmt.Sprint(e.Seq, "<", e.Prev)) }
func (n *notes) Rewound(_ string, head uint64) { n.all = append(n.all, fmt.Sprint("rewound ", head)) }
func (n *notes) Missed(_ string, through uint64) {
	n.all = append(n.all, fmt.Sprint("missed ", through))
}

// script is a log of which a test says what it answers.
type script struct {
	sink
	heads   func(rooms []string) ([]Head, error)
	replay  func(after driver.Position) (driver.Replayed, error)
	renewed []string
}

func (s *script) Heads(_ context.Context, rooms []string) ([]Head, error) { return s.heads(rooms) }
func (s *script) Replay(_ context.Context, _ string, after driver.Position, _ int) (driver.Replayed, error) {
	return s.replay(after)
}

func (s *script) Subscribe(_ context.Context, names []string) error {
	s.renewed = append(s.renewed, names...)
	return nil
}

// at is a live room that has one follower and everything through a seq.
func at(e *Engine, held uint64) (*room, *notes) {
	n := &notes{}
	r := &room{name: "r", state: live, epoch: e.epoch.Load()}
	r.moveTo(Head{Position: driver.Position{Seq: held, ID: id(held)}, Through: held})
	r.followers = []*subscription{{e: e, r: r, f: n}}
	return r, n
}

func id(seq uint64) string { return fmt.Sprint("m", seq) }

func said(seq, prev uint64) driver.Entry {
	return driver.Entry{Room: "r", Seq: seq, Prev: prev, ID: id(seq), Data: []byte("12345")}
}

func told(t *testing.T, n *notes, want ...string) {
	t.Helper()
	if !slices.Equal(n.all, want) {
		t.Errorf("told %q, want %q", n.all, want)
	}
	n.all = nil
}

// TestAccept: what becomes of a hint, by where it stands.
func TestAccept(t *testing.T) {
	for name, tt := range map[string]struct {
		set        func(e *Engine, r *room)
		hint       driver.Entry
		told       []string
		fills      bool
		back       int
		want       uint64
		heldBehind uint64
	}{
		"it follows":           {hint: said(12, 10), told: []string{"12<10"}},
		"there is a gap":       {hint: said(15, 12), fills: true, back: 1},
		"it may follow":        {hint: said(15, 0), fills: true, want: 15},
		"it follows on less":   {hint: said(15, 7), fills: true, want: 15},
		"after a suspicion":    {set: func(e *Engine, _ *room) { e.epoch.Add(1) }, hint: said(12, 10), fills: true, back: 1},
		"again":                {hint: said(10, 7)},
		"another in its place": {hint: driver.Entry{Room: "r", Seq: 10, Prev: 7, ID: "x"}, fills: true},
		"an older one":         {hint: said(8, 7), fills: true},
		"during a read":        {set: func(_ *Engine, r *room) { r.filling = true }, hint: said(12, 10), fills: true, back: 1},
		"again, during a read": {set: func(_ *Engine, r *room) { r.filling = true }, hint: said(10, 7), fills: true},
		"before it is live":    {set: func(_ *Engine, r *room) { r.state = joining }, hint: said(12, 10), back: 1},
		"when nobody is there": {set: func(_ *Engine, r *room) { r.state = gone }, hint: said(12, 10)},
		"held without an id":   {set: func(_ *Engine, r *room) { r.heldID = nil }, hint: said(10, 7)},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(nil, Options{})
			r, n := at(e, 10)
			if tt.set != nil {
				tt.set(e, r)
			}
			r.hint(e, tt.hint)
			told(t, n, tt.told...)
			if r.filling != tt.fills || len(r.back) != tt.back || r.want != tt.want || !r.heard {
				t.Errorf("left is %+v", r)
			}
			if name == "an older one" {
				r.filling = false
				if r.hint(e, tt.hint); r.filling {
					t.Error("it is asked about again")
				}
			}
		})
	}
}

// TestDelivered: an entry moves what is held, and takes back what was known of the entry before.
func TestDelivered(t *testing.T) {
	e := New(nil, Options{})
	r, n := at(e, 10)
	r.through, r.low, r.lowAsked = 20, 5, 6
	r.deliver(driver.Entry{Room: "r", Seq: 15, Prev: 12, ID: "x"})
	told(t, n, "15<10")
	if r.held != 15 || r.through != 20 || r.low != 0 || r.lowAsked != 0 || !r.known(10, id(10)) || !r.known(15, "x") || r.known(15, "y") {
		t.Errorf("left is %+v", r)
	}
	for seq := uint64(21); seq < 21+recent; seq++ {
		r.deliver(said(seq, seq-1))
	}
	if r.through != 20+recent || r.known(10, id(10)) || !r.known(15, "x") || !r.known(21, id(21)) {
		t.Errorf("through %d; known are not the last ones", r.through)
	}
}

// TestUnknownPlaces: of hints whose place is unknown the first and the last are kept.
func TestUnknownPlaces(t *testing.T) {
	e := New(nil, Options{})
	r, _ := at(e, 10)
	for _, seq := range []uint64{30, 50, 20, 40} {
		r.holdBack(e, said(seq, 0))
	}
	if r.want != 50 || r.first != 20 || len(r.back) != 0 {
		t.Errorf("left is %+v", r)
	}
}

// TestHoldBack: as many hints and bytes are held back as may be; one more, and all are dropped, and
// the log is read once more.
func TestHoldBack(t *testing.T) {
	e := New(nil, Options{HoldBack: 3, HoldBytes: 15})
	r, _ := at(e, 10)
	r.filling = true
	mem := said(12, 10)
	for seq := uint64(12); seq < 15; seq++ {
		mem.Seq, mem.Prev = seq, seq-1
		r.holdBack(e, mem)
	}
	copy(mem.Data, "xxxxx") // whose memory is the driver's
	if len(r.back) != 3 || r.again || e.held.Load() != 15 || string(r.back[2].Data) != "12345" {
		t.Errorf("%d bytes, left is %+v", e.held.Load(), r)
	}
	r.holdBack(e, said(15, 14))
	if len(r.back) != 0 || !r.again || e.held.Load() != 0 || r.epoch == e.epoch.Load() {
		t.Errorf("one more: %d bytes, left is %+v", e.held.Load(), r)
	}
	r.again = false
	r.holdBack(e, said(16, 15))
	e.epoch.Add(1)
	r.holdBack(e, said(17, 16))
	if len(r.back) != 1 || r.back[0].Seq != 17 || !r.again || e.held.Load() != 5 {
		t.Errorf("after a suspicion: %d bytes, left is %+v", e.held.Load(), r)
	}
	e.leaveRooms([]*room{r}) // somebody follows it
	if r.followers = nil; e.held.Load() != 5 {
		t.Error("dropped although somebody follows")
	}
	e.src = &sink{}
	if e.leaveRooms([]*room{r}); e.held.Load() != 0 || len(r.back) != 0 {
		t.Errorf("%d bytes are held back for a room that is not followed", e.held.Load())
	}
}

// TestSettle: of what was held back what follows is delivered, in order, what is covered is
// dropped, and what does not follow stays.
func TestSettle(t *testing.T) {
	for name, tt := range map[string]struct {
		back    []driver.Entry
		covered uint64
		want    uint64
		settled bool
		told    []string
		left    int
		through uint64
	}{
		"nothing":                   {covered: 20, settled: true, through: 20},
		"out of order":              {back: []driver.Entry{said(15, 12), said(12, 10)}, settled: true, told: []string{"12<10", "15<12"}, through: 15},
		"covered":                   {back: []driver.Entry{said(12, 10), said(15, 12)}, covered: 15, settled: true, through: 15},
		"behind what is covered":    {back: []driver.Entry{said(25, 10)}, covered: 20, settled: true, told: []string{"25<10"}, through: 25},
		"on what nobody has":        {back: []driver.Entry{said(25, 18)}, covered: 20, left: 1, through: 10},
		"a gap in the middle":       {back: []driver.Entry{said(12, 10), said(20, 15), said(21, 20)}, told: []string{"12<10"}, left: 2, through: 12},
		"a hint that is covered by": {back: []driver.Entry{said(12, 10)}, want: 12, settled: true, told: []string{"12<10"}, through: 12},
		"a hint that is not":        {covered: 20, want: 25, through: 20},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(nil, Options{})
			r, n := at(e, 10)
			r.want, r.first = tt.want, tt.want
			for _, en := range tt.back {
				r.back = append(r.back, en)
				e.held.Add(int64(len(en.Data)))
			}
			if got := r.settle(e, tt.covered); got != tt.settled || len(r.back) != tt.left || r.through != tt.through || e.held.Load() != int64(5*tt.left) {
				t.Errorf("settled: %t, %d bytes, left is %+v", got, e.held.Load(), r)
			}
			if tt.settled && (r.want != 0 || r.first != 0) {
				t.Errorf("left is %+v", r)
			}
			told(t, n, tt.told...)
		})
	}
}

// TestMissing: where only the log's front is known, something was missed if a hint told of an entry
// that the front has passed and the log does not have.
func TestMissing(t *testing.T) {
	for name, tt := range map[string]struct {
		set   func(e *Engine, r *room)
		rep   driver.Replayed
		front uint64
		want  bool
	}{
		"no hint":                  {front: 40},
		"the rooms' own front":     {set: func(e *Engine, _ *room) { e.opts.Coarse = false }, front: 40, want: true},
		"after a suspicion":        {set: func(e *Engine, _ *room) { e.epoch.Add(1) }, front: 40, want: true},
		"the first hint":           {set: func(_ *Engine, r *room) { r.first, r.want = 20, 50 }, front: 40, want: true},
		"the last hint":            {set: func(_ *Engine, r *room) { r.first, r.want = 20, 30 }, rep: driver.Replayed{Entries: []driver.Entry{said(20, 0)}}, front: 40, want: true},
		"just at the front":        {set: func(_ *Engine, r *room) { r.first, r.want = 40, 40 }, front: 40, want: true},
		"before the front":         {set: func(_ *Engine, r *room) { r.first, r.want = 41, 41 }, front: 40},
		"the log has it":           {set: func(_ *Engine, r *room) { r.first, r.want = 20, 20 }, rep: driver.Replayed{Entries: []driver.Entry{said(20, 0)}}, front: 40},
		"on a page that follows":   {set: func(_ *Engine, r *room) { r.first, r.want = 30, 30 }, rep: driver.Replayed{Entries: []driver.Entry{said(20, 0)}, More: true}, front: 40},
		"before what is held back": {set: func(_ *Engine, r *room) { r.back = []driver.Entry{said(35, 30)} }, front: 40, want: true},
		"it is held":               {set: func(_ *Engine, r *room) { r.back = []driver.Entry{said(35, 10)} }, front: 40},
	} {
		e := New(nil, Options{Coarse: true})
		r, _ := at(e, 10)
		if tt.set != nil {
			tt.set(e, r)
		}
		if got := r.missing(e, tt.rep, tt.front); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestMiss: followers are told up to where they have missed something, unless there is no place for
// anything.
func TestMiss(t *testing.T) {
	e := New(nil, Options{})
	r, n := at(e, 10)
	r.low, r.lowAsked = 5, 6
	for _, rep := range []driver.Replayed{{Through: 10}, {Entries: []driver.Entry{said(11, 0)}, Through: 11}} {
		r.miss(e, rep)
	}
	told(t, n)
	r.miss(e, driver.Replayed{Entries: []driver.Entry{said(15, 0)}, Through: 30})
	told(t, n, "missed 14")
	if r.held != 14 || r.through != 14 || r.low != 0 || r.lowAsked != 0 || !r.known(10, id(10)) || !r.known(14, "whatever") {
		t.Errorf("left is %+v", r)
	}
	r.miss(e, driver.Replayed{Through: 30})
	told(t, n, "missed 30")
}

// TestConfirm: what a comparison has found holds from the time in which it was asked.
func TestConfirm(t *testing.T) {
	e := New(nil, Options{})
	r, _ := at(e, 10)
	r.through = 50
	if r.confirm(0, Head{Through: 20}); r.through != 50 || r.epoch != 0 {
		t.Errorf("in the same time: %+v", r)
	}
	if r.confirm(2, Head{Through: 20}); r.through != 20 || r.epoch != 2 {
		t.Errorf("after a suspicion: %+v", r)
	}
	e.epoch.Store(9)
	if r.confirm(1, Head{Through: 30}); r.through != 30 || r.epoch != 2 {
		t.Errorf("an answer from before: %+v", r)
	}
}

// TestJoinedTooLate: the answer to a join changes nothing of a room that is not joined any more.
func TestJoinedTooLate(t *testing.T) {
	for _, s := range []state{gone, live} {
		e := New(nil, Options{})
		r, n := at(e, 10)
		r.state = s
		r.joined(e, 0, Head{Position: driver.Position{Seq: 20}})
		if r.state != s || r.held != 10 {
			t.Errorf("in state %d: left is %+v", s, r)
		}
		told(t, n)
	}
}
