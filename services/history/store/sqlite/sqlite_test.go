package sqlite

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/schema"
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

// TestForeignFile holds that a file of the other service is refused.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	steps := sqlitedb.Steps{SQL: fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE members (room TEXT);\n")}}}
	db, err := sqlitedb.Open(t.Context(), path, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, nil)
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, schema.ErrForeign) {
		t.Errorf("error is %v", err)
	}
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

// TestThreadsOfBeforeAreFollowed by who is in them, and nothing of them is new.
func TestThreadsOfBeforeAreFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := openAt(t, path).(*Store)
	storetest.FillThreads(t, s)
	for _, q := range []string{"DROP TABLE follows", "DROP TABLE saved", "ALTER TABLE entries DROP COLUMN original", "DELETE FROM goose_db_version WHERE version_id >= 19"} {
		if _, err := s.Write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.VerifyFollowed(t, openAt(t, path))
}

// TestPlans holds that every query of entries begins at its place in an index, and goes from there
// no further than what it returns: neither through a room nor through a sort.
func TestPlans(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	args := []any{10, 50, 11, "m", 11, "n", 12, "m", nobody, 0}
	const key = "SEARCH entries USING PRIMARY KEY "
	const id, sender, target = "SEARCH entries USING INDEX entries_by_id ", "SEARCH entries USING INDEX entries_by_sender ", "SEARCH entries USING INDEX entries_by_target "
	for name, tt := range map[string]struct {
		query string
		args  []any
		want  []string // in the plan, in order
	}{
		"newest": {newest, []any{10, 5, 50}, []string{key + "(room=? AND kind=? AND seq<?)"}},
		"oldest": {oldest, []any{10, 5, 50}, []string{key + "(room=? AND kind=? AND seq>?)"}},
		"last":   {last, []any{10}, []string{key + "(room=? AND kind=?)", key + "(room=? AND kind=?)"}},
		// of one or two
		"at":    {at, []any{10, 5}, []string{key + "(room=? AND kind=? AND seq=?)", "USE TEMP B-TREE FOR ORDER BY"}},
		"since": {since, []any{10, 5, 50}, []string{"MERGE (UNION ALL)", key + "(room=? AND kind=? AND seq>?)", key + "(room=? AND kind=? AND seq>?)"}},
		"acts":  {acts, []any{10, 5, 9, 50}, []string{"SEARCH entries USING INDEX entries_acts (room=? AND seq>? AND seq<?)"}},
		"highest": {
			highest, nil,
			[]string{"SEARCH rooms", key + "(room=? AND kind=?)", key + "(room=? AND kind=?)"},
		},
		"one by its name":        {named, []any{10, "m", 11}, []string{id + "(room=? AND id=? AND sender=?)"}},
		"messages by their name": {namesOf(4, 0, "entries_by_id", calledOf), args, []string{id + "(room=? AND id=? AND sender=? AND kind=?)"}},
		// of those with one id
		"namesakes": {namesakes, []any{10, "m", 2}, []string{id + "(room=? AND id=?)", "USE TEMP B-TREE FOR ORDER BY"}},
		"about":     {namesOf(4, 0, "entries_by_target", aboutOf), args, []string{target + "(room=? AND target=? AND author=? AND past=?)"}},
		"changes":   {changes, []any{10, "m", 11, 50}, []string{"USING COVERING INDEX entries_by_target (room=? AND target=? AND author=?)"}},
		"what marks the past": {
			markPast, []any{10, "m", 11, "edited", 0},
			[]string{
				target + "(room=? AND target=? AND author=? AND past=? AND slot=? AND owner=? AND seq<?)",
				"USING COVERING INDEX entries_by_target (room=? AND target=? AND author=? AND past=? AND slot=? AND owner=?)",
				"USING COVERING INDEX entries_by_target (room=? AND target=? AND author=? AND past=? AND slot=? AND owner=?)",
			},
		},
		// of the past and the present ones
		"edits to erase": {edits, []any{10, "m", 11, 11}, []string{target + "(room=? AND target=? AND author=? AND past=? AND slot=? AND owner=?", "USE TEMP B-TREE FOR ORDER BY"}},
		"versions of a message": {
			editsBefore, []any{10, "m", 11, 50, 20}, []string{
				target + "(room=? AND target=? AND author=? AND past=? AND slot=? AND owner=? AND seq<?)",
				target + "(room=? AND target=? AND author=? AND past=? AND slot=? AND owner=? AND seq<?)", "USE TEMP B-TREE FOR ORDER BY",
			},
		},
		"an original":         {originalOf, []any{10, 0, 5, 0}, []string{key + "(room=? AND kind=? AND seq=? AND twin=?)"}},
		"an original to keep": {keepOriginal, []any{"", 10, "m", 11, ""}, []string{id + "(room=? AND id=? AND sender=?)"}},
		"what was done":       {doneOf, []any{10, "m", 11}, []string{id + "(room=? AND id=? AND sender=? AND kind=?)"}},
		"what to do":          {setDone, []any{false, "", 10, 5, 0}, []string{key + "(room=? AND kind=? AND seq=? AND twin=?)"}},
		"what is said of one": {saidOf, []any{10, "m", 11}, []string{target + "(room=? AND target=? AND author=? AND past=?)"}},
		"others with an id":   {calls, []any{10, "m"}, []string{"USING COVERING INDEX entries_by_id (room=? AND id=?)"}},
		"of a user":           {messagesBy, []any{11, 10, 5, 50}, []string{sender + "(sender=? AND (room,seq)>(?,?))"}},
		"of a user in a room": {messagesOf, []any{11, 10, 5, 50}, []string{sender + "(sender=? AND room=? AND seq<?)"}},
		"what is removed":     {remove, []any{10, 50}, []string{key + "(room=? AND kind=? AND seq=? AND twin=?)", key + "(room=?)"}},
		"what is new": {
			newsPlain, []any{"[[10,0]]", 11, 100}, []string{
				"SEARCH r USING PRIMARY KEY (user=? AND room=?)", "SEARCH e USING PRIMARY KEY (room=? AND kind=? AND seq=?)",
				key + "(room=? AND kind=?)", key + "(room=? AND kind=?)", "USING COVERING INDEX entries_there (room=? AND seq>?)", "USING COVERING INDEX entries_there (room=? AND seq>?)",
				"SEARCH mentions USING PRIMARY KEY (user=? AND room=? AND seq>?)", "USE TEMP B-TREE FOR ORDER BY",
			},
		},
		"what is new to who hides others": {
			newsHiding, []any{"[[10,0]]", 11, 100, "[12]"}, []string{
				"SEARCH r USING PRIMARY KEY (user=? AND room=?)", "SEARCH e USING PRIMARY KEY (room=? AND kind=? AND seq=?)",
				key + "(room=? AND kind=?)", key + "(room=? AND kind=?)", "USING COVERING INDEX entries_there (room=? AND seq>?)", "USING COVERING INDEX entries_there (room=? AND seq>?)",
				"SEARCH mentions USING PRIMARY KEY (user=? AND room=? AND seq>?)", "USE TEMP B-TREE FOR ORDER BY",
			},
		},
		"who sent what is new":    {crowdSenders, []any{"[[10,5]]", 150}, []string{"USING COVERING INDEX entries_there (room=? AND seq>?)"}},
		"newest answers":          {newestAnswers, []any{10, 11, "m", 5, 50}, []string{"SEARCH a USING PRIMARY KEY (room=? AND author=? AND root=? AND seq<?)", "SEARCH e USING PRIMARY KEY (room=? AND kind=? AND seq=? AND twin=?)"}},
		"oldest answers":          {oldestAnswers, []any{10, 11, "m", 5, 50}, []string{"SEARCH a USING PRIMARY KEY (room=? AND author=? AND root=? AND seq>?)", "SEARCH e USING PRIMARY KEY (room=? AND kind=? AND seq=? AND twin=?)"}},
		"the thread of a message": {rootOf, []any{10, "m", 11}, []string{"SEARCH e USING COVERING INDEX entries_by_id (room=? AND id=? AND sender=?)", "SEARCH a USING COVERING INDEX answers_by_seq (room=? AND seq=? AND twin=?)"}},
		"threads of a page":       {repliesBetween, []any{10, 5, 9}, []string{"SEARCH t USING INDEX threads_at (room=? AND at>? AND at<?)"}},
		"threads of a room":       {threadsBefore, []any{10, 5, 50}, []string{"SEARCH t USING INDEX threads_last (room=? AND last<?)"}},
		"followed threads":        {followed, []any{11, 50}, []string{"SEARCH follows USING INDEX follows_touched (user=?)", "SEARCH t USING PRIMARY KEY (room=? AND author=? AND root=?)"}},
		"unread answers":          {unreadAnswers, []any{10, 11, "m", 5, 50, 12, "[]", 100}, []string{"SEARCH answers USING PRIMARY KEY (room=? AND author=? AND root=? AND seq>?)"}},
		"all threads are read":    {readThreads, []any{11}, []string{"SEARCH follows USING", "SEARCH t USING PRIMARY KEY (room=? AND author=? AND root=?)"}},
		"whether one is followed": {followOf, []any{11, 10, 12, "m"}, []string{"SEARCH follows USING PRIMARY KEY (user=? AND room=? AND author=? AND root=?)"}},
		"answers that count":      {countAnswers, []any{10, 11, "m", 50}, []string{"SEARCH answers USING PRIMARY KEY (room=? AND author=? AND root=?)"}},
		"an answer is deleted":    {loseAnswer, []any{10, 5, 0}, []string{"SEARCH answers USING INDEX answers_by_seq (room=? AND seq=? AND twin=?)"}},
		"mentions of a page":      {shownOf, []any{10, 5, 9}, []string{"SEARCH m USING PRIMARY KEY (room=? AND seq>? AND seq<?)"}},
		"mentions of a message":   {mentionsOf, []any{10, 5, 11}, []string{"SEARCH m USING COVERING INDEX mentions_message (room=? AND seq=? AND sender=?)"}},
		"whether a room is empty": {nextRoom, []any{"r"}, []string{"SEARCH rooms USING COVERING INDEX", "SEARCH entries EXISTS USING COVERING INDEX entries_by_id (room=?)"}},
	} {
		plan := sqlitedbtest.Plan(t, s.Read, tt.query, tt.args...)
		rest := plan
		for _, line := range tt.want {
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Errorf("%s: the plan has not, in its place, %s:\n%s", name, line, plan)
			}
			rest = after
		}
		if strings.Contains(rest, "TEMP B-TREE") || strings.Contains(rest, "SCAN entries") {
			t.Errorf("%s: the plan is\n%s", name, plan)
		}
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
	damage(s, "DROP TABLE entries", "DROP TABLE reads", "DROP TABLE jobs", "DROP TABLE unresolved", "DROP TABLE mentions", "DROP TABLE mentioned", "DROP TABLE rooms", "DROP TABLE users",
		"DROP TABLE found", "DROP TABLE documents", "DROP TABLE vocabulary", "DROP TABLE indexing", "DROP TABLE sweep", "DROP TABLE removed", "DROP TABLE holds", "DROP TABLE held", "DROP TABLE follows", "DROP TABLE saved")
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
	damage(s, "ALTER TABLE entries RENAME TO good",
		"CREATE TABLE entries AS SELECT room, kind, 'nonsense' AS seq, 'nonsense' AS twin, sender, gone, past, id, type, author, target, slot, owner, data FROM good",
		"ALTER TABLE reads RENAME TO sound", "CREATE TABLE reads AS SELECT user, room, 'nonsense' AS seq FROM sound")
	for what, read := range map[string]func() error{
		"Oldest":  func() error { _, err := s.Oldest(t.Context(), "x", 0, 9); return err },
		"Since":   func() error { _, err := s.Since(t.Context(), "x", 0, 9); return err },
		"Last":    func() error { _, err := s.Last(t.Context(), "x"); return err },
		"Find":    func() error { _, _, err := s.Find(t.Context(), "x", "x", "x"); return err },
		"Reads":   func() error { _, err := s.Reads(t.Context(), "x"); return err },
		"Highest": func() error { _, err := s.Highest(t.Context()); return err },
		"Messages": func() error {
			_, err := s.Messages(t.Context(), "x", []store.Name{{Sender: "x", ID: "x"}})
			return err
		},
	} {
		if read() == nil {
			t.Errorf("%s returns what is damaged", what)
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
	if seqs, err := s.Erase(t.Context(), "r", store.Name{Sender: "ann", ID: "good"}, scrub); err == nil {
		t.Errorf("a text that cannot be erased: %d", seqs)
	}
	do("DROP TRIGGER full")
	if seqs, err := s.Erase(t.Context(), "r", store.Name{Sender: "ann", ID: "good"}, scrub); err != nil || len(seqs) != 1 {
		t.Errorf("again: %d, %v", seqs, err)
	}
}
