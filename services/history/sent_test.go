package history

import (
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/history/store/mongo"
)

// eachStore runs a test on both stores.
func eachStore(t *testing.T, run func(t *testing.T, s *gated)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, openStore(t, filepath.Join(t.TempDir(), "history.db"))) })
	t.Run("mongo", func(t *testing.T) {
		s, err := mongo.Open(t.Context(), mongotest.URL(t), zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		run(t, &gated{Store: s})
	})
}

// sent asks for a message, and returns its Seq and time, or the code of the error.
func (w *world) sent(room, user, id string) (historyapi.Sent, string) {
	w.t.Helper()
	got, err := w.api.Sent(w.t.Context(), historyapi.SentRequest{Room: room, User: user, ID: id})
	return got, chat.CodeOf(err)
}

// is fails the test unless a message is known at a place, 0 being none.
func (w *world) is(what, room, user, id string, seq uint64, ts int64) {
	w.t.Helper()
	if got, code := w.sent(room, user, id); code != "" || got != (historyapi.Sent{Seq: seq, TS: ts}) {
		w.t.Errorf("%s: %+v %s, want %d at %d", what, got, code, seq, ts)
	}
}

// TestSent looks for a message wherever it may be: in the log alone, in the store too, and in the
// store alone.
func TestSent(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		hold := func(on bool) { // what is appended stays in the log alone
			s.readers.Store(on)
			s.down.Store(on)
		}
		w.is("never sent", "r1", "ann", "m1", 0, 0)
		bobs := w.say("r1", "bob", "m1", "another's with the same id")
		bobsTS := w.clock.Load()
		w.stored("r1", bobs)
		w.is("another's", "r1", "ann", "m1", 0, 0)

		hold(true)
		seq := w.say("r1", "ann", "m1", "hello")
		ts := w.clock.Load()
		w.is("in the log alone", "r1", "ann", "m1", seq, ts)
		w.is("in another room", "r2", "ann", "m1", 0, 0)
		w.is("another's, in the log alone", "r1", "eve", "m1", 0, 0)
		hold(false)
		w.stored("r1", seq)
		w.is("stored", "r1", "ann", "m1", seq, ts)

		hold(true)
		gone, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "bob", ID: "d1", Target: "m1", Author: "bob"})
		if code != "" {
			t.Fatal(code)
		}
		w.is("deleted, which is not stored", "r1", "bob", "m1", bobs, bobsTS)
		hold(false)
		w.stored("r1", gone)
		w.eventually("the log has the text no more", func() bool {
			log, err := w.bus.Replay(t.Context(), "r1", bus.Position{}, 100)
			return err == nil && len(log.Entries) == 2
		})
		w.is("deleted", "r1", "bob", "m1", bobs, bobsTS)
		w.is("another's was deleted", "r1", "ann", "m1", seq, ts)

		if _, code := w.sent("r1", "bob", "d1"); code != chat.CodeConflict {
			t.Errorf("the id of a deletion: %q", code)
		}
		for _, bad := range [][3]string{{"r 1", "ann", "m1"}, {"r1", "", "m1"}, {"r1", "ann", ""}, {chat.ControlRoom, "ann", "m1"}} {
			if _, code := w.sent(bad[0], bad[1], bad[2]); code != chat.CodeBadRequest {
				t.Errorf("%q: %q", bad, code)
			}
		}
	})
}

// TestSentAfterRestart asks a service that was started again with a backlog, one that has lost its
// store, and one that cannot get at it.
func TestSentAfterRestart(t *testing.T) {
	b := openBus(t)
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	w, stop := start(t, b, s)
	seq := w.say("r1", "ann", "m1", "hello")
	w.stored("r1", seq)
	stop()
	s.readers.Store(true)
	s.down.Store(true)
	later := w.say("r1", "ann", "m2", "while history is away")
	w, stop = start(t, b, s)
	w.eventually("it serves", func() bool {
		_, code := w.sent("r1", "ann", "m0")
		return code == ""
	})
	w.is("stored before the restart", "r1", "ann", "m1", seq, 1)
	w.is("in the backlog", "r1", "ann", "m2", later, 2)
	s.readers.Store(false)
	if got, code := w.sent("r1", "ann", "m3"); code != chat.CodeUnavailable {
		t.Errorf("without the store: %+v %q", got, code)
	}
	s.down.Store(false)
	w.stored("r1", later)
	// else the log gives the store that follows the last of them again, and it alone
	if err := w.bus.CatchUp(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	stop()
	w, _ = start(t, b, openStore(t, filepath.Join(t.TempDir(), "empty.db")))
	w.is("the store was lost", "r1", "ann", "m1", seq, 1)
	w.is("the store was lost", "r1", "ann", "m2", later, 2)
}
