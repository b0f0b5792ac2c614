package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestCrowded asks for what is new before, while and after a transaction takes messages away.
func TestCrowded(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var entries []store.Entry
	for i := range 101 {
		entries = append(entries, store.Entry{Room: "r", Seq: uint64(i + 1), Sender: "bob", ID: fmt.Sprint("m", i), Type: chat.TypeMsg, Data: []byte(`{}`)})
	}
	if _, err := s.Append(ctx, entries); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginRead(ctx, "r", "ann", 1, 0); err != nil {
		t.Fatal(err)
	}
	unread := func(want int, more bool) {
		t.Helper()
		all, err := s.Inbox(ctx, "ann", []string{"r"}, nil)
		if err != nil || all[0].Unread != want || all[0].More != more {
			t.Errorf("%d unread, more: %t, %v; want %d, %t", all[0].Unread, all[0].More, err, want, more)
		}
	}
	n, _, err := s.rooms.number(ctx, kept{s.file}, "r")
	if err != nil {
		t.Fatal(err)
	}
	known := func(want int64) {
		t.Helper()
		if crowd := s.roomCache.crowds[n]; crowd.from != want {
			t.Errorf("crowded from %d on, want %d", crowd.from, want)
		}
	}
	unread(99, true)
	known(1)
	if err := s.transaction(ctx, func(tx *sql.Tx) error {
		s.roomCache.change(tx, n, loses)
		if _, err := tx.ExecContext(ctx, `DELETE FROM entries WHERE room = ? AND seq <= 2`, n); err != nil {
			return err
		}
		// What others see is of before.
		unread(99, true)
		known(0)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	unread(99, false)
	known(0)
	// A transaction that fails takes nothing away.
	_ = s.transaction(ctx, func(tx *sql.Tx) error {
		s.roomCache.change(tx, n, loses)
		return sql.ErrTxDone
	})
	more := entries[100]
	more.Seq, more.ID = 102, "m102"
	if _, err := s.Append(ctx, []store.Entry{more}); err != nil {
		t.Fatal(err)
	}
	unread(99, true)
	known(1)
	deletion := store.Entry{Room: "r", Seq: 103, Sender: "bob", ID: "d", Type: chat.TypeDeleted, Target: "m5", Author: "bob", Data: []byte(`{}`)}
	if _, err := s.Append(ctx, []store.Entry{deletion}); err != nil {
		t.Fatal(err)
	}
	known(0)
	unread(99, false)
}

// TestCrowdedOfOthers asks for what is new to a user who hides somebody: as counted message by
// message, whether the store knows a crowd or not.
func TestCrowdedOfOthers(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seq := uint64(0)
	send := func(sender string, n int) {
		t.Helper()
		var entries []store.Entry
		for range n {
			seq++
			entries = append(entries, store.Entry{Room: "r", Seq: seq, Sender: sender, ID: fmt.Sprint("m", seq), Type: chat.TypeMsg, Data: []byte(`{}`)})
		}
		if _, err := s.Append(ctx, entries); err != nil {
			t.Fatal(err)
		}
	}
	unread := func(user string, want int, more bool, hidden ...string) {
		t.Helper()
		for range 2 { // the second time it may know
			all, err := s.Inbox(ctx, user, []string{"r"}, hidden)
			if err != nil || all[0].Unread != want || all[0].More != more {
				t.Errorf("%d unread to %s without %v, more: %t, %v; want %d, %t", all[0].Unread, user, hidden, all[0].More, err, want, more)
			}
		}
	}
	knows := func(want bool) {
		t.Helper()
		n, _, err := s.rooms.number(ctx, kept{s.file}, "r")
		if err != nil {
			t.Fatal(err)
		}
		if crowd := s.roomCache.crowds[n]; (len(crowd.senders) > 0) != want {
			t.Errorf("a crowd from %d on of %d; known should be %t", crowd.from, len(crowd.senders), want)
		}
	}
	send("carl", 30)
	send("ann", 20)
	send("bob", 99)
	send("dora", 1)
	for _, user := range []string{"ann", "eve"} {
		if err := s.BeginRead(ctx, "r", user, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	unread("ann", 99, true, "carl")
	knows(true)
	unread("ann", 99, false, "carl", "dora")
	unread("ann", 31, false, "bob")
	unread("eve", 51, false, "bob")
	send("dora", 200)
	unread("ann", 99, true, "bob") // of dora: the crowd has only one
	unread("eve", 99, true, "bob")

	if err := s.PutReads(ctx, "ann", map[string]uint64{"r": 55}); err != nil {
		t.Fatal(err)
	}
	unread("ann", 94, false, "dora")
	unread("eve", 99, true, "dora")
	if _, err := s.RemoveThrough(ctx, "r", seq-1, 1000); err != nil {
		t.Fatal(err)
	}
	knows(false)
	unread("eve", 1, false, "bob")
}

// TestRoomEnds compares what is new as the store answers with what it remembers, and as it answers
// when it has forgotten all, after each kind of change to the end of a room.
func TestRoomEnds(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seq := uint64(0)
	entry := func(id, typ, thread string) store.Entry {
		seq++
		e := store.Entry{Room: "r", Seq: seq, Sender: "bob", ID: id, Type: typ, Data: []byte(`{"text":"` + id + `"}`)}
		if thread != "" {
			e.Thread = store.Name{Sender: "bob", ID: thread}
		}
		return e
	}
	put := func(e store.Entry) func() error {
		return func() error {
			_, err := s.Append(ctx, []store.Entry{e})
			return err
		}
	}
	scrub := func(store.Entry) ([]byte, error) { return []byte(`{}`), nil }
	twin := entry("twin", chat.TypeMsg, "")
	twin.Seq, twin.Sender = 2, "carl"
	if err := s.BeginRead(ctx, "r", "ann", 1, 0); err != nil {
		t.Fatal(err)
	}
	before := ""
	for _, tt := range []struct {
		name string
		f    func() error
	}{
		{"first", put(entry("m1", chat.TypeMsg, ""))},
		{"second", put(store.Entry{Room: "r", Seq: 2, Sender: "bob", ID: "m2", Type: chat.TypeMsg, Data: []byte(`{"text":"m2"}`)})},
		{"twin", put(twin)},
		{"answer", put(entry("a1", chat.TypeMsg, "m1"))},
		{"reaction", put(entry("x1", chat.TypeReacted, ""))},
		{"third", put(entry("m3", chat.TypeMsg, ""))},
		{"original kept", func() error { return s.KeepOriginal(ctx, "r", store.Name{Sender: "bob", ID: "m3"}, scrub) }},
		{"fourth", put(entry("m4", chat.TypeMsg, ""))},
		{"erased", func() error {
			_, err := s.Erase(ctx, "r", store.Name{Sender: "bob", ID: "m4"}, scrub)
			return err
		}},
		{"begins to be reset", func() error { return s.PutReset(ctx, "r", 50) }},
		{"removed in part", func() error { _, err := s.RemoveThrough(ctx, "r", 2, 10); return err }},
		{"removed", func() error { _, err := s.RemoveEntries(ctx, "r", 100); return err }},
	} {
		if err := tt.f(); err != nil {
			t.Fatal(tt.name, err)
		}
		answers := make([]string, 3)
		for i := range answers {
			if i == 2 {
				s.roomCache.ends, s.roomCache.crowds = nil, nil
			}
			all, err := s.Inbox(ctx, "ann", []string{"r", "none"}, nil)
			if err != nil {
				t.Fatal(tt.name, err)
			}
			answer, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			answers[i] = string(answer)
			if all[0].Last != nil {
				all[0].Last.Data = nil // it is the caller's
			}
		}
		if answers[0] != answers[2] || answers[1] != answers[2] {
			t.Errorf("%s:\n%s at first\n%s as remembered\n%s as it is", tt.name, answers[0], answers[1], answers[2])
		}
		if answers[2] == before {
			t.Errorf("%s changes nothing: %s", tt.name, before)
		}
		before = answers[2]
	}
}

// TestRoomCacheMeanwhile holds that nothing is believed that may be of before a change.
func TestRoomCacheMeanwhile(t *testing.T) {
	var tx sql.Tx
	facts := func(seq int64) learned {
		return learned{end: roomEnd{known: true, through: uint64(seq)}, crowd: crowd{seq, make([]int64, 100)}}
	}
	for name, tt := range map[string]struct {
		meanwhile  func(c *roomCache)
		again      bool  // the question is asked again
		end, crowd int64 // what is kept
	}{
		"nothing":                    {func(*roomCache) {}, false, 9, 9},
		"taken away in between":      {func(c *roomCache) { c.change(&tx, 1, loses); c.settle(&tx) }, true, 0, 0},
		"being taken away":           {func(c *roomCache) { c.change(&tx, 1, loses) }, true, 0, 0},
		"added in between":           {func(c *roomCache) { c.change(&tx, 1, alters); c.settle(&tx) }, true, 0, 5},
		"being added":                {func(c *roomCache) { c.change(&tx, 1, alters) }, true, 0, 5},
		"added, and then less":       {func(c *roomCache) { c.change(&tx, 1, alters); c.change(&tx, 1, loses) }, true, 0, 0},
		"of another room":            {func(c *roomCache) { c.change(&tx, 2, loses); c.settle(&tx) }, false, 9, 9},
		"of another, still going on": {func(c *roomCache) { c.change(&tx, 2, loses) }, false, 9, 9},
	} {
		t.Run(name, func(t *testing.T) {
			var c roomCache
			ask := func(found int64, meanwhile func(c *roomCache)) (asked []known) {
				if err := c.ask([]int64{1}, nil, func(rooms []known) (map[int64]learned, error) {
					asked = append(asked, rooms...)
					meanwhile(&c)
					meanwhile = func(*roomCache) {}
					return map[int64]learned{1: facts(found)}, nil
				}); err != nil {
					t.Fatal(err)
				}
				return asked
			}
			ask(5, func(*roomCache) {})
			c.finish(&question{}, map[int64]learned{1: {crowd: facts(3).crowd}}) // of less use
			want := []known{{end: facts(5).end, before: 5}}
			if tt.again {
				want = append(want, known{})
			}
			if got := ask(9, tt.meanwhile); !reflect.DeepEqual(got, want) {
				t.Errorf("it asked with %+v, want %+v", got, want)
			}
			check := func(when string) {
				t.Helper()
				_, all := c.begin([]int64{1}, nil)
				if int64(all[0].end.through) != tt.end || all[0].before != tt.crowd {
					t.Errorf("%s: %d and %d are kept, want %d and %d", when, all[0].end.through, all[0].before, tt.end, tt.crowd)
				}
			}
			check("then")
			c.settle(&tx)
			check("when all is settled")
			if ask(20, func(*roomCache) {}); c.ends[1].through != 20 {
				t.Error("nothing is kept any more")
			}
		})
	}
}

// TestRoomCacheBeforeItSettles asks while a transaction changes a room: the answer may be older.
func TestRoomCacheBeforeItSettles(t *testing.T) {
	for _, by := range []roomChange{alters, loses} {
		var tx, other sql.Tx
		var c roomCache
		c.change(&other, 7, alters)
		c.change(&tx, 1, by)
		asked := 0
		if err := c.ask([]int64{1}, nil, func([]known) (map[int64]learned, error) {
			asked++
			c.settle(&tx)
			return map[int64]learned{1: {end: roomEnd{known: true}, crowd: crowd{1, make([]int64, 100)}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if asked != 1 || len(c.ends)+len(c.crowds) > 0 || len(c.changing) != 1 || len(c.asked) != 0 {
			t.Errorf("asked %d times, %+v", asked, &c)
		}
	}
}

// TestRoomCacheIsBounded fills it.
func TestRoomCacheIsBounded(t *testing.T) {
	var c roomCache
	e := roomEnd{known: true, last: &store.Entry{Data: make([]byte, 100_000)}}
	for i := range int64(1000) {
		c.finish(&question{}, map[int64]learned{i: {end: e}})
		c.finish(&question{}, map[int64]learned{i: {end: e}}) // replaced
		if want := len(c.ends) * (100_000 + endSize); c.size != want || c.size > maxEnds {
			t.Fatalf("%d bytes of %d rooms, want %d", c.size, len(c.ends), want)
		}
		if !c.ends[i].known {
			t.Fatal("what was just learned is forgotten")
		}
	}
	for i := range int64(maxCrowds + 5) {
		c.finish(&question{}, map[int64]learned{i: {crowd: crowd{1, []int64{2}}}})
	}
	if len(c.crowds) != 5 {
		t.Errorf("%d crowds, want 5: all are forgotten when there are too many", len(c.crowds))
	}
}
