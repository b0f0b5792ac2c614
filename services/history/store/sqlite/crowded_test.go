package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
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
		if crowd := s.crowded.crowds[n]; crowd.from != want {
			t.Errorf("crowded from %d on, want %d", crowd.from, want)
		}
	}
	unread(99, true)
	known(1)
	if err := s.transaction(ctx, func(tx *sql.Tx) error {
		s.crowded.lose(tx, n)
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
		s.crowded.lose(tx, n)
		return sql.ErrTxDone
	})
	more := entries[100]
	more.Seq, more.ID = 102, "m102"
	if _, err := s.Append(ctx, []store.Entry{more}); err != nil {
		t.Fatal(err)
	}
	unread(99, true)
	known(1)
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
		if crowd := s.crowded.crowds[n]; (len(crowd.senders) > 0) != want {
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

// TestCrowdedMeanwhile holds that nothing is believed that may be of before a change.
func TestCrowdedMeanwhile(t *testing.T) {
	var tx sql.Tx
	for name, meanwhile := range map[string]func(c *crowded){
		"taken away in between": func(c *crowded) { c.lose(&tx, 1); c.settle(&tx) },
		"a transaction begins":  func(c *crowded) { c.lose(&tx, 1) },
		"of another room":       func(c *crowded) { c.lose(&tx, 2); c.settle(&tx) },
	} {
		t.Run(name, func(t *testing.T) {
			var c crowded
			ask := func(found int64, meanwhile func(c *crowded)) (before []int64) {
				if err := c.ask([]int64{1}, nil, func(now []int64) (map[int64]crowd, error) {
					before = append(before, now[0])
					meanwhile(&c)
					meanwhile = func(*crowded) {}
					return map[int64]crowd{1: {found, make([]int64, 100)}}, nil
				}); err != nil {
					t.Fatal(err)
				}
				return before
			}
			nothing := func(*crowded) {}
			ask(5, nothing)
			ask(3, nothing)
			if got := ask(9, meanwhile); !slices.Equal(got, []int64{5, 0}) {
				t.Errorf("it asked with %d, want 5 and then 0", got)
			}
			c.settle(&tx)
			if before, _ := c.look([]int64{1}, nil); before[0] == 9 {
				t.Error("what was found before a change is kept")
			}
		})
	}
}
