package fleet

import (
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestPlace: a place remembers what its client saw, in order, and its position. Two numbers are
// enough while that is what the others saw.
func TestPlace(t *testing.T) {
	event := func(seq uint64) *wire.Event {
		return &wire.Event{Event: chat.Event{Type: chat.TypeMsg, Seq: seq, ID: id(seq)}}
	}
	for _, tt := range []struct {
		name  string
		start uint64   // where its room began
		came  []uint64 // what arrived after that
		odd   bool
	}{
		{"the same", 5, []uint64{10, 20, 30}, false},
		{"nothing yet", 5, nil, false},
		{"not the end yet", 5, []uint64{10, 20}, false},
		{"further than the others", 5, []uint64{10, 20, 30, 40}, false},
		{"later", 10, []uint64{20, 30}, false},
		{"at the end", 30, []uint64{40}, false},
		{"one is missing", 5, []uint64{10, 30}, true},
		{"one came twice", 5, []uint64{10, 20, 20, 30}, true},
		{"in another order", 5, []uint64{20, 10, 30}, true},
		{"one that nobody saw", 5, []uint64{10, 15, 20, 30}, true},
		{"one from before its join", 10, []uint64{10, 20, 30}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &room{}
			others := &place{}
			others.begin(r, &wire.Event{Event: chat.Event{Seq: 5}})
			for _, seq := range []uint64{10, 20, 30} {
				others.observe(r, event(seq))
			}
			p := &place{}
			if _, ok := p.position(r); ok {
				t.Error("it has a position before it has joined")
			}
			p.begin(r, &wire.Event{Event: chat.Event{Seq: tt.start}})
			last := wire.Position{Seq: tt.start}
			for _, seq := range tt.came {
				p.observe(r, event(seq))
				last = wire.Position{Seq: seq, ID: id(seq)}
			}
			if got := p.seen(r); !slices.Equal(got, tt.came) {
				t.Errorf("it saw %v, and seen returns %v", tt.came, got)
			}
			if got, ok := p.position(r); !ok || got != last {
				t.Errorf("its position is %+v, %t, want %+v", got, ok, last)
			}
			if (p.odd != nil) != tt.odd {
				t.Errorf("odd is %t", !tt.odd)
			}
			if got := others.seen(r); !slices.Equal(got, []uint64{10, 20, 30}) {
				t.Errorf("for the others seen returns %v", got)
			}
		})
	}
}

func id(seq uint64) string { return string(rune('a' + seq)) }

// TestPlaceAgain: an answer to a join that resumes changes nothing, one that tells of a rewind
// voids what came before, and seen returns only messages.
func TestPlaceAgain(t *testing.T) {
	r, p := &room{}, &place{}
	p.begin(r, &wire.Event{Event: chat.Event{Seq: 5}})
	p.observe(r, &wire.Event{Event: chat.Event{Type: chat.TypeMsg, Seq: 10, ID: "a"}})
	p.observe(r, &wire.Event{Event: chat.Event{Type: chat.TypeEdited, Seq: 11, ID: "b"}})
	p.begin(r, &wire.Event{Event: chat.Event{Seq: 11}, More: true})
	if p.live {
		t.Error("it is live though there is more")
	}
	p.begin(r, &wire.Event{Event: chat.Event{Seq: 11}})
	if at, _ := p.position(r); at != (wire.Position{Seq: 11, ID: "b"}) || !p.live || p.start != 5 || !slices.Equal(p.seen(r), []uint64{10}) {
		t.Errorf("%+v at %+v", p, at)
	}
	p.begin(r, &wire.Event{Event: chat.Event{Seq: 8}, Rewind: true})
	p.observe(r, &wire.Event{Event: chat.Event{Type: chat.TypeMsg, Seq: 9, ID: "c"}})
	if at, _ := p.position(r); at != (wire.Position{Seq: 9, ID: "c"}) || p.rewinds != 1 || p.start != 8 || !slices.Equal(p.seen(r), []uint64{9}) {
		t.Errorf("%+v at %+v", p, at)
	}
}

// TestPlaceForgets: after forget, seen returns only what arrives later, and a resume still names
// the last entry seen.
func TestPlaceForgets(t *testing.T) {
	msg := func(seq uint64) *wire.Event {
		return &wire.Event{Event: chat.Event{Type: chat.TypeMsg, Seq: seq, ID: id(seq)}}
	}
	for name, odd := range map[string]bool{"as the others": false, "differs from the others": true} {
		r, p := &room{}, &place{}
		p.begin(r, &wire.Event{Event: chat.Event{Seq: 5}})
		p.observe(r, msg(6))
		p.observe(r, msg(7))
		if odd {
			p.observe(r, msg(7))
		}
		p.forget(r)
		if at, ok := p.position(r); !ok || at != (wire.Position{Seq: 7, ID: id(7)}) || len(p.seen(r)) != 0 || p.start != 7 {
			t.Errorf("%s: it is at %+v and saw %v after %d", name, at, p.seen(r), p.start)
		}
		p.observe(r, msg(8))
		if seen := p.seen(r); !slices.Equal(seen, []uint64{8}) {
			t.Errorf("%s: then it saw %v", name, seen)
		}
	}
}
