package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/hubbub/backup/archive"
)

// TestPrune removes backups that are old, and nothing else.
func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{
		"hubbub-20260101T000000Z.hubbub", "hubbub-20260102T000000Z.hubbub", "hubbub-20251231T235959Z.hubbub", "hubbub-precious.hubbub", "other",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := prune(dir, 2); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 4 {
		t.Errorf("%v are left, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "hubbub-20251231T235959Z.hubbub")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the oldest is there: %v", err)
	}
}

// TestSpool copies what is read from standard input.
func TestSpool(t *testing.T) {
	path, err := spool(strings.NewReader("a backup"))
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	if got, err := os.ReadFile(path); err != nil || string(got) != "a backup" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestHalfRestored ends a restore in its middle: nothing of it stays, in files and in MongoDB.
func TestHalfRestored(t *testing.T) {
	t.Parallel()
	h := archive.Header{Stores: map[string]archive.Store{directory: {Kind: kindSQLite, Schema: 1}, history: {Kind: kindMongo, Schema: 1}}}
	data := t.TempDir()
	r := Restore{Place: Place{Data: data, Store: "sqlite:", HistoryStore: mongotest.URL(t)}}
	begin := func() *target {
		t.Helper()
		to, err := r.target(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.file(t.Context(), directory, strings.NewReader("half a file")); err != nil {
			t.Fatal(err)
		}
		// {"_id": "a"}
		doc := []byte("\x10\x00\x00\x00\x02_id\x00\x02\x00\x00\x00a\x00\x00")
		if err := to.batch(t.Context(), history, "entries", doc); err != nil {
			t.Fatal(err)
		}
		return to
	}
	to := begin()
	if err := to.close(); err != nil {
		t.Fatal(err)
	}
	if counts, err := to.stocks[history].Count(t.Context()); err != nil || len(counts) > 0 {
		t.Errorf("in MongoDB are %v, %v", counts, err)
	}
	to.unlock()
	if left, _ := filepath.Glob(filepath.Join(data, "*.db*")); len(left) > 1 || len(left) == 1 && !strings.HasSuffix(left[0], ".lock") {
		t.Errorf("in the folder are %v", left)
	}
	// One that was killed has closed nothing.
	killed := begin()
	killed.unlock()
	if _, err := r.target(t.Context(), h); err == nil || !strings.Contains(err.Error(), "an interrupted restore") {
		t.Errorf("what a restore left that was killed: %v", err)
	}
	r.Replace = true
	again := begin()
	if err := again.batch(t.Context(), history, "users", nil); err == nil {
		t.Error("history has taken a collection that it does not know")
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
	again.unlock()
	if _, err := os.Stat(filepath.Join(data, "directory.db")); err == nil {
		t.Error("half a file is there")
	}
}

// TestRestoreBesideADirectory: nothing is restored while a directory is there, whatever it answers,
// nor onto a log, unless that is kept.
func TestRestoreBesideADirectory(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer  error // of a directory
		runs    bool
		entries int
		keep    bool
		want    string // in the error; empty: none
	}{
		"nothing is there":                 {},
		"a directory":                      {runs: true, want: "the directory answers"},
		"a directory, and the log is kept": {runs: true, keep: true, want: "the directory answers"},
		"a directory that refuses":         {runs: true, answer: &bus.Error{Code: "bad_request", Message: "no"}, want: "the directory answers"},
		"a directory that fails":           {runs: true, answer: errors.New("its store is away"), want: "the directory answers"},
		"a log":                            {entries: 1, want: "the bus has a log already"},
		"a log that is kept":               {entries: 1, keep: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := membus.NewServer(membus.Options{}).Open("history")
			t.Cleanup(func() { _ = b.Close() })
			if tt.runs {
				sub, err := b.Serve(t.Context(), directoryService, func(context.Context, []byte) ([]byte, error) { return []byte("{}"), tt.answer })
				if err != nil {
					t.Fatal(err)
				}
				defer sub.Stop()
			}
			for range tt.entries {
				if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "r1", Sender: "ann", ID: "m1", Data: []byte("x")}); err != nil {
					t.Fatal(err)
				}
			}
			err := (&Restore{KeepLog: tt.keep}).unused(t.Context(), b)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
