package presence

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// reseal is a report with other bytes, and the checksum that goes with them.
func reseal(msg []byte, change func(body []byte) []byte) []byte {
	return seal(change(slices.Clone(msg[:len(msg)-4])))
}

// TestReportsThatSayTooMuch: a report says of itself how much it has, and what it has is in bounds,
// or none of it is believed from there on.
func TestReportsThatSayTooMuch(t *testing.T) {
	exit := appendExit(nil, 1)
	enter := func(s Session) []byte { return appendEnter(nil, &s) }
	many := Session{ID: 1, User: "ann"}
	for i := range MaxRooms + 1 {
		many.Rooms = append(many.Rooms, fmt.Sprint("r", i))
	}
	named := func(name string) []byte {
		return appendOp(nil, opEnter, func(b []byte) []byte {
			b = appendText(binary.AppendUvarint(b, 1), "ann")
			b = appendText(appendText(b, name), "")
			return append(b, codeOnline, 0, 0)
		})
	}
	for name, tt := range map[string]struct {
		b    batch
		good bool
	}{
		"one":               {batch{from: 0, n: 1, ops: exit}, true},
		"none":              {batch{from: 7}, false},
		"more than told":    {batch{n: 1, ops: append(slices.Clone(exit), exit...)}, false},
		"less than told":    {batch{n: 2, ops: exit}, false},
		"all rooms":         {batch{n: 1, ops: enter(Session{ID: 1, User: "ann", Rooms: many.Rooms[1:]})}, true},
		"too many rooms":    {batch{n: 1, ops: enter(many)}, false},
		"the longest name":  {batch{n: 1, ops: named(strings.Repeat("n", MaxName))}, true},
		"a longer name":     {batch{n: 1, ops: named(strings.Repeat("n", MaxName+1))}, false},
		"a name of bytes":   {batch{n: 1, ops: named("\xff")}, false},
		"of a kind to come": {batch{n: 2, ops: append(appendOp(nil, 77, func(b []byte) []byte { return append(b, 1, 2) }), exit...)}, true},
	} {
		r, err := DecodeReport(appendChanges(nil, "e", 1, tt.b))
		if err == nil {
			err = r.Changes.Each(&Change{}, func(*Change) {})
		}
		if (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	msg := appendGoodbye(nil, "e", 1)
	if _, err := DecodeReport(msg); err != nil {
		t.Error(err)
	}
	if _, err := DecodeReport(reseal(msg, func(b []byte) []byte { b[0]++; return b })); !errors.Is(err, ErrBadReport) {
		t.Errorf("of another version: %v", err)
	}
}

// TestLengthsOfOps: an op of any length comes back as it was, also where its length takes another
// byte.
func TestLengthsOfOps(t *testing.T) {
	for n := range 300 {
		op := appendOp(nil, opExit, func(b []byte) []byte { return append(b, strings.Repeat("x", n)...) })
		d := decoder{b: op[1:]}
		if got := d.bytes(1 << 20); len(got) != n || d.bad || len(d.b) != 0 {
			t.Errorf("%d bytes come back as %d", n, len(got))
		}
	}
}

// TestNamesAreCut at the end of a character.
func TestNamesAreCut(t *testing.T) {
	for _, s := range []string{strings.Repeat("a", MaxName-1) + "é", strings.Repeat("a", MaxName-2) + "😀", strings.Repeat("é", MaxName)} {
		name := (&Session{Name: s}).name()
		if !utf8.ValidString(name) || len(name) > MaxName || len(name) < MaxName-3 || !strings.HasPrefix(s, name) {
			t.Errorf("cut to %d bytes, valid: %t", len(name), utf8.ValidString(name))
		}
	}
}

// other is a bus whose edge answers another request than it was asked.
type other struct {
	bus.Interface
	t   *Tally
	ask func(SnapshotRequest) SnapshotRequest
}

func (o other) Request(_ context.Context, _ string, data []byte) ([]byte, error) {
	req, err := decodeSnapshotRequest(data)
	if err != nil {
		return nil, err
	}
	return o.t.Answer(AppendSnapshotRequest(nil, o.ask(req)))
}

// TestAnotherChunk: what is no answer to the question is not taken.
func TestAnotherChunk(t *testing.T) {
	tally := NewTally("e", 1, func(yield func(Session) bool) {
		for i := range uint64(3000) { // more than one chunk
			yield(Session{ID: i, User: fmt.Sprint("u", i), Name: strings.Repeat("n", 200)})
		}
	})
	same := func(r SnapshotRequest) SnapshotRequest { return r }
	first, err := FetchSnapshot(t.Context(), other{t: tally, ask: same}, "e", 1, SnapshotRequest{})
	if err != nil || first.Chunks < 2 {
		t.Fatalf("%d chunks, %v", first.Chunks, err)
	}
	if s := tally.takeSnapshot(0); s.id != first.ID {
		t.Error("another snapshot was taken while one that will do is kept")
	}
	tally.Enter(Session{ID: 9999, User: "x"})
	if s := tally.takeSnapshot(1); s.id == first.ID || s.from != 1 {
		t.Error("a snapshot from before was given for one from after")
	}
	for name, tt := range map[string]struct {
		req SnapshotRequest
		ask func(SnapshotRequest) SnapshotRequest
	}{
		"another part":     {SnapshotRequest{ID: first.ID}, func(r SnapshotRequest) SnapshotRequest { r.Index = 1; return r }},
		"another snapshot": {SnapshotRequest{ID: first.ID}, func(r SnapshotRequest) SnapshotRequest { r.ID++; return r }},
		"an older one":     {SnapshotRequest{Min: 1}, func(r SnapshotRequest) SnapshotRequest { r.ID = first.ID; return r }},
	} {
		if _, err := FetchSnapshot(t.Context(), other{t: tally, ask: tt.ask}, "e", 1, tt.req); !errors.Is(err, ErrBadReport) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, req := range map[string]SnapshotRequest{
		"behind the last": {ID: first.ID, Index: first.Chunks}, "of one that is not kept": {ID: 77}, "of what is to come": {Min: 1 << 40},
	} {
		_, err := tally.Answer(AppendSnapshotRequest(nil, req))
		if e, ok := errors.AsType[*bus.Error](err); !ok || e.Code != chat.CodeNotFound && e.Code != chat.CodeBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamagedChunks: a chunk that says what cannot be is none.
func TestDamagedChunks(t *testing.T) {
	chunkOf := func(values ...uint64) []byte {
		b := appendHead(nil, kindChunk, "e", 1)
		for _, v := range append(values, 0, 0) { // no rooms and no sessions
			b = binary.AppendUvarint(b, v)
		}
		return seal(b)
	}
	for name, tt := range map[string]struct {
		msg  []byte
		good bool
	}{
		"good": {chunkOf(1, 0, 1, 5, 5), true}, "ends before it begins": {chunkOf(1, 0, 1, 5, 4), false}, "of none": {chunkOf(1, 0, 0, 5, 5), false}, "behind the last": {chunkOf(1, 1, 1, 5, 5), false},
	} {
		if _, err := DecodeChunk(tt.msg, "e", 1); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tt := range []struct {
		edge string
		inc  uint64
	}{{"f", 1}, {"e", 2}} {
		if _, err := DecodeChunk(chunkOf(1, 0, 1, 5, 5), tt.edge, tt.inc); err == nil {
			t.Errorf("of %s in its life %d", tt.edge, tt.inc)
		}
	}
	for room, good := range map[uint64]bool{0: true, 1: false} {
		rest := appendFacts(nil, &Session{ID: 1, User: "ann"})
		k := Chunk{rooms: [][]byte{[]byte("r")}, sessions: 1, rest: binary.AppendUvarint(append(rest, 1), room)}
		if err := k.Each(&Change{}, func(*Change) {}); (err == nil) != good {
			t.Errorf("in room %d of 1: %v", room, err)
		}
	}
}
