package protocol

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
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
