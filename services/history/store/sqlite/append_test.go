package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestAppendTogether: calls that wait for another's transaction are committed in one, each with an
// outcome of its own; one that ended meanwhile is not stored, and is no harm to the others; and
// where all of them are too many for one transaction, there are several.
func TestAppendTogether(t *testing.T) {
	for _, tt := range []struct {
		name           string
		each           int // entries of a call
		ended, commits int
	}{
		{"one", 3, -1, 1},
		{"one ended", 3, 2, 4}, // each is tried alone
		{"many", mostTogether/2 - 1, -1, 3},
		{"too many", mostTogether + 1, -1, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const calls = 5
			s := openAt(t, filepath.Join(t.TempDir(), "history.db")).(*Store)
			commits := countCommits(t, s)
			entry := func(room, n int) store.Entry {
				e := chat.Event{Type: chat.TypeMsg, Room: fmt.Sprint("r", room), ID: fmt.Sprint("m", n), User: "ann", Text: "a text"}
				data, err := chat.AppendEntry(nil, e)
				if err != nil {
					t.Fatal(err)
				}
				return store.Entry{Room: e.Room, Seq: uint64(n + 1), Sender: e.User, ID: e.ID, Type: e.Type, Data: data}
			}
			s.appending.Lock() // as another call that writes
			var wait sync.WaitGroup
			for i := range calls {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i == tt.ended {
					cancel()
				}
				var entries []store.Entry
				for n := range tt.each {
					entries = append(entries, entry(i, n))
				}
				repeat := entries[tt.each-1]
				repeat.Seq++
				entries = append(entries, repeat)
				wait.Go(func() {
					out, err := s.Append(ctx, entries)
					switch {
					case i == tt.ended:
						if !errors.Is(err, context.Canceled) {
							t.Errorf("the call that ended: %v", err)
						}
					case err != nil:
						t.Error(err)
					case len(out.Repeats) != 1 || out.Repeats[0].Entry.Room != fmt.Sprint("r", i):
						t.Errorf("call %d has the repeats %+v", i, out.Repeats)
					}
				})
			}
			waiting := func() int {
				s.waiting.mu.Lock()
				defer s.waiting.mu.Unlock()
				return len(s.waiting.calls)
			}
			for deadline := time.Now().Add(time.Minute); waiting() < calls; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the calls do not wait")
				}
			}
			s.appending.Unlock()
			wait.Wait()
			if n := commits(); n != tt.commits {
				t.Errorf("%d transactions, want %d", n, tt.commits)
			}
			for i := range calls {
				want := tt.each
				if i == tt.ended {
					want = 0
				}
				n, _, err := one[int](t.Context(), kept{s.file}, `SELECT count(*) FROM entries JOIN rooms ON rooms.n = entries.room WHERE rooms.id = ?`, fmt.Sprint("r", i))
				if err != nil || n != want {
					t.Errorf("room %d has %d entries, want %d: %v", i, n, want, err)
				}
			}
		})
	}
}

// countCommits counts the transactions that a store commits from now on.
func countCommits(t *testing.T, s *Store) func() int {
	t.Helper()
	var mu sync.Mutex
	n := 0
	conn, err := s.Write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
			mu.Lock()
			defer mu.Unlock()
			n++
			return 0
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// TestWordsOfAFailedAppend: what a transaction counted that came to nothing is counted anew, so
// that words are completed however often their messages could not be stored before.
func TestWordsOfAFailedAppend(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "history.db")).(*Store)
	ctx := t.Context()
	do := func(text string) {
		t.Helper()
		if _, err := s.Write.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", ID: "m1", User: "ann", Text: "xylem"})
	if err != nil {
		t.Fatal(err)
	}
	e := store.Entry{Room: "r1", Seq: 1, Sender: "ann", ID: "m1", Type: chat.TypeMsg, Data: data, Terms: store.TermsOf("ann", "xylem", 1, false, false)}
	do(`CREATE TRIGGER full BEFORE INSERT ON vocabulary BEGIN SELECT RAISE(ABORT, 'full'); END`)
	for range 2 { // the third count of a word would not be written
		if _, err := s.Append(ctx, []store.Entry{e}); err == nil {
			t.Fatal("the disk is full, and the entry stored")
		}
	}
	do(`DROP TRIGGER full`)
	if _, err := s.Append(ctx, []store.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if words, err := s.Completions(ctx, "xy", 10); err != nil || len(words) != 1 || words[0] != "xylem" {
		t.Errorf("completed are %q, %v", words, err)
	}
}
