package history

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// log returns what a room's log has, as text.
func (w *world) log(room string) string {
	w.t.Helper()
	r, err := w.bus.Replay(w.t.Context(), room, bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, e := range r.Entries {
		all = append(all, string(e.Data[1:]))
	}
	return strings.Join(all, "\n")
}

// done waits until no job is left.
func (w *world) done() {
	w.t.Helper()
	for range 1000 { // seconds, which pass by themselves in a bubble
		if open, err := w.store.OpenJobs(w.t.Context(), 10); err == nil && len(open) == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatal("what is to be removed is not removed")
}

// TestPurge: a person's messages go, in all rooms or in one, from a time on or all; others' stay.
func TestPurge(t *testing.T) {
	for name, tt := range map[string]struct {
		req  historyapi.PurgeRequest
		want map[string]string
	}{
		"everywhere":         {historyapi.PurgeRequest{}, map[string]string{"r1": "bob-old bob", "r2": "", "r3": "bob"}},
		"in a room":          {historyapi.PurgeRequest{Room: "r1"}, map[string]string{"r1": "bob-old bob", "r2": "ann2", "r3": "bob"}},
		"of the last moment": {historyapi.PurgeRequest{After: 3}, map[string]string{"r1": "ann-old bob-old bob", "r2": "", "r3": "bob"}},
		"of nobody":          {historyapi.PurgeRequest{User: "eve"}, map[string]string{"r1": "ann-old bob-old ann bob edited", "r2": "ann2", "r3": "bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.say("r1", "ann", "m1", "ann-old")
				w.say("r1", "bob", "m1", "bob-old") // the id that hers has
				w.say("r1", "ann", "m3", "ann")
				w.say("r1", "bob", "m4", "bob")
				w.say("r1", "ann", "m5", "first")
				if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m5", Text: "edited"}); code != "" {
					t.Fatal(code)
				}
				w.stored("r2", w.say("r2", "ann", "m1", "ann2"))
				last := w.say("r3", "bob", "m1", "bob")
				w.stored("r3", last)
				req := tt.req
				req.ID, req.Actor, req.Name = "p1", "mod", "Mod"
				if req.User == "" {
					req.User = "ann"
				}
				for range 2 { // a repeat asks for nothing new
					if err := w.api.Purge(t.Context(), req); err != nil {
						t.Fatal(err)
					}
				}
				w.done()
				for room, want := range tt.want {
					w.eventually("it has gone from "+room, func() bool {
						return strings.Join(strings.Fields(texts(w.page(historyapi.PageRequest{Room: room}))), " ") == want
					})
				}
				if name != "everywhere" {
					return
				}
				deletions := 0
				for _, e := range w.page(historyapi.PageRequest{Room: "r1"}).Messages {
					if e.Deleted != (e.User == "ann") {
						t.Errorf("deleted is %v of %+v", e.Deleted, e)
					}
				}
				w.eventually("the log has no text of hers", func() bool {
					log := w.log("r1") + w.log("r2")
					deletions = strings.Count(log, `"type":"deleted"`)
					return !strings.Contains(log, `"text":"ann`) && !strings.Contains(log, `"text":"first"`) && !strings.Contains(log, `"text":"edited"`)
				})
				if deletions != 4 || strings.Count(w.log("r1"), `"user":"mod","name":"Mod"`) != 3 {
					t.Errorf("%d deletions: %s", deletions, w.log("r1"))
				}
				// What is written later stays.
				w.clock.Store(1 << 50)
				w.stored("r1", w.say("r1", "ann", "m9", "later"))
				if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); !strings.HasSuffix(got, " later") {
					t.Errorf("the page is %q", got)
				}
			})
		})
	}
}

// TestPurgeOfTheLog: messages that were in the log only when the purge began are deleted as they
// are taken in.
func TestPurgeOfTheLog(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.store.down.Store(true)
		w.say("r1", "ann", "m1", "ann")
		last := w.say("r1", "bob", "m2", "bob")
		if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", User: "ann", Actor: "mod"}); err != nil {
			t.Fatal(err)
		}
		w.done()
		w.store.down.Store(false)
		w.stored("r1", last)
		w.eventually("it has gone", func() bool { return texts(w.page(historyapi.PageRequest{Room: "r1"})) == " bob" })
		w.eventually("also from the log", func() bool { return !strings.Contains(w.log("r1"), `"text":"ann"`) })
	})
}

// TestPurgeAskedForAgain: of a request that comes again, the time of the first counts.
func TestPurgeAskedForAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ask := func() {
			t.Helper()
			if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", User: "ann", Actor: "mod"}); err != nil {
				t.Fatal(err)
			}
		}
		ask()
		w.done()
		time.Sleep(time.Minute)
		w.clock.Store(time.Now().UnixMilli())
		ask()
		w.stored("r1", w.say("r1", "ann", "m1", "after the purge"))
		time.Sleep(time.Minute)
		if log := w.log("r1"); strings.Contains(log, "deleted") || !strings.Contains(log, "after the purge") {
			t.Errorf("the log is %s", log)
		}
	})
}

// TestPurgeGoesOn: a purge that fails halfway, and one whose process ends, goes on from where it
// had got, to its end.
func TestPurgeGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 130
		var last uint64
		for i := range n {
			last = w.say("r1", "ann", fmt.Sprintf("m%03d", i), "x")
		}
		w.stored("r1", last)
		var deletions atomic.Int64
		w.server.Fail(func(call, name string) error {
			if call == "Append" && name == "r1" && deletions.Add(1) > 60 {
				return errors.New("away")
			}
			return nil
		})
		if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", User: "ann", Room: "r1", Actor: "mod"}); err != nil {
			t.Fatal(err)
		}
		for deletions.Load() < 62 { // it has failed, and was tried again
			time.Sleep(time.Second)
		}
		w.stop()
		w.server.Fail(nil)
		again, _ := start(t, connect(t, w.server), w.store)
		again.server, again.forgets = w.server, w.forgets
		again.done()
		again.eventually("all have gone", func() bool {
			return strings.TrimSpace(texts(again.page(historyapi.PageRequest{Room: "r1", Limit: 200}))) == ""
		})
		if got := strings.Count(again.log("r1"), `"type":"deleted"`); got != n {
			t.Errorf("%d deletions of %d messages", got, n)
		}
	})
}

// TestForget: nothing is left of a room, in the record or in the log, and what somebody writes
// there late is taken off again.
func TestForget(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var last uint64
		for i := range 600 {
			last = w.say("r1", "ann", fmt.Sprint("m", i), "x")
		}
		w.say("r2", "ann", "m1", "stays")
		w.stored("r1", last)
		for _, room := range []string{"r1", "r2"} {
			if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: room, User: "bob", Seq: 7}); err != nil {
				t.Fatal(err)
			}
		}
		for _, room := range []string{"r1", "r2"} {
			if err := errors.Join(
				w.store.PutSaved(t.Context(), store.Saved{User: "bob", Room: room, Author: "ann", ID: "m1", TS: 1}),
				w.store.PutFollow(t.Context(), store.Follow{User: "bob", Room: room, Author: "ann", ID: "m1", Following: true}),
				w.store.PutMentions(t.Context(), store.Mentions{Room: room, Seq: 5, Sender: "ann", Users: []string{"bob"}, Visible: []string{"bob"}}, nil),
			); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := w.api.Forget(t.Context(), "r1"); err != nil {
				t.Fatal(err)
			}
		}
		w.done()
		gone := func() bool {
			got, err := w.store.Since(t.Context(), "r1", 0, 10)
			return err == nil && len(got) == 0 && w.log("r1") == ""
		}
		if !gone() {
			t.Errorf("left are %s", w.log("r1"))
		}
		if reads, err := w.store.Reads(t.Context(), "bob"); err != nil || len(reads) != 1 {
			t.Errorf("read positions are %v, %v", reads, err)
		}
		saved, err := w.store.Saved(t.Context(), "bob", math.MaxInt64, 10)
		if err != nil || len(saved) != 1 || saved[0].Room != "r2" {
			t.Errorf("saved are %+v, %v", saved, err)
		}
		follows, err := w.store.Follows(t.Context(), "bob", 10)
		if err != nil || len(follows) != 1 || follows[0].Room != "r2" {
			t.Errorf("followed are %+v, %v", follows, err)
		}
		for room, want := range map[string]int{"r1": 0, "r2": 1} {
			if got, err := w.store.ShownMentions(t.Context(), room, 0, 10); err != nil || len(got) != want {
				t.Errorf("mentions in %s are %+v, %v", room, got, err)
			}
		}
		w.say("r1", "ann", "late", "late")
		w.stored("r2", w.say("r2", "ann", "m2", "too"))
		w.eventually("it has gone again", gone)
		if got := texts(w.page(historyapi.PageRequest{Room: "r2"})); got != "stays too" {
			t.Errorf("the other room has %q", got)
		}
	})
}

func TestBadPurges(t *testing.T) {
	w, _ := start(t, connect(t, membus.NewServer(membus.Options{})), openStore(t, filepath.Join(t.TempDir(), "history.db")))
	for _, r := range []historyapi.PurgeRequest{
		{User: "ann", Actor: "mod"}, {ID: "p 1", User: "ann", Actor: "mod"}, {ID: "p1", Actor: "mod"}, {ID: "p1", User: "ann"},
		{ID: "p1", User: "ann", Actor: "mod", Room: "_control"}, {ID: "p1", User: "ann", Actor: "mod", Room: "a b"},
	} {
		if code := chat.CodeOf(w.api.Purge(t.Context(), r)); code != chat.CodeBadRequest {
			t.Errorf("%+v: %q", r, code)
		}
	}
	for _, room := range []string{"", "_control", "a b"} {
		if code := chat.CodeOf(w.api.Forget(t.Context(), room)); code != chat.CodeBadRequest {
			t.Errorf("forget %q: %q", room, code)
		}
	}
}

// TestPurgeStepsResume: a step of a purge goes on behind the last message that was dealt with, and
// one that fails, at the one that failed.
func TestPurgeStepsResume(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var last uint64
		for i := range 10 {
			last = w.say("r1", "ann", fmt.Sprint("m", i), "x")
		}
		w.stored("r1", last)
		var tries, fail int
		w.server.Fail(func(call, name string) error {
			if call != "Append" || name != "r1" {
				return nil
			}
			if tries++; tries == fail {
				return errors.New("away")
			}
			return nil
		})
		// which nobody works on but the test
		j := store.Job{ID: "p1", User: "ann", Actor: "mod", Created: time.Now().UnixMilli()}
		for _, step := range []struct{ fail, at int }{{1, 10}, {1, 10}, {4, 7}, {3, 5}} {
			tries, fail = 0, step.fail
			if through, err := w.removal.purgeSome(t.Context(), &j); err == nil || through {
				t.Fatalf("through: %v, %v", through, err)
			}
			want := ""
			if step.at < 10 {
				want = fmt.Sprint("m", step.at)
			}
			if j.AtRoom != "r1" || j.AtID != want {
				t.Errorf("the step is at %q of %q, want %q", j.AtID, j.AtRoom, want)
			}
		}
		fail = 0
		if through, err := w.removal.purgeSome(t.Context(), &j); err != nil || !through || j.AtRoom != "" || j.AtID != "" {
			t.Errorf("the last step: through: %v, %v, %+v", through, err, j)
		}
		if got := strings.Count(w.log("r1"), `"type":"deleted"`); got != 10 {
			t.Errorf("%d deletions of 10 messages", got)
		}
	})
}

// TestPurgeOfWhatAnotherTookIn: what a process that had not heard of the purge yet takes in after
// the first pass is found by the second.
func TestPurgeOfWhatAnotherTookIn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.clock.Store(time.Now().UnixMilli())
		w.stored("r1", w.say("r1", "ann", "m1", "x"))
		if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", User: "ann", Actor: "mod"}); err != nil {
			t.Fatal(err)
		}
		w.eventually("the first pass is done", func() bool {
			open, err := w.store.OpenJobs(t.Context(), 1)
			return err == nil && len(open) == 1 && open[0].Pass == 1
		})
		time.Sleep(time.Second)
		w.jobs.set(nil, time.Now()) // until the next refresh
		w.stored("r1", w.say("r1", "ann", "m2", "late"))
		if strings.Contains(w.log("r1"), `"target":"m2"`) {
			t.Fatal("the process knows of the purge")
		}
		w.done()
		w.eventually("it has gone", func() bool { return strings.TrimSpace(texts(w.page(historyapi.PageRequest{Room: "r1"}))) == "" })
	})
}

// TestForgetIsNotOverBeforeTheLogIs: as long as the log has entries of a room, the room is not
// forgotten, also where the record has none.
func TestForgetIsNotOverBeforeTheLogIs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.store.down.Store(true) // nothing is taken in
		w.store.readers.Store(true)
		for i := range forgetBatch + 1 {
			w.say("r1", "ann", fmt.Sprint("m", i), "x")
		}
		j := store.Job{ID: forgetID("r1"), Room: "r1"}
		for step, want := range []bool{false, false, true} {
			if through, err := w.removal.forgetSome(t.Context(), &j); err != nil || through != want {
				t.Errorf("step %d: nothing is left: %v, %v", step, through, err)
			}
		}
		if log := w.log("r1"); log != "" {
			t.Errorf("left are %s", log)
		}
	})
}

// TestPurgeOfOneRoomsLog: a purge of one room leaves alone what is taken in of others, from the log
// as from the record.
func TestPurgeOfOneRoomsLog(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.store.down.Store(true)
		w.say("r1", "ann", "m1", "purged")
		last := w.say("r2", "ann", "m2", "stays")
		if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", Room: "r1", User: "ann", Actor: "mod"}); err != nil {
			t.Fatal(err)
		}
		w.done()
		w.store.down.Store(false)
		w.stored("r2", last)
		w.eventually("it has gone", func() bool { return !strings.Contains(w.log("r1"), `"text":"purged"`) })
		if got := w.log("r2"); !strings.Contains(got, `"text":"stays"`) || strings.Contains(got, "deleted") {
			t.Errorf("the other room's log is %s", got)
		}
	})
}
