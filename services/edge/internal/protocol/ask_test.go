package protocol

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/work"
)

// TestAskFirst sends in a direct room whose other has not accepted it: the directory is asked each
// time, order holds, what it refuses is not sent, and nothing is asked once the room is like
// others.
func TestAskFirst(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		var asked []string
		serve(r, directory.ServiceAsk, func(q directory.AskRequest) (directory.AskReply, error) {
			asked = append(asked, q.User+" "+q.Room+" "+q.ID)
			if len(asked) > 2 {
				return directory.AskReply{}, chat.E(chat.CodeForbidden, "no more until they are accepted")
			}
			return directory.AskReply{}, nil
		})
		waiting := directory.Access{Role: directory.RoleMember, Read: true, Direct: true, Ask: true}
		r.access[[2]string{"eve", "d-X"}] = waiting
		eve := r.login("eve")
		eve.enter("d-X")
		send := func(id string) {
			eve.say(`{"type":"send","id":%q,"room":"d-X","msg_id":%q,"text":"hello"}`, id, id)
		}
		for i := range 3 {
			send(fmt.Sprint("m", i))
		}
		r.pass(time.Second)
		got := eve.all()
		one, two := answered(got, "m0"), answered(got, "m1")
		if one.Seq == 0 || two.Seq <= one.Seq {
			t.Errorf("acknowledged with %d and %d", one.Seq, two.Seq)
		}
		if f := answered(got, "m2"); f.Code != chat.CodeForbidden {
			t.Errorf("one too many: %+v", f)
		}
		eve.say(`{"type":"typing","id":"t","room":"d-X"}`)
		eve.refused("t", chat.CodeForbidden) // who is asked is not to see that somebody types
		r.fail(directory.ServiceAsk, chat.Unavailable("away", time.Second))
		send("m3")
		r.pass(time.Second)
		eve.refused("m3", chat.CodeUnavailable)
		n := len(asked)
		r.permit("eve", "d-X", member, directory.Change{Kind: directory.ChangeRoom, Room: "d-X"})
		r.pass(time.Second)
		send("m4")
		r.pass(time.Second)
		if answered(eve.all(), "m4").Seq == 0 || len(asked) != n || asked[0] != "eve d-X m0" {
			t.Errorf("asked %q", asked)
		}
	})
}

// TestAskedOfWhoLeaves: what a member who has left was asking for is not sent, and what waits
// behind it is not either; a question for which nobody has time is answered.
func TestAskedOfWhoLeaves(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		answer := make(chan struct{})
		serve(r, directory.ServiceAsk, func(q directory.AskRequest) (directory.AskReply, error) {
			<-answer
			return directory.AskReply{}, nil
		})
		r.access[[2]string{"eve", "d-X"}] = directory.Access{Role: directory.RoleMember, Read: true, Direct: true, Ask: true}
		eve := r.login("eve")
		eve.enter("lobby")
		for i := range 2 {
			eve.write(`{"type":"send","room":"lobby","msg_id":"first%d","text":"x"}`, i)
		}
		r.settle()
		eve.all()
		eve.enter("d-X")
		send := func(id string) { eve.say(`{"type":"send","id":%q,"room":"d-X","msg_id":%q,"text":"hello"}`, id, id) }
		send("m0")
		send("m1")
		eve.say(`{"type":"leave","id":"l","room":"d-X"}`)
		close(answer)
		r.pass(time.Second)
		got := eve.all()
		for _, id := range []string{"m0", "m1"} {
			if f := answered(got, id); f.Code != chat.CodeNotJoined || f.MsgID != id || f.Room != "d-X" {
				t.Errorf("%s is answered with %+v", id, f)
			}
		}
		if log, err := r.bus.Replay(r.t.Context(), "d-X", bus.Position{}, 10); err != nil || len(log.Entries) > 0 {
			t.Errorf("the log has %d entries, %v", len(log.Entries), err)
		}
		eve.enter("d-X")
		send("m2")
		r.pass(time.Second)
		if f := answered(eve.all(), "m2"); f.Seq == 0 {
			t.Errorf("after coming back: %+v", f)
		}
		r.hub.sess.Jobs = work.New(0, 0)
		send("m3")
		eve.refused("m3", chat.CodeUnavailable)
		r.forget("eve", "d-X")
		send("m4")
		eve.refused("m4", chat.CodeUnavailable)
	})
}
