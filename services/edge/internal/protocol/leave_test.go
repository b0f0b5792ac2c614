package protocol

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// TestLeaveWithSendsQueued: each send that waits when its room is left is answered, and counts no
// more. The one that is on its way is acknowledged, as the log has it.
func TestLeaveWithSendsQueued(t *testing.T) {
	const pending = 4
	for name, kicked := range map[string]bool{"left": false, "removed": true} {
		t.Run(name, func(t *testing.T) {
			riggedWith(t, 1, func(o *Options) { o.Sends.Pending = pending }, func(r *rig) {
				ann, bob := r.login("ann"), r.login("bob")
				ann.enter("lobby")
				bob.enter("lobby")
				for i := range pending {
					ann.write(`{"type":"send","id":"s%d","room":"lobby","msg_id":"m%d","text":"x"}`, i, i)
				}
				if kicked {
					ann.s.changed(directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby"})
				} else {
					ann.write(`{"type":"leave","id":"l","room":"lobby"}`)
				}
				r.settle()
				answers := map[string]string{}
				for _, f := range ann.all() {
					if f.ID == "" {
						continue // the notice
					}
					if answers[f.ID] != "" {
						t.Errorf("%s is answered twice", f.ID)
					}
					answers[f.ID] = f.Type
					if f.Type == "error" && (f.Code != chat.CodeNotJoined || f.MsgID != "m"+f.ID[1:] || f.Room != "lobby") {
						t.Errorf("refused with %s", f.raw)
					}
				}
				want := map[string]string{"s0": "ack", "s1": "error", "s2": "error", "s3": "error"}
				if !kicked {
					want["l"] = "ack"
				}
				if fmt.Sprint(answers) != fmt.Sprint(want) {
					t.Errorf("answered with %v, want %v", answers, want)
				}
				bob.want("msg", "m0")
				if n := ann.s.sends.Probe().Pending(ann.slot); n != 0 {
					t.Errorf("%d sends are counted for ever", n)
				}
				ann.enter("lobby")
				for i := range pending { // and may be used again
					ann.write(`{"type":"send","id":"t%d","room":"lobby","msg_id":"n%d","text":"x"}`, i, i)
				}
				r.settle()
				acks := 0
				for _, f := range ann.all() {
					if f.Type == "ack" {
						acks++
					}
				}
				if acks != pending {
					t.Errorf("%d of %d sends are acknowledged after the room was entered again", acks, pending)
				}
			})
		})
	}
}

// TestLeaveWhilePermissionIsAsked: a send whose permission is being asked for when the room is left
// is answered and not sent.
func TestLeaveWhilePermissionIsAsked(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		ann.enter("lobby")
		bob.enter("lobby")
		r.permit("x", "x", member, directory.Change{Kind: directory.ChangeAccess, Access: member, User: "ann", Room: "lobby"})
		if _, known := r.hub.sess.Access.Cached("ann", "lobby"); known {
			t.Fatal("the permission is known")
		}
		ann.write(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		ann.write(`{"type":"leave","id":"l","room":"lobby"}`)
		r.settle()
		answers := map[string]string{}
		for _, f := range ann.all() {
			answers[f.ID] += f.Type
		}
		if answers["s"] != "error" || answers["l"] != "ack" || len(answers) != 2 {
			t.Errorf("answered with %v", answers)
		}
		bob.quiet()
	})
}
