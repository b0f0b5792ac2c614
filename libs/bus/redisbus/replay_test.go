package redisbus_test

import (
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestPlaces: what the log has at a position of a room, which shares its partition with another.
func TestPlaces(t *testing.T) {
	t.Parallel()
	b := open(t, redisbus.Config{URL: bustest.Redis(t).URL(), Partitions: 1})
	add := func(room, id string) uint64 {
		t.Helper()
		a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: id, Data: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		return a.Seq
	}
	first, gone, last := add("room", "first"), add("room", "gone"), add("room", "last")
	other := add("other", "other")
	removed := add("other", "removed")
	end := add("other", "end")
	if err := b.Remove(t.Context(), "other", removed); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "room", gone); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		at      bus.Position
		rewound bool
		entries int
	}{
		"the first":                        {bus.Position{Seq: first, ID: "first"}, false, 1},
		"another in the place of it":       {bus.Position{Seq: first, ID: "other"}, true, 0},
		"one that was removed":             {bus.Position{Seq: gone, ID: "gone"}, false, 1},
		"one that never was":               {bus.Position{Seq: last - 1, ID: "x"}, last-1 != gone, 0},
		"the last":                         {bus.Position{Seq: last, ID: "last"}, false, 0},
		"another in the place of the last": {bus.Position{Seq: last, ID: "x"}, true, 0},
		"another room's":                   {bus.Position{Seq: other, ID: "other"}, true, 0},
		"another room's that was removed":  {bus.Position{Seq: removed, ID: "removed"}, true, 0},
		"beyond the room's last, before the partition's end": {bus.Position{Seq: last + 1, ID: "x"}, true, 0},
		"the partition's end":                                {bus.Position{Seq: end, ID: "end"}, true, 0},
		"beyond the partition's end":                         {bus.Position{Seq: end + 1, ID: "x"}, true, 0},
		"beyond the room's last, without an id":              {bus.Position{Seq: last + 1}, false, 0},
		"the partition's end, without an id":                 {bus.Position{Seq: end}, false, 0},
		"beyond the partition, without an id":                {bus.Position{Seq: end + 1}, true, 0},
		"before the log's beginning":                         {bus.Position{Seq: first - 1, ID: "x"}, true, 0},
		"before the log's beginning, without id":             {bus.Position{Seq: first - 2}, true, 0},
		"just before the log's beginning, without id":        {bus.Position{Seq: first - 1}, false, 2},
		"the start": {bus.Position{}, false, 2},
	} {
		if name == "one that never was" && !tt.rewound { // no Seq is free there
			continue
		}
		rep, err := b.Replay(t.Context(), "room", tt.at, 10)
		if err != nil || rep.Rewound != tt.rewound || rep.Truncated || len(rep.Entries) != tt.entries {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
	}
	heads, err := b.Heads(t.Context(), []string{"room", "other", "empty"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bus.Head{
		{Position: bus.Position{Seq: last, ID: "last"}, Through: end}, {Position: bus.Position{Seq: end, ID: "end"}, Through: end}, {Through: end},
	} {
		if heads[i] != want {
			t.Errorf("head %d is %+v, want %+v", i, heads[i], want)
		}
	}
}
