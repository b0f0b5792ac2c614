package sqlite

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/libs/sqlitedb/sqlitedbtest"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	paths := map[store.Store]string{}
	storetest.Run(t, storetest.Options{},
		func(t *testing.T) store.Store {
			path := filepath.Join(t.TempDir(), "with space?", "history.db")
			s := openAt(t, path)
			paths[s] = path
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, paths[s])
		})
}

// TestUpgrade opens what earlier releases have written.
func TestUpgrade(t *testing.T) {
	sqlitedbtest.Upgrades(t, func(t *testing.T, path string, version int) {
		if err := openAt(t, path).Close(); err != nil { // what is opened again has had all steps
			t.Fatal(err)
		}
		storetest.Verify(t, openAt(t, path), version > 0)
	})
}

// TestSteps leads what was kept before there were authors and slots forward.
func TestSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	first, err := fs.ReadFile(files, "steps/00001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlitedb.Open(t.Context(), path, sqlitedb.Steps{SQL: fstest.MapFS{"00001_first.sql": {Data: first}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range storetest.Changed() {
		_, err := db.Write.ExecContext(t.Context(), `INSERT INTO entries (key, room, seq, sender, id, type, target, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			store.Key(e.Room, e.Seq), e.Room, int64(e.Seq), e.Sender, e.ID, e.Type, e.Target, e.Data)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.VerifyChanged(t, openAt(t, path))
}

// TestIndexes holds that what pages ask for is found by whole names in an index, and not by going
// through a room.
func TestIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	names, err := pairs([]store.Name{{Sender: "ann", ID: "m1"}, {Sender: "bob", ID: "m2"}})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		aboutOf: "SEARCH entries USING INDEX entries_about (room=? AND target=? AND author=?)",
		`WHERE room = ? AND sender = who AND id = what AND type = 'msg'`: "SEARCH entries USING INDEX entries_id (room=? AND sender=? AND id=?)",
	} {
		if plan := sqlitedbtest.Plan(t, s.Read, named+joined(columns)+query, names, "r1"); !strings.Contains(plan, want) {
			t.Errorf("%s: the plan is\n%s", query, plan)
		}
	}
}

// TestIndexOfSenders holds that what a user has said is read from its place in an index on.
func TestIndexOfSenders(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	query, args := messagesBy("ann", "r1", 5, 10)
	if plan := sqlitedbtest.Plan(t, s.Read, query, args...); plan != "SEARCH entries USING INDEX entries_sender (sender=? AND key>?)\n" {
		t.Errorf("the plan is\n%s", plan)
	}
}

// TestMakeUpgrade writes the file of this release for TestUpgrade.
func TestMakeUpgrade(t *testing.T) {
	path := sqlitedbtest.Fixture(t)
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Fill(t, s)
	if _, err := s.Write.ExecContext(t.Context(), "VACUUM"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Verify(t, openAt(t, sqlitedbtest.Copy(t, path)), true) // which writes, too
}

// TestUnreadable: what cannot be done, since the tables are gone, or be read, since something else
// is in them, is an error.
func TestUnreadable(t *testing.T) {
	open := func(t *testing.T) *Store {
		t.Helper()
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	damage := func(s *Store, statements ...string) {
		t.Helper()
		for _, q := range statements {
			if _, err := s.Write.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := open(t)
	damage(s, "DROP TABLE entries", "DROP TABLE reads", "DROP TABLE jobs")
	failtest.All[store.Store](t.Context(), t, s, func(error) bool { return true })

	s = open(t)
	for _, e := range []store.Entry{
		{Room: "x", Seq: 1, Sender: "x", ID: "x", Type: "msg", Data: []byte("x")}, {Room: "x", Seq: 2, Sender: "x", ID: "e", Type: "edited", Target: "x", Data: []byte("x")},
	} {
		if _, err := s.Append(t.Context(), []store.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutRead(t.Context(), "x", "x", 1); err != nil {
		t.Fatal(err)
	}
	damage(s, "DROP TABLE jobs",
		"ALTER TABLE entries RENAME TO good", "CREATE TABLE entries AS SELECT key, room, 'nonsense' AS seq, sender, id, type, target, data FROM good",
		"CREATE UNIQUE INDEX again ON entries (room, sender, id)",
		"ALTER TABLE reads RENAME TO sound", "CREATE TABLE reads AS SELECT user, room, 'nonsense' AS seq FROM sound")
	// Those that look before the first, and behind it, find nothing there; the last three do not
	// read what is damaged.
	failtest.All[store.Store](t.Context(), t, s, func(error) bool { return true }, "Newest", "Oldest", "Since", "NextRoom", "RemoveEntries", "RemoveReads")
	for what, read := range map[string]func() ([]store.Entry, error){
		"Newest": func() ([]store.Entry, error) { return s.Newest(t.Context(), "x", 9, 9) },
		"Oldest": func() ([]store.Entry, error) { return s.Oldest(t.Context(), "x", 0, 9) },
		"Since":  func() ([]store.Entry, error) { return s.Since(t.Context(), "x", 0, 9) },
	} {
		if all, err := read(); err == nil {
			t.Errorf("%s returns %+v", what, all)
		}
	}
}

// TestFailedWrites: of a batch that cannot be written to its end nothing is kept, what cannot be
// erased is an error, and both can be done when the file can be written again.
func TestFailedWrites(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	do := func(statement string) {
		t.Helper()
		if _, err := s.Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(seq uint64, id string) store.Entry {
		return store.Entry{Room: "r", Seq: seq, Sender: "ann", ID: id, Type: "msg", Data: []byte("text")}
	}
	batch := []store.Entry{entry(1, "good"), entry(2, "bad")}
	do("CREATE TRIGGER full BEFORE INSERT ON entries WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'full'); END")
	if out, err := s.Append(t.Context(), batch); err == nil {
		t.Errorf("a batch that cannot be written: %+v", out)
	}
	if all, err := s.Since(t.Context(), "r", 0, 10); err != nil || len(all) > 0 {
		t.Errorf("kept of it is %+v, %v", all, err)
	}
	do("DROP TRIGGER full")
	if out, err := s.Append(t.Context(), batch); err != nil || len(out.Repeats)+len(out.Conflicts) > 0 {
		t.Errorf("again: %+v, %v", out, err)
	}
	do("CREATE TRIGGER full BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'full'); END")
	scrub := func(store.Entry) ([]byte, error) { return []byte("gone"), nil }
	if seqs, err := s.Erase(t.Context(), "r", store.Name{Sender: "ann", ID: "good"}, bus.MaxSeq, scrub); err == nil {
		t.Errorf("a text that cannot be erased: %d", seqs)
	}
	do("DROP TRIGGER full")
	if seqs, err := s.Erase(t.Context(), "r", store.Name{Sender: "ann", ID: "good"}, bus.MaxSeq, scrub); err != nil || len(seqs) != 1 {
		t.Errorf("again: %d, %v", seqs, err)
	}
}
