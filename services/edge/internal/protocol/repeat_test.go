package protocol

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestIDInUse sends with ids that the sender has used: a repeat is acknowledged as the first was,
// and what is no repeat is refused, whether the log tells or has lost the text and the record
// tells. Others' ids have nothing to do with it.
func TestIDInUse(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		var stored history.Sent
		var refused error
		serve(r, history.ServiceSent, func(history.SentRequest) (history.Sent, error) { return stored, refused })
		ann := r.login("ann")
		ann.enter("lobby")
		send := func(id string) {
			r.t.Helper()
			time.Sleep(time.Second)
			ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":%q,"text":"x"}`, id)
		}
		acked := func(what string, seq uint64, ts int64) {
			r.t.Helper()
			f := ann.want("ack", "s")
			if f.Seq != seq || f.TS != ts {
				r.t.Errorf("%s: acknowledged as %d at %d, want %d at %d", what, f.Seq, f.TS, seq, ts)
			}
		}
		about := func(kind, id string) uint64 {
			return r.put(chat.Event{Type: kind, Room: "lobby", User: "ann", ID: id, Target: "m", Author: "bob", Emoji: "x"})
		}
		for _, kind := range []string{chat.TypeReacted, chat.TypeEdited, chat.TypePinned, chat.TypeDeleted} {
			about(kind, kind)
			ann.all()
			send(kind)
			ann.refused("s", chat.CodeConflict)
		}

		r.put(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "bob", ID: "m1", Text: "bob's"})
		m1 := r.put(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "ann", ID: "m1", Text: "x", TS: 11})
		ann.all()
		send("m1")
		acked("a repeat", m1, 11)
		if n := r.asked[history.ServiceSent]; n > 0 {
			r.t.Errorf("the record was asked %d times for what the log has", n)
		}
		r.put(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "ann", ID: "m2", Text: "what stands after it", TS: 12})
		ann.all()

		remove := func(seq uint64) {
			r.t.Helper()
			if err := r.bus.Remove(r.t.Context(), "lobby", seq); err != nil {
				r.t.Fatal(err)
			}
		}
		remove(m1)
		stored = history.Sent{Seq: m1, TS: 11}
		send("m1")
		acked("a repeat of what was deleted", m1, 11)
		stored = history.Sent{}
		send("m1")
		if f := ann.want("ack", "s"); f.Seq != m1 {
			r.t.Errorf("a repeat that the record has lost: acknowledged as %d, want %d", f.Seq, m1)
		}
		remove(about(chat.TypeEdited, "e1"))
		ann.all()
		for _, code := range []string{chat.CodeConflict, chat.CodeUnavailable} {
			refused = &chat.Error{Code: code, Message: fmt.Sprint(code, " for the test")}
			send("e1")
			ann.refused("s", code)
		}
		r.server.Fail(func(call, _ string) error {
			if call == "Replay" {
				return bus.ErrUnavailable
			}
			return nil
		})
		send("m1")
		ann.refused("s", chat.CodeUnavailable)
		r.server.Fail(nil)
		if n := ann.s.sends.Probe().Pending(ann.slot); n != 0 {
			r.t.Errorf("%d sends count as not acknowledged", n)
		}
	})
}
