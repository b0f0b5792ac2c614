package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/services/history/store"
)

// held returns the texts that a hold has kept.
func (w *world) held(id string) string {
	w.t.Helper()
	var all []string
	for r := (historyapi.HeldRequest{ID: id}); ; {
		got, err := w.api.Held(w.t.Context(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range got.Entries {
			event, err := chat.DecodeEntry(append([]byte{1}, e.Entry...), e.Seq, 0)
			if err != nil || e.User == "" || e.Type != event.Type {
				w.t.Fatalf("%+v: %v", e, err)
			}
			all = append(all, event.Text)
			r.Room, r.Seq = e.Room, e.Seq
		}
		if !got.More {
			return strings.Join(all, " ")
		}
	}
}

// TestHold: what is edited, deleted, purged, reset, removed by a rule and with its room goes for
// readers, and stays for the hold; lifted, the hold lets it go.
func TestHold(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, bad := range []historyapi.Hold{{ID: "h", Reason: "x"}, {ID: "h", Room: "r1", User: "ann", Reason: "x"}, {ID: "h", User: "ann"}, {ID: "h", Room: "user:ann", Reason: "x"}} {
			if err := w.api.Hold(ctx, bad); chat.CodeOf(err) != chat.CodeBadRequest {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := w.api.Hold(ctx, historyapi.Hold{ID: "h1", User: "ann", Reason: "case 1"}); err != nil {
			t.Fatal(err)
		}
		w.at(40)
		w.say("r1", "ann", "m1", "edited-away")
		w.say("r1", "ann", "m2", "deleted")
		w.say("r1", "bob", "m3", "of-another")
		w.say("r2", "ann", "m4", "reset")
		w.say("r3", "ann", "m5", "expired")
		w.say("r4", "ann", "m6", "with-the-room")
		w.stored("r4", w.say("r4", "ann", "m7", "purged"))
		do := func(kind, id, target, text string) {
			t.Helper()
			if _, code := w.do(chat.Event{Type: kind, Room: "r1", User: "ann", ID: id, Target: target, Text: text}); code != "" {
				t.Fatal(code)
			}
		}
		do(chat.TypeEdited, "e1", "m1", "now")
		do(chat.TypeDeleted, "e2", "m2", "")
		w.eventually("what is deleted is kept, and what is edited is there", func() bool { return w.held("h1") == "deleted" })
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); strings.Contains(got, "edited-away") || strings.Contains(got, "deleted") {
			t.Errorf("readers see %q", got)
		}
		if log := w.log("r1"); strings.Contains(log, `"deleted"`) && strings.Contains(log, "text\":\"deleted") {
			t.Errorf("the log has %s", log)
		}
		do(chat.TypeDeleted, "e3", "m1", "")
		w.eventually("both are kept, with what was edited", func() bool { return w.held("h1") == "edited-away deleted now" })
		w.resets("r2")
		w.keep("r3", retention.Effect{Days: 30})
		if err := w.api.Purge(ctx, historyapi.PurgeRequest{ID: "p1", Room: "r4", User: "ann", Actor: "mod", Name: "Mod"}); err != nil {
			t.Fatal(err)
		}
		w.done()
		if err := w.api.Forget(ctx, "r4"); err != nil {
			t.Fatal(err)
		}
		w.done()
		w.eventually("all is kept", func() bool { return w.held("h1") == "edited-away deleted now reset expired with-the-room purged" })
		if left, err := w.store.Since(ctx, "r4", 0, 10); err != nil || len(left) != 0 {
			t.Errorf("of the deleted room is left %+v, %v", left, err)
		}
		if err := w.api.Hold(ctx, historyapi.Hold{ID: "h2", Room: "r1", Reason: "case 2"}); err != nil {
			t.Fatal(err)
		}
		if h, err := w.api.Lift(ctx, "h1"); err != nil || h.User != "ann" || h.Reason != "case 1" {
			t.Errorf("lifted is %+v, %v", h, err)
		}
		if _, err := w.api.Lift(ctx, "h1"); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("lifted again: %v", err)
		}
		if _, err := w.api.Held(ctx, historyapi.HeldRequest{ID: "h1"}); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("what is lifted: %v", err)
		}
		w.eventually("what another hold is about stays", func() bool { return w.held("h2") == "edited-away deleted now" })
		w.eventually("the rest goes", func() bool {
			left, err := w.store.Held(ctx, store.Hold{User: "ann"}, "", 0, 10)
			return err == nil && len(left) == 3 && left[2].Room == "r1"
		})
		for i := range store.MaxHolds - 1 {
			if err := w.store.PutHold(ctx, store.Hold{ID: fmt.Sprint("x", i), User: "zed", Reason: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.api.Hold(ctx, historyapi.Hold{ID: "h3", User: "ann", Reason: "x"}); chat.CodeOf(err) != chat.CodeTooMany {
			t.Errorf("one hold more than there can be: %v", err)
		}
	})
}

// dropping is a store that has put so many entries aside that no hold is about, or fails.
type dropping struct {
	store.Store
	left  int
	err   error
	calls int
}

func (d *dropping) DropHeld(_ context.Context, limit int) (int, error) {
	d.calls++
	if d.err != nil {
		return 0, d.err
	}
	n := min(limit, d.left)
	d.left -= n
	return n, nil
}

// TestWhatNoHoldKeepsGoes: all of it, however much it is, also if the store fails meanwhile; and a
// store that has none is not asked again.
func TestWhatNoHoldKeepsGoes(t *testing.T) {
	d := &dropping{left: 2*sweepBatch + 5}
	hs := newHolds(d, zap.NewNop())
	for i, want := range []bool{true, false, true, true, false, false} {
		if d.err = nil; i == 1 {
			d.err = errDown
		}
		if more, err := hs.drop(t.Context()); more != want || !errors.Is(err, d.err) {
			t.Errorf("step %d: %v, %v", i, more, err)
		}
	}
	if d.left != 0 || d.calls != 4 {
		t.Errorf("after %d calls %d are left", d.calls, d.left)
	}
}
